# SPDX-License-Identifier: MIT
"""Build the compiled part; everything else is in pyproject.toml.

The C core is compiled into the extension from the list and with the flags that meson.build reads
too, against the system's libffi as pkg-config names it.
"""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import setuptools
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# The folder of setup.py is not on the path of a PEP 517 build.
sys.path.insert(0, str(Path(__file__).resolve().parent / "tools"))

import core_sources
from index_page import index_page

BACKEND = Path("cbackend")
PACKAGE = Path("src/trampfd")
NATIVE = PACKAGE / "_native"
PRELOAD = "libtrampfd-ffi"


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


def flags(name: str) -> list:
    return shlex.split((BACKEND / name).read_text())


def refuse_unsupported() -> None:
    """End with one sentence where the sources would give thousands of errors, or crash."""
    if sys.implementation.name != "cpython":
        raise SystemExit(
            f"trampfd needs CPython; this is {sys.implementation.name}, whose ctypes and cffi "
            "do not make closures as CPython's do."
        )


def has_landing_pads(archive: str) -> bool:
    """Whether all members of a static library claim landing pads, without which we cannot."""
    try:
        notes = subprocess.check_output(["readelf", "--notes", "--wide", archive], text=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    claims = len(re.findall("IBT, SHSTK|AArch64 feature: BTI", notes))
    return 0 < notes.count("\nFile: ") + notes.startswith("File: ") <= claims


class Build(build_ext):
    def build_extensions(self) -> None:
        """Add what has to be asked of the compiler and of pkg-config.

        Not when setup.py is read: a source distribution needs neither.
        """
        refuse_unsupported()
        try:
            target = core_sources.target(self.compiler.compiler_so)
        except RuntimeError as error:
            raise SystemExit(str(error)) from None
        # setuptools compiles .S files only when it is told that they are sources.
        self.compiler.src_extensions.append(".S")
        # Before what Python and the environment ask for, which may be more; CC may be two words.
        words = len(shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"))
        port = f"arch/{target.arch}"
        self.compiler.compiler_so[words:words] = [
            *flags("hardening.txt"),
            *flags(f"{port}/hardening.txt"),
        ]
        compile_args, libraries = pkg_config("--cflags"), pkg_config("--libs")
        static = [library for library in libraries if library.endswith(".a")]
        for extension in self.extensions:
            extension.extra_compile_args = [
                *compile_args,
                *extension.extra_compile_args,
                *flags(f"{port}/extension.txt"),
            ]
            own_libffi = not extension.name.endswith(PRELOAD)
            extension.sources += relative(core_sources.of_architecture(target.arch))
            more = "linked" if own_libffi else "preload"
            extension.sources += relative(core_sources.of_architecture(target.arch, more))
            extension.include_dirs += relative(target.include_folders())
            if own_libffi:
                extension.extra_link_args = [*libraries, *extension.extra_link_args]
            if not own_libffi or all(has_landing_pads(library) for library in static):
                extension.extra_link_args += flags(f"{port}/ldflags.txt")
        super().build_extensions()

    def get_ext_filename(self, fullname: str) -> str:
        """The preload library is no extension: its name has no tag of a Python."""
        if fullname.endswith(PRELOAD):
            return fullname.replace(".", os.sep) + ".so"
        return super().get_ext_filename(fullname)


def relative(paths: list) -> list:
    """setuptools takes no others for sources."""
    return [os.path.relpath(path) for path in paths]


def sources(*parts: str) -> list:
    return relative([path for part in parts for path in core_sources.portable(part)])


# With a sanitizer, its symbols are the executable's.
HAS_SANITIZER = "-fsanitize=" in (sysconfig.get_config_var("CFLAGS") or "")
NO_UNDEFINED = [] if HAS_SANITIZER else ["-Wl,-z,defs"]

COMMON = {
    "depends": [
        str(path)
        for folder in (BACKEND, NATIVE)
        for pattern in ("*.h", "*.map", "*flags*.txt", "hardening.txt", "extension.txt")
        for path in folder.rglob(pattern)
    ],
    "extra_compile_args": [
        *flags("cflags.txt"),
        # Python's own flag, which CFLAGS in the environment replaces: without the interpreter's
        # assertions, two of three instructions of a call.
        *([] if sysconfig.get_config_var("Py_DEBUG") else ["-DNDEBUG"]),
        # A file does not depend on the folder that it was built in.
        f"-ffile-prefix-map={Path.cwd()}=.",
    ],
}

# In pyproject.toml setuptools takes the licence as a string from version 77 on (Debian 12 has 66),
# and as a table until 2027: so it is given here, by the name that the version knows.
MODERN = int(setuptools.__version__.split(".")[0]) >= 77

write_version()

setup(
    **{"license_expression" if MODERN else "license": "MIT"},
    license_files=["LICENSE"],
    long_description=index_page(),
    long_description_content_type="text/markdown",
    cmdclass={"build_ext": Build},
    ext_modules=[
        Extension(
            "trampfd._native",
            sources=[
                *sources("core", "linked", "shared"),
                *sorted(str(path) for path in NATIVE.glob("*.c")),
            ],
            # What each of the flags is for: see meson.build.
            extra_link_args=[
                *flags("ldflags.txt"),
                f"-Wl,--version-script={NATIVE / 'exports.map'}",
            ],
            **COMMON,
        ),
        # For LD_PRELOAD; it finds libffi when it is needed, see preload/real_ffi.c, and
        # offers nothing that calls it.
        Extension(
            f"trampfd.{PRELOAD}",
            sources=sources("core", "preload", "shared"),
            extra_link_args=[
                "-ldl",
                "-pthread",
                *flags("ldflags.txt"),
                "-Wl,-soname=libtrampfd-ffi.so.0",
                *NO_UNDEFINED,
                f"-Wl,--version-script={BACKEND / 'libtrampfd-ffi.map'}",
            ],
            **COMMON,
        ),
    ],
)
