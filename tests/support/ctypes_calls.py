# SPDX-License-Identifier: MIT
"""Loading compiled C with ctypes, and the ctypes class for a type of c_types.py."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p
from pathlib import Path
from typing import Any

from support import c_types, core
from support.cpu import WORD

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
    classes = {
        c_types.SIGNED: {1: ctypes.c_byte, 2: ctypes.c_short, 4: ctypes.c_int, 8: ctypes.c_int64},
        c_types.UNSIGNED: {
            1: ctypes.c_ubyte, 2: ctypes.c_ushort, 4: ctypes.c_uint, 8: ctypes.c_uint64,
        },
        c_types.BOOL: {1: ctypes.c_bool},
        c_types.CHAR: {1: ctypes.c_char},
        c_types.WIDE: {2: ctypes.c_ushort, 4: ctypes.c_wchar},
        c_types.FLOAT: {
            c_types.LONG_DOUBLE: ctypes.c_longdouble, 4: ctypes.c_float, 8: ctypes.c_double,
        },
        c_types.POINTER: {WORD: c_void_p},
    }  # fmt: skip
    return classes[kind.kind][kind.size]


BY_LETTER: dict[str, Any] = {
    cls._type_: cls
    for cls in (
        ctypes.c_byte, ctypes.c_short, ctypes.c_int, ctypes.c_long, ctypes.c_ubyte,
        ctypes.c_ushort, ctypes.c_uint, ctypes.c_ulong, ctypes.c_bool, ctypes.c_char,
        ctypes.c_longlong, ctypes.c_ulonglong, ctypes.c_wchar, ctypes.c_float, ctypes.c_double,
        ctypes.c_longdouble, ctypes.c_void_p,
    )
}  # fmt: skip
