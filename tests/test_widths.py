# SPDX-License-Identifier: MIT
"""Results narrower than a register fill it, on CPUs where callers may rely on that."""

from __future__ import annotations

import ctypes

import pytest
from support import cpu

import trampfd

pytestmark = pytest.mark.skipif(
    cpu.NAME not in ("ppc64le", "riscv64", "s390x"), reason="the caller extends a narrow result"
)

# RISC-V extends 32 bits by their sign, whatever the type is.
HIGH = -1 if cpu.NAME == "riscv64" else 0xFFFFFFFF

CASES = {
    "signed char": (ctypes.c_byte, -1, -1),
    "unsigned char": (ctypes.c_ubyte, 255, 255),
    "short": (ctypes.c_short, -2, -2),
    "unsigned short": (ctypes.c_ushort, 65535, 65535),
    "int": (ctypes.c_int, -3, -3),
    "unsigned int": (ctypes.c_uint, 0xFFFFFFFF, HIGH),
    "_Bool": (ctypes.c_bool, True, 1),
}


class Int(int):
    """Not read by the extension itself."""


@pytest.mark.parametrize("kind", [int, Int])
@pytest.mark.parametrize("name", CASES)
def test_ctypes(name: str, kind: type) -> None:
    cls, value, word = CASES[name]
    callback = trampfd.callback(ctypes.CFUNCTYPE(cls), lambda: kind(value))
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert ctypes.CFUNCTYPE(ctypes.c_long)(address)() == word


@pytest.mark.parametrize("kind", [int, Int])
@pytest.mark.parametrize("name", [*CASES, "enum negative"])
def test_cffi(name: str, kind: type) -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("enum negative { NEGATIVE = -1, OTHER = 1 };")
    _, value, word = CASES.get(name, (None, -1, -1))
    result = bool(value) if name == "_Bool" else kind(value)
    callback = trampfd.callback(f"{name}(void)", lambda: result, ffi=ffi)
    assert ffi.cast("long(*)(void)", callback)() == word
