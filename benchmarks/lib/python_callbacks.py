# SPDX-License-Identifier: MIT
"""Ways to make a C function of a Python function, for two signatures.

Each returns an object to be kept, and the function's address.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any, Callable

import cffi

import trampfd
from lib import build
from lib.names import CALLBACK, CTYPES, CYTHON, EXTERN, TRAMPFD_CFFI, TRAMPFD_CTYPES

Function = Callable[[Any, Any], int]
Made = tuple[object, int]

FFI = cffi.FFI()

ADD_CTYPES = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
ADD_CFFI = "int(*)(int, int)"

_INT_POINTER = ctypes.POINTER(ctypes.c_int)
COMPARE_CTYPES = ctypes.CFUNCTYPE(ctypes.c_int, _INT_POINTER, _INT_POINTER)
COMPARE_CFFI = "int(*)(int *, int *)"


def add(a: int, b: int) -> int:
    return a + b


def compare(a: Any, b: Any) -> int:
    """Of pointers to int."""
    return int(a[0] - b[0])


def subtract(a: int, b: int) -> int:
    return a - b


def _of_ctypes(callback: Any) -> Made:
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert address is not None
    return callback, address


def _of_cffi(callback: Any) -> Made:
    return callback, int(FFI.cast("intptr_t", callback))


def _extern(name: str, function: Function) -> Made:
    module = build.by_cffi()
    module.ffi.def_extern(name)(function)
    pointer = module.ffi.addressof(module.lib, name)
    return pointer, int(module.ffi.cast("intptr_t", pointer))


def _cython(name: str, function: Function) -> Made:
    module = build.by_cython()
    module.set(function)
    return module, int(getattr(module, name))


ADD: Mapping[str, Callable[[], Made]] = {
    TRAMPFD_CTYPES: lambda: _of_ctypes(trampfd.callback(ADD_CTYPES, add)),
    TRAMPFD_CFFI: lambda: _of_cffi(trampfd.callback(ADD_CFFI, add, ffi=FFI)),
    CTYPES: lambda: _of_ctypes(ADD_CTYPES(add)),
    CALLBACK: lambda: _of_cffi(FFI.callback(ADD_CFFI, add)),
    EXTERN: lambda: _extern("add", add),
    CYTHON: lambda: _cython("ADD", add),
}

# Cython reads the numbers before it calls Python: that is how one would write it.
COMPARE: Mapping[str, Callable[[], Made]] = {
    TRAMPFD_CTYPES: lambda: _of_ctypes(trampfd.callback(COMPARE_CTYPES, compare)),
    TRAMPFD_CFFI: lambda: _of_cffi(trampfd.callback(COMPARE_CFFI, compare, ffi=FFI)),
    CTYPES: lambda: _of_ctypes(COMPARE_CTYPES(compare)),
    CALLBACK: lambda: _of_cffi(FFI.callback(COMPARE_CFFI, compare)),
    EXTERN: lambda: _extern("compare", compare),
    CYTHON: lambda: _cython("COMPARE", subtract),
}


def by_hand(*, attached: bool) -> int:
    """Address of the dispatcher of pure.c: for callers that hold the GIL, or for any."""
    return int(build.pure().set(add)[0 if attached else 1])


def floor() -> int:
    """Address of the vectorcall with arguments made beforehand; its callers hold the GIL."""
    return int(build.pure().set(add)[2])
