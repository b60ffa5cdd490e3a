# SPDX-License-Identifier: MIT
"""Where the library for LD_PRELOAD is: in the package, or where the dynamic loader finds it."""

from __future__ import annotations

from pathlib import Path

from . import ldso
from .elf import ElfError

PACKAGE = Path(__file__).parents[1]
SONAME = "libtrampfd-ffi.so.0"


def find() -> Path | None:
    """The library in the package, or else the one that the dynamic loader takes."""
    own = PACKAGE / "libtrampfd-ffi.so"
    if own.is_file():
        return own
    try:
        library = ldso.find(SONAME, ldso.executable())
    except (OSError, ElfError):
        return None
    return None if library is None else library.path
