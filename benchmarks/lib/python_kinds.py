# SPDX-License-Identifier: MIT
"""Signatures with one kind of argument each, for ctypes and for cffi.

The Python functions do next to nothing, so that what is measured is the call.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

import cffi

import trampfd
from lib import build
from lib.names import CALLBACK, CTYPES, TRAMPFD_CFFI, TRAMPFD_CTYPES
from lib.race import Work, timed

FFI = cffi.FFI()
FFI.cdef("""
    typedef struct { long first; double second; } pair;
    typedef struct { double values[8]; } large;
""")


class Pair(ctypes.Structure):
    _fields_ = (("first", ctypes.c_long), ("second", ctypes.c_double))


class Large(ctypes.Structure):
    _fields_ = (("values", ctypes.c_double * 8),)


@dataclass(frozen=True)
class Kind:
    """A caller of kinds.c; the types of ctypes and of cffi, None where one has no such."""

    caller: str
    of_ctypes: Sequence[Any] | None
    of_cffi: str | None
    function: Callable[..., Any]


def _one(_: Any) -> int:
    return 1


_INT = ctypes.c_int
_DOUBLE = ctypes.c_double
_LONG_DOUBLE = ctypes.c_longdouble

KINDS = {
    "void(void)": Kind("nothing", [None], "void(*)(void)", lambda: None),
    "int": Kind("int", [_INT, _INT], "int(*)(int)", lambda a: a),
    "double, 6 times": Kind(
        "doubles",
        [_DOUBLE] * 7,
        "double(*)(double, double, double, double, double, double)",
        lambda a, b, c, d, e, f: a,
    ),
    "int, 10 times": Kind(
        "ints",
        [_INT] * 11,
        "int(*)(int, int, int, int, int, int, int, int, int, int)",
        lambda a, b, c, d, e, f, g, h, i, j: a,
    ),
    "int *": Kind("int_pointer", [_INT, ctypes.POINTER(_INT)], "int(*)(int *)", _one),
    "void *": Kind("void_pointer", [_INT, ctypes.c_void_p], "int(*)(void *)", _one),
    "char *": Kind("string", [_INT, ctypes.c_char_p], "int(*)(char *)", _one),
    "pointer to structure": Kind(
        "pair_pointer", [_INT, ctypes.POINTER(Pair)], "int(*)(pair *)", _one
    ),
    "structure": Kind("pair", [_INT, Pair], "int(*)(pair)", _one),
    "structure, returned": Kind("pair_returned", None, "pair(*)(pair)", lambda pair: pair),
    "structure of 64 bytes": Kind("large", [_INT, Large], "int(*)(large)", _one),
    "_Bool and char": Kind(
        "bool_char",
        [ctypes.c_bool, ctypes.c_bool, ctypes.c_char],
        "bool(*)(bool, char)",
        lambda a, b: a,
    ),
    "long double": Kind(
        "long_double",
        [_LONG_DOUBLE, _LONG_DOUBLE],
        "long double(*)(long double)",
        lambda a: a,
    ),
    "py_object": Kind("object", [_INT, ctypes.py_object], None, _one),
}


@functools.cache
def _callers() -> ctypes.CDLL:
    """Their callers hold the GIL."""
    library = ctypes.PyDLL(str(build.callers("kinds")))
    ctypes.c_void_p.in_dll(library, "kind_argument").value = id(library)
    return library


def _work(kept: object, code: int, kind: Kind) -> Work:
    prototype = ctypes.PYFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_long)
    call = prototype((f"kind_{kind.caller}", _callers()))
    assert call is not None
    assert call(code, 10) == 10, f"{kind.caller}: wrong answer"
    work = timed(functools.partial(call, code))
    return lambda count: (work(count), kept)[0]


def rivals(kind: Kind) -> dict[str, Callable[[], Work]]:
    """Stock's and ours, for ctypes and for cffi."""

    def by_ctypes(make: Callable[[Any, Any], Any]) -> Work:
        assert kind.of_ctypes is not None
        callback = make(ctypes.CFUNCTYPE(*kind.of_ctypes), kind.function)
        code = ctypes.cast(callback, ctypes.c_void_p).value
        assert code is not None
        return _work(callback, code, kind)

    def by_cffi(make: Callable[[Any, Any], Any]) -> Work:
        callback = make(kind.of_cffi, kind.function)
        return _work(callback, int(FFI.cast("intptr_t", callback)), kind)

    found: dict[str, Callable[[], Work]] = {}
    if kind.of_ctypes is not None:
        found[TRAMPFD_CTYPES] = functools.partial(by_ctypes, trampfd.callback)
        found[CTYPES] = functools.partial(by_ctypes, lambda prototype, f: prototype(f))
    if kind.of_cffi is not None:
        ours = functools.partial(trampfd.callback, ffi=FFI)
        found[TRAMPFD_CFFI] = functools.partial(by_cffi, ours)
        found[CALLBACK] = functools.partial(by_cffi, FFI.callback)
    return found
