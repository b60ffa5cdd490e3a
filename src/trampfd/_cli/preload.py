# SPDX-License-Identifier: MIT
"""``trampfd preload``: where the library for LD_PRELOAD is."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from .._system import ldso
from .._system.elf import ElfError

_PACKAGE = Path(__file__).parents[1]
_SONAME = "libtrampfd-ffi.so.0"

_EPILOG = """\
  LD_PRELOAD=$(trampfd preload) program

makes the closures of every program that asks a shared libffi for them, whatever its language.
It does not serve cffi, which has memory of its own for them: use `trampfd enable` or `trampfd run`.

exit status: 0, or 1 if there is no such library or LD_PRELOAD cannot name it
"""


def find() -> Path | None:
    """The library in the package, or else the one that the dynamic loader takes."""
    own = _PACKAGE / "libtrampfd-ffi.so"
    if own.is_file():
        return own
    try:
        library = ldso.find(_SONAME, ldso.executable())
    except (OSError, ElfError):
        return None
    return None if library is None else library.path


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd preload` and return its exit status."""
    path = find()
    if path is None:
        print(
            f"trampfd preload: neither {_PACKAGE} nor the dynamic loader has "
            f"{_SONAME}; install the package with that library (libtrampfd-ffi)",
            file=sys.stderr,
        )
        return 1
    if " " in str(path) or ":" in str(path):
        print(
            f"trampfd preload: LD_PRELOAD cannot name {path}, it is split at spaces and colons; "
            "make a symbolic link to that file whose path has none",
            file=sys.stderr,
        )
        return 1
    # The shell is to get the very bytes of the path.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
    print(path)
    return 0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `preload` command."""
    parser = subparsers.add_parser(
        "preload",
        help="print the path of the library for LD_PRELOAD",
        description="Print the path of the library that stands in for libffi's closures.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
