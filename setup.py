# SPDX-License-Identifier: MIT
"""Build the compiled part; everything else is in pyproject.toml.

The C core is compiled into the extension from the list that the Makefile reads too,
against the system's libffi as pkg-config names it.
"""

import os
import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

BACKEND = Path("cbackend")
PACKAGE = Path("src/trampfd")
NATIVE = PACKAGE / "_native"


def write_version() -> None:
    """trampfd.__version__, which must be there when the package's metadata is not."""
    version = (BACKEND / "VERSION").read_text().strip()
    text = f"""# SPDX-License-Identifier: MIT
\"\"\"Made by setup.py from cbackend/VERSION.\"\"\"

__version__ = "{version}"
"""
    path = PACKAGE / "_version.py"
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def pkg_config(*arguments: str) -> list:
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *arguments, "libffi"]
    try:
        return shlex.split(subprocess.check_output(command, text=True))
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"trampfd needs libffi's headers: {' '.join(command)} failed ({error}). "
            "Install libffi-dev and pkg-config (Debian, Ubuntu) or libffi-devel (Fedora)."
        ) from None


PRELOAD = "libtrampfd-ffi"


class Build(build_ext):
    def build_extensions(self) -> None:
        """setuptools compiles .S files only when it is told that they are sources."""
        self.compiler.src_extensions.append(".S")
        super().build_extensions()

    def get_ext_filename(self, fullname: str) -> str:
        """The preload library is no extension: its name has no tag of a Python."""
        if fullname.endswith(PRELOAD):
            return fullname.replace(".", os.sep) + ".so"
        return super().get_ext_filename(fullname)


def sources(folder: Path) -> list:
    return [str(folder / line) for line in (folder / "sources.txt").read_text().split()]


COMMON = {
    "depends": [
        str(path)
        for folder in (BACKEND, NATIVE)
        for pattern in ("*.h", "*.map")
        for path in folder.rglob(pattern)
    ],
    "include_dirs": [str(BACKEND / "include"), str(BACKEND)],
    "extra_compile_args": [
        *pkg_config("--cflags"),
        *shlex.split((BACKEND / "cflags.txt").read_text()),
        # A callback calls the interpreter a dozen times: without a jump each.
        "-fno-plt",
    ],
}

# nodelete: slots must outlive every pointer to them.  max-page-size: that of the slots'
# alignment, so that one segment holds all the code.
LINK = "-Wl,-z,nodelete,-z,noexecstack,-z,max-page-size=65536"

write_version()

setup(
    cmdclass={"build_ext": Build},
    ext_modules=[
        Extension(
            "trampfd._native",
            sources=[*sources(BACKEND), *sorted(str(path) for path in NATIVE.glob("*.c"))],
            extra_link_args=[
                *pkg_config("--libs"),
                LINK,
                f"-Wl,--version-script={NATIVE / 'exports.map'}",
            ],
            **COMMON,
        ),
        # For LD_PRELOAD; it finds libffi when it is needed, see interpose/ffi_stock.c, and
        # offers nothing that calls it.
        Extension(
            f"trampfd.{PRELOAD}",
            sources=[
                *(source for source in sources(BACKEND) if not source.endswith("/bind.c")),
                *sources(BACKEND / "interpose"),
            ],
            extra_link_args=[
                "-ldl",
                "-pthread",
                LINK,
                "-Wl,-z,defs,-z,relro,-z,now,-z,text,-soname=libtrampfd-ffi.so.0",
                f"-Wl,--version-script={BACKEND / 'libtrampfd-ffi.map'}",
            ],
            **COMMON,
        ),
    ],
)
