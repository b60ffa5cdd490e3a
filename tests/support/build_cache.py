# SPDX-License-Identifier: MIT
"""What the tests compile, kept in ``build/tests`` for the next run with the same sources.

It is kept for one state of the C sources, those of the tests too, and of the system's compilers;
what was kept for another one is removed.  A virtual machine finds what its host has compiled.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]
_ROOT = _PROJECT / "build" / "tests"
_SOURCES = (_PROJECT / "cbackend", _PROJECT / "tests" / "c", _PROJECT / "tests" / "modes")
_NOT_COMPILED = {"__pycache__", "kmod"}
_PACKAGES = Path("/var/lib/dpkg/status")
_COMPILING = re.compile(r"Package: (binutils|clang|g\+\+|gcc|lib(c6-dev|clang|ffi)|python3\S*-dev)")


def digest(*paths: Path) -> str:
    """Of the content of files, and of the files in folders."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not _NOT_COMPILED.intersection(file.parts):
                found.update(f"{file}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def _installed() -> list[str]:
    """Debian's packages that compiling depends on, as the system describes them."""
    text = _PACKAGES.read_text() if _PACKAGES.exists() else ""
    return sorted(package for package in text.split("\n\n") if _COMPILING.match(package))


@functools.cache
def _folder() -> Path:
    state = hashlib.sha256(repr((digest(*_SOURCES), _installed())).encode())
    folder = _ROOT / state.hexdigest()[:16]
    for other in _ROOT.glob("*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def folder(key: object, fill: Callable[[Path], object]) -> Path:
    """A folder that `fill` has written; `repr(key)` says what from, besides the sources.

    Of threads and processes that want the same, one writes and the others wait.
    """
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    path, done = _folder() / name, _folder() / f"{name}.done"
    if not done.exists():
        with open(_folder() / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir()
                fill(path)
                done.touch()
    return path
