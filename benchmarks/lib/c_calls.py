# SPDX-License-Identifier: MIT
"""The C loops, and closures with a C handler, as ctypes sees them."""

from __future__ import annotations

import ctypes
import functools
import os
from dataclasses import dataclass
from typing import Callable

import core_sources

from lib import build
from lib.names import ENTRY_LIBFFI, PLAN, STATIC
from lib.race import Absent

# enum trampfd_entry; where a port has no plans, libffi marshals every call.
_ENTRIES = {PLAN: 1 if core_sources.lacks(build.ARCH, "plan") else 2, ENTRY_LIBFFI: 1}


class _Loop(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("call", ctypes.c_void_p),
        ("direct", ctypes.c_void_p),
        ("handler", ctypes.c_void_p),
    )


@functools.cache
def _loops() -> ctypes.CDLL:
    library = ctypes.CDLL(str(build.callers("loops")))
    library.loop_find.restype = ctypes.POINTER(_Loop)
    library.loop_find.argtypes = [ctypes.c_char_p]
    library.loop_time_in_thread.restype = ctypes.c_double
    library.loop_time_in_thread.argtypes = [
        ctypes.POINTER(_Loop),
        ctypes.c_void_p,
        ctypes.c_long,
        ctypes.POINTER(ctypes.c_double),
    ]
    return library


#: Calls the code so often, and returns the sum of the results.
Sum = Callable[[int], float]


@dataclass(frozen=True)
class Loop:
    """Calls code of one signature from C."""

    signature: str

    @property
    def _loop(self) -> _Loop:
        found: _Loop = _loops().loop_find(self.signature.encode()).contents
        return found

    @property
    def direct(self) -> int:
        """A plain C function of that signature."""
        return int(self._loop.direct)

    @property
    def handler(self) -> int:
        """The C handler for closures that do the same."""
        return int(self._loop.handler)

    def of(self, code: int, *, keep_gil: bool = False) -> Sum:
        prototype = ctypes.PYFUNCTYPE if keep_gil else ctypes.CFUNCTYPE
        call = prototype(ctypes.c_double, ctypes.c_void_p, ctypes.c_long)(self._loop.call)
        return functools.partial(call, code)

    def in_thread(self, code: int, count: int) -> tuple[float, float]:
        """Seconds and sum, in a thread that C creates for it."""
        total = ctypes.c_double()
        seconds = _loops().loop_time_in_thread(self._loop, code, count, total)
        if seconds != seconds:
            raise RuntimeError("no thread can be created")
        return float(seconds), total.value


def _mapping(address: int) -> tuple[str, str]:
    """Access rights and file of the mapping that the address is in."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            words = line.split()
            start, end = (int(number, 16) for number in words[0].split("-"))
            if start <= address < end:
                return words[1], words[5] if len(words) > 5 else ""
    return "", ""


def _check_kind(rival: str, library: ctypes.CDLL, code: int) -> None:
    """The closure is of the kind that is to be measured."""
    if rival in _ENTRIES:
        closure = (ctypes.c_int * 32)()
        assert library.trampfd_closure_read(ctypes.c_void_p(code), closure) == 0
        assert closure[0] == _ENTRIES[rival], f"{rival}: another entry"
    if rival == STATIC:
        rights, path = _mapping(code)
        if rights != "r-xp" or not os.path.exists(path):
            raise Absent("Debian's libffi was built without static trampolines")


def closure(rival: str, loop: Loop) -> int:
    """Code of a new closure, never freed."""
    library = ctypes.CDLL(str(build.maker(rival)))
    library.signature_cif.restype = ctypes.c_void_p
    library.maker_new.restype = ctypes.c_void_p
    cif = library.signature_cif(loop.signature.encode())
    assert cif, f"{rival}: libffi refuses the signature {loop.signature}"
    code = ctypes.c_void_p()
    made = library.maker_new(
        ctypes.c_void_p(cif), ctypes.c_void_p(loop.handler), ctypes.byref(code)
    )
    if not made or not code.value:
        raise Absent(f"{rival} cannot make a closure here")
    _check_kind(rival, library, code.value)
    return code.value
