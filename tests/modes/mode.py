# SPDX-License-Identifier: MIT
"""What the Python programs of this folder share; see mode.h.

Importing it makes callbacks come from where MODE_SOURCE says, as use_up.c does for programs of C.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import NoReturn

ABSENT = 77

Adder = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

_SLOTS_OF_A_BLOCK = 4096


def wrong(text: str) -> NoReturn:
    print(text, flush=True)
    os._exit(1)


def absent(text: str) -> NoReturn:
    print(text, flush=True)
    os._exit(ABSENT)


def make(number: int) -> Adder:
    return Adder(lambda x: x + number)


def grow(count: int = 5000) -> None:
    """Enough callbacks for new memory to be needed, all of which work."""
    many = [make(i) for i in range(count)]
    for i, callback in enumerate(many):
        if callback(7) != 7 + i:
            wrong("a callback returned a wrong result")


def spoil_library() -> None:
    """Other files take the places of the library's, as when a package is replaced."""
    folder = Path(os.environ["MODE_FOLDER"])
    package = folder / "trampfd"
    files = package.rglob("*") if package.exists() else [Path(os.environ["MODE_LIBRARY"])]
    for file in [file for file in files if file.is_file()]:
        other = folder / "other"
        other.write_bytes(b"\xcc" * (1 << 20))
        other.rename(file)


def _use_up(source: str) -> list[object]:
    import trampfd
    from trampfd import _native

    if source == "memfd":
        Path(_native.__file__).unlink()
    kept: list[object] = [make(i) for i in range(_SLOTS_OF_A_BLOCK + 1)]
    if not trampfd.status().blocks[source]:
        absent(f"callbacks do not come from {source}")
    return kept


if "MODE_SOURCE" in os.environ:
    _kept = _use_up(os.environ["MODE_SOURCE"])
elif "trampfd" in sys.modules:
    _kept = [make(0)]
