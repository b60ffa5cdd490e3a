# SPDX-License-Identifier: MIT
"""The C files compile for other CPUs: with their ports, and for one that has none.

With clang, Debian's C libraries for cross compilers, and the ffitarget.h of each CPU from libffi's
source: closures have 12, 16, 24 or 32 bytes before their cif, words 4 or 8, in either byte order.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import core_sources
import pytest
from support import core, libffi_suite


@dataclass(frozen=True)
class Cpu:
    """`cross` is the folder of the C library's headers in /usr.

    The folder of ffitarget.h begins with `libffi`: that of loongarch64 has two names.
    """

    triple: str
    cross: str
    libffi: str
    port: str
    flags: tuple[str, ...] = ()


CPUS = {
    "aarch64": Cpu("aarch64-linux-gnu", "aarch64-linux-gnu", "aarch64", "aarch64"),
    "arm": Cpu("arm-linux-gnueabihf", "arm-linux-gnueabihf", "arm", "arm"),
    "i386": Cpu("i686-linux-gnu", "i686-linux-gnu", "x86", "i386"),
    "ppc64le": Cpu("powerpc64le-linux-gnu", "powerpc64le-linux-gnu", "powerpc", "ppc64le"),
    "riscv64": Cpu(
        "riscv64-linux-gnu", "riscv64-linux-gnu", "riscv", "riscv64",
        flags=("-march=rv64gc", "-mabi=lp64d"),
    ),
    "s390x": Cpu("s390x-linux-gnu", "s390x-linux-gnu", "s390", "s390x"),
    # Its data model is that of riscv64; Debian 12 has no C library and no compiler for it.
    "loongarch64": Cpu(
        "riscv64-linux-gnu", "riscv64-linux-gnu", "loongarch", "loongarch64",
        flags=("-march=rv64gc", "-mabi=lp64d", "-D__loongarch__", "-D__loongarch64",
               "-D__loongarch_grlen=64", "-D__loongarch_double_float"),
    ),
    # Without a port: closures larger than a record of eight words, and no Go closures.
    "mips64el": Cpu("mips64el-linux-gnuabi64", "mips64el-linux-gnuabi64", "mips", "generic"),
}  # fmt: skip


@functools.cache
def libffi_source() -> Path:
    try:
        return libffi_suite.source()
    except libffi_suite.Unavailable as absent:
        pytest.skip(f"{absent} is not available")


def headers(cpu: Cpu) -> Path:
    """A folder with libffi's headers for the CPU."""
    folder = core.new_folder()
    source = libffi_source()
    values = {"TARGET": cpu.libffi.upper(), "HAVE_LONG_DOUBLE": "1", "VERSION": "3",
              "FFI_VERSION_STRING": "3", "FFI_VERSION_NUMBER": "3",
              "FFI_EXEC_TRAMPOLINE_TABLE": "0"}  # fmt: skip
    text = (source / "include/ffi.h.in").read_text()
    (folder / "ffi.h").write_text(re.sub(r"@(\w+)@", lambda found: values[found[1]], text))
    (target,) = source.glob(f"src/{cpu.libffi}*/ffitarget.h")
    (folder / "ffitarget.h").write_text(target.read_text())
    return folder


PARTS = ("core", "linked", "nested", "preload", "shared")


def sources(port: str) -> list[Path]:
    portable = [core_sources.portable(part) for part in PARTS]
    own = [core_sources.of_architecture(port, part) for part in ("sources", "linked", "preload")]
    return [path for paths in (*portable, *own) for path in paths if path.suffix == ".c"]


@pytest.mark.parametrize("name", CPUS)
def test_compiles(name: str) -> None:
    cpu = CPUS[name]
    core.need("clang")
    include = Path("/usr", cpu.cross, "include")
    if not include.is_dir():
        pytest.skip(f"{include} is not there: the C library's headers for {cpu.triple}")
    command = [
        "clang", f"--target={cpu.triple}", *cpu.flags, "-fsyntax-only", "-std=gnu11", "-Wall",
        "-Wextra", "-Werror", "-isystem", include, "-I", headers(cpu),
        *core_sources.Target(cpu.port, "glibc").include_flags(),
    ]  # fmt: skip
    for source in sources(cpu.port):
        core.check(*command, source)
