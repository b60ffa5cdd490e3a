# SPDX-License-Identifier: MIT
"""Compile what is measured: the loops, the ways to make closures, the Python modules."""

from __future__ import annotations

import atexit
import functools
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import core_sources
from debian import libffi_static
from debian.apt import AptError

from lib.names import ENTRY_LIBFFI, PLAN, STATIC, STOCK
from lib.race import Absent

BENCHMARKS = Path(__file__).resolve().parents[1]
SOURCES = BENCHMARKS / "c"
PROGRAMS = BENCHMARKS / "programs"

BACKEND = core_sources.BACKEND
TARGET = core_sources.target(shlex.split(os.environ.get("CC", "cc")))
ARCH = TARGET.arch
FLAGS = (
    *shlex.split((BACKEND / "hardening.txt").read_text()),
    *shlex.split((BACKEND / f"arch/{ARCH}/hardening.txt").read_text()),
    *shlex.split((BACKEND / "cflags.txt").read_text()),
    "-fPIC",
    *TARGET.include_flags(),
)
# As setup.py links the extension.
LINK = ("-shared", *shlex.split((BACKEND / "ldflags.txt").read_text()), "-pthread")


# Set for child processes, which use what was compiled already.
_FOLDER = "TRAMPFD_BENCH_FOLDER"


@functools.cache
def folder() -> Path:
    """For everything that is compiled; removed at the end."""
    if _FOLDER in os.environ:
        return Path(os.environ[_FOLDER])
    path = Path(tempfile.mkdtemp(prefix="trampfd-bench-"))
    os.environ[_FOLDER] = str(path)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def run(*command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed; returns its output."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)}\nended with {done.returncode}\n{done.stderr}")
    return done.stdout


def compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def _pkg_config(what: str) -> list[str]:
    return shlex.split(run(os.environ.get("PKG_CONFIG", "pkg-config"), what, "libffi"))


@functools.cache
def _core() -> tuple[Path, ...]:
    """The object files of the C core, compiled as in the package."""
    target = folder() / "core"
    target.mkdir()
    sources = core_sources.core(ARCH)
    run(*compiler(), *FLAGS, *_pkg_config("--cflags"), "-c", *sources, cwd=target)
    return tuple(sorted(target.glob("*.o")))


@functools.cache
def callers(name: str) -> Path:
    """The shared library of loops.c or kinds.c, by its name."""
    target = folder() / f"{name}.so"
    if not target.exists():
        run(*compiler(), *FLAGS, "-fvisibility=default", *_pkg_config("--cflags"), *LINK,
            "-o", target, SOURCES / f"{name}.c")  # fmt: skip
    return target


def static_libffi() -> libffi_static.Library:
    """Raises Absent where it cannot be fetched."""
    try:
        return libffi_static.fetch()
    except AptError as error:
        raise Absent(str(error)) from None


def _maker(rival: str) -> tuple[str, list[object], list[object]]:
    """Source, flags, and what to link, of a way to make closures."""
    if rival == STATIC:
        library = static_libffi()
        more = [SOURCES / "glibc_c23.c", library.archive, "-Wl,--exclude-libs,ALL"]
        return "make_libffi.c", [f"-I{library.headers}"], more
    if rival == STOCK:
        return "make_libffi.c", [*_pkg_config("--cflags")], [*_pkg_config("--libs")]
    source = {PLAN: "make_plan.c", ENTRY_LIBFFI: "make_entry_libffi.c"}[rival]
    return source, [*_pkg_config("--cflags")], [*_core(), *_pkg_config("--libs")]


def _name(rival: str) -> str:
    return rival.replace(",", "").replace(" ", "-")


@functools.cache
def maker(rival: str) -> Path:
    """A shared library with the functions of maker.h."""
    target = folder() / f"{_name(rival)}.so"
    if target.exists():
        return target
    source, flags, more = _maker(rival)
    # The core exports its own functions; maker.h's are all there is to export besides.
    run(*compiler(), *FLAGS, *flags, "-fvisibility=default", *LINK, "-o", target,
        SOURCES / source, SOURCES / "signatures.c", *more)  # fmt: skip
    return target


@functools.cache
def program(rival: str) -> Path:
    """The executable of program.c."""
    target = folder() / _name(rival)
    source, flags, more = _maker(rival)
    parts = [SOURCES / name for name in (source, "signatures.c", "loops.c", "program.c")]
    run(*compiler(), *FLAGS, *flags, "-pthread", "-o", target, *parts, *more)
    return target


def _extension(source: Path) -> Path:
    """The module compiled from a C file."""
    target = source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    if not target.exists():
        include = sysconfig.get_path("include")
        run(*compiler(), "-O2", "-fPIC", "-shared", f"-I{include}", "-o", target, source)
    return target


def _import(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent))
    try:
        return __import__(path.name.split(".")[0])
    finally:
        sys.path.remove(str(path.parent))


@functools.cache
def pure() -> ModuleType:
    """Dispatch written by hand, and the floor: pure.c."""
    return _import(_extension(Path(shutil.copy(SOURCES / "pure.c", folder()))))


@functools.cache
def by_cython() -> ModuleType:
    """Callbacks written in Cython: by_cython.pyx."""
    target = folder() / "by_cython.c"
    try:
        run(sys.executable, "-m", "cython", "-3", "-o", target, SOURCES / "by_cython.pyx")
    except RuntimeError as error:
        if "No module named" in str(error):
            raise Absent("Cython is not installed") from error
        raise
    return _import(_extension(target))


@functools.cache
def by_cffi() -> ModuleType:
    """Callbacks of cffi's extern "Python"."""
    import cffi

    ffi = cffi.FFI()
    ffi.cdef('extern "Python" int add(int, int); extern "Python" int compare(int *, int *);')
    ffi.set_source("by_cffi", "")
    target = folder() / "by_cffi.c"
    ffi.emit_c_code(str(target))
    return _import(_extension(target))
