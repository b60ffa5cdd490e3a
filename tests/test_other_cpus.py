# SPDX-License-Identifier: MIT
"""All that does not depend on the CPU compiles for CPUs that have no port yet.

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
    relocations: str  # the CPU's part of their names
    jump_slot: str = "JUMP_SLOT"
    glob_dat: str = "GLOB_DAT"
    word: str = "64"
    kind: str = "rela"
    flags: tuple[str, ...] = ()


CPUS = {
    "aarch64": Cpu("aarch64-linux-gnu", "aarch64-linux-gnu", "aarch64", "AARCH64", word="ABS64"),
    "arm": Cpu(
        "arm-linux-gnueabihf", "arm-linux-gnueabihf", "arm", "ARM", word="ABS32", kind="rel"
    ),
    "i386": Cpu(
        "i686-linux-gnu", "i686-linux-gnu", "x86", "386", "JMP_SLOT", word="32", kind="rel"
    ),
    "ppc64le": Cpu(
        "powerpc64le-linux-gnu", "powerpc64le-linux-gnu", "powerpc", "PPC64", "JMP_SLOT",
        word="ADDR64",
    ),
    "riscv64": Cpu(
        "riscv64-linux-gnu", "riscv64-linux-gnu", "riscv", "RISCV", glob_dat="64",
        flags=("-march=rv64gc", "-mabi=lp64d"),
    ),
    "s390x": Cpu("s390x-linux-gnu", "s390x-linux-gnu", "s390", "390", "JMP_SLOT"),
    # Its data model is that of riscv64; Debian 12 has no C library and no compiler for it.
    "loongarch64": Cpu(
        "riscv64-linux-gnu", "riscv64-linux-gnu", "loongarch", "LARCH", glob_dat="64",
        flags=("-march=rv64gc", "-mabi=lp64d", "-D__loongarch__", "-D__loongarch64",
               "-D__loongarch_grlen=64", "-D__loongarch_double_float"),
    ),
}  # fmt: skip


@functools.cache
def libffi_source() -> Path:
    try:
        return libffi_suite.source()
    except libffi_suite.Unavailable as absent:
        pytest.skip(f"{absent} is not available")


def headers(cpu: Cpu) -> Path:
    """A folder with libffi's headers for the CPU, and those of a port to it."""
    folder = core.new_folder()
    source = libffi_source()
    values = {"TARGET": cpu.libffi.upper(), "HAVE_LONG_DOUBLE": "1", "VERSION": "3",
              "FFI_VERSION_STRING": "3", "FFI_VERSION_NUMBER": "3",
              "FFI_EXEC_TRAMPOLINE_TABLE": "0"}  # fmt: skip
    text = (source / "include/ffi.h.in").read_text()
    (folder / "ffi.h").write_text(re.sub(r"@(\w+)@", lambda found: values[found[1]], text))
    (target,) = source.glob(f"src/{cpu.libffi}*/ffitarget.h")
    (folder / "ffitarget.h").write_text(target.read_text())
    (folder / "cpu.h").write_text(
        "#define TFD_SLOT_SIZE 16\n#define TFD_PORT_PAGE_MAX 65536\n"
        "#define TFD_PORT_PROT_EXEC PROT_EXEC\n#define TFD_PORT_RESULT_32 0\n"
        "#define TFD_PORT_RESULT_ADDRESS 0\n"
    )
    (folder / "relocations.h").write_text(
        f'#include "base/{cpu.kind}.h"\n'
        f"#define TFD_PORT_JUMP_SLOT R_{cpu.relocations}_{cpu.jump_slot}\n"
        f"#define TFD_PORT_GLOB_DAT R_{cpu.relocations}_{cpu.glob_dat}\n"
        f"#define TFD_PORT_WORD R_{cpu.relocations}_{cpu.word}\n"
    )
    return folder


def portable_sources() -> list[Path]:
    parts = ("core", "linked", "nested", "preload", "shared")
    generic = sorted((core.BACKEND / "arch/generic").glob("*.c"))
    return [*(path for part in parts for path in core_sources.portable(part)), *generic]


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
        "-I", core.BACKEND / "include", "-I", core.BACKEND, "-I", core.BACKEND / "libc/glibc",
    ]  # fmt: skip
    for source in portable_sources():
        core.check(*command, source)
