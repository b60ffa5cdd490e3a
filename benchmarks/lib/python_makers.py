# SPDX-License-Identifier: MIT
"""Statements that make a callback int(int), as programs write them."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Mapping
from typing import Any, Callable

import _cffi_backend
import cffi

from lib.names import BY_CTYPE, BY_DECLARATION, BY_FFI, OF_CTYPES

_DECLARATION = "int(*)(int)"

_OF_CTYPES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
_COMPILED = _cffi_backend.FFI()
_CTYPE = _COMPILED.typeof(_DECLARATION)
_FFI = cffi.FFI()
_FFI_CTYPE = _FFI.typeof(_DECLARATION)


_NUMBERS = (
    *("int", "unsigned int", "short", "unsigned short", "long", "unsigned long", "long long"),
    *("unsigned long long", "char", "signed char", "unsigned char", "float", "double"),
)


def _same(value: int) -> int:
    return value


MAKERS: Mapping[str, Callable[[], object]] = {
    OF_CTYPES: lambda: _OF_CTYPES(_same),
    BY_CTYPE: lambda: _COMPILED.callback(_CTYPE, _same),
    BY_DECLARATION: lambda: _COMPILED.callback(_DECLARATION, _same),
    BY_FFI: lambda: _FFI.callback(_FFI_CTYPE, _same),
}


def _first_of_ctypes() -> Callable[[], object]:
    metaclass: Any = type(_OF_CTYPES)
    base = _OF_CTYPES.__mro__[1]
    body = {"_flags_": 1, "_restype_": ctypes.c_int, "_argtypes_": (ctypes.c_int,)}
    return lambda: metaclass("Callback", (base,), dict(body))(_same)


def _first_of_cffi() -> Callable[[], object]:
    """Each of another type, of five arguments that are known: more types than a benchmark makes."""
    backend = _cffi_backend
    numbers = [backend.new_primitive_type(name) for name in _NUMBERS]
    known = [*numbers, *map(backend.new_pointer_type, numbers)]
    arguments = itertools.product(known, repeat=5)
    new = backend.new_function_type
    return lambda: _COMPILED.callback(new(next(arguments), numbers[0], False), _same)


def first_of_its_type(case: str) -> Callable[[], object]:
    """The function type is new each time, and its making counts."""
    return _first_of_ctypes() if case.startswith(OF_CTYPES) else _first_of_cffi()
