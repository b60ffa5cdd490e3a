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
NATIVE = Path("src/trampfd/_native")


def pkg_config(*arguments: str) -> list:
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), *arguments, "libffi"]
    try:
        return shlex.split(subprocess.check_output(command, text=True))
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"trampfd needs libffi's headers: {' '.join(command)} failed ({error}). "
            "Install libffi-dev and pkg-config (Debian, Ubuntu) or libffi-devel (Fedora)."
        ) from None


class BuildWithAssembly(build_ext):
    """setuptools compiles .S files only when it is told that they are sources."""

    def build_extensions(self) -> None:
        self.compiler.src_extensions.append(".S")
        super().build_extensions()


sources = [str(BACKEND / line) for line in (BACKEND / "sources.txt").read_text().split()]
sources += sorted(str(path) for path in NATIVE.glob("*.c"))

setup(
    cmdclass={"build_ext": BuildWithAssembly},
    ext_modules=[
        Extension(
            "trampfd._native",
            sources=sources,
            depends=[str(path) for path in [*BACKEND.rglob("*.h"), *NATIVE.glob("*.h")]],
            include_dirs=[str(BACKEND / "include"), str(BACKEND)],
            extra_compile_args=[
                *pkg_config("--cflags"),
                *shlex.split((BACKEND / "cflags.txt").read_text()),
                # A callback calls the interpreter a dozen times: without a jump each.
                "-fno-plt",
            ],
            # nodelete: slots must outlive every pointer to them.  max-page-size: that of the
            # slots' alignment, so that one segment holds all the code.
            extra_link_args=[
                *pkg_config("--libs"),
                "-Wl,-z,nodelete,-z,noexecstack,-z,max-page-size=65536",
            ],
        )
    ],
)
