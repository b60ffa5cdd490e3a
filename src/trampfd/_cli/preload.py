# SPDX-License-Identifier: MIT
"""``trampfd preload``: where the library for LD_PRELOAD is."""

from __future__ import annotations

import argparse
import io
import sys

from .._system import preload_library
from .arguments import add_command

_EPILOG = """\
  LD_PRELOAD=$(trampfd preload) program

makes trampfd provide the closures of any program that gets them from a shared libffi, in any
language.  It does not serve cffi, which allocates closure memory itself: use `trampfd enable` or
`trampfd run`.

exit status: 0, or 1 if the library is not installed or LD_PRELOAD cannot name it
"""


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd preload` and return its exit status."""
    path = preload_library.find()
    if path is None:
        print(
            f"trampfd preload: neither {preload_library.PACKAGE} nor the dynamic loader has "
            f"{preload_library.SONAME}; install the package with that library (libtrampfd-ffi)",
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
    add_command(
        subparsers,
        "preload",
        run,
        help="print the path of the library for LD_PRELOAD",
        description="Print the path of the library that replaces libffi's closures.",
        epilog=_EPILOG,
    )
