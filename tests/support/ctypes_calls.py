# SPDX-License-Identifier: MIT
"""Loading compiled C with ctypes, and the ctypes class for a type of c_types.py."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p
from pathlib import Path
from typing import Any

from support import c_types, core

COMMAND = ("cc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-pthread")


def compiled(source: Path, library: Path, *options: str) -> ctypes.CDLL:
    core.compiler_run([*COMMAND, *options, str(source), "-o", str(library)], library.parent)
    return ctypes.CDLL(str(library))


def address(callback: Any) -> int:
    """Not by ctypes.cast(), which makes a cycle."""
    value = c_void_p.from_buffer(callback).value
    assert value is not None
    return value


def ctypes_type(kind: Any) -> Any:
    """The ctypes class for a type of c_types.py."""
    if isinstance(kind, c_types.Array):
        return ctypes_type(kind.item) * kind.length
    if isinstance(kind, c_types.Structure):
        fields = [(f"m{i}", ctypes_type(member)) for i, member in enumerate(kind.members)]
        return type("Structure", (ctypes.Structure,), {"_fields_": fields})
    letters = {
        c_types.SIGNED: {1: "b", 2: "h", 4: "i", 8: "l"},
        c_types.UNSIGNED: {1: "B", 2: "H", 4: "I", 8: "L"},
        c_types.BOOL: {1: "?"},
        c_types.CHAR: {1: "c"},
        c_types.WIDE: {2: "H", 4: "u"},
        c_types.FLOAT: {4: "f", 8: "d", 16: "g"},
        c_types.POINTER: {8: "P"},
    }
    return BY_LETTER[letters[kind.kind][kind.size]]


BY_LETTER: dict[str, Any] = {
    cls._type_: cls
    for cls in (
        ctypes.c_byte, ctypes.c_short, ctypes.c_int, ctypes.c_long, ctypes.c_ubyte,
        ctypes.c_ushort, ctypes.c_uint, ctypes.c_ulong, ctypes.c_bool, ctypes.c_char,
        ctypes.c_wchar, ctypes.c_float, ctypes.c_double, ctypes.c_longdouble, ctypes.c_void_p,
    )
}  # fmt: skip
