# SPDX-License-Identifier: MIT
"""callback(..., permanent=True): closures that are never freed."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from typing import Any

import cffi
import pytest

import trampfd

INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
FFI = cffi.FFI()


class Doubled:
    def __call__(self, number: int) -> int:
        return 2 * number


def of_ctypes(function: Any) -> tuple[Any, int]:
    pointer = trampfd.callback(INT, function, permanent=True)
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    assert address is not None
    return pointer, address


def of_cffi(function: Any) -> tuple[Any, int]:
    pointer = trampfd.callback("int(int)", function, ffi=FFI, permanent=True)
    return pointer, int(FFI.cast("uintptr_t", pointer))


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A program that has INT and must end well."""
    start = (
        "import ctypes, os, trampfd, trampfd._callback\n"
        "INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


BOTH = pytest.mark.parametrize("make", [of_ctypes, of_cffi])


@BOTH
def test_is_called_after_its_pointer_is_dropped(make: Any) -> None:
    function = Doubled()
    alive = weakref.ref(function)
    pointer, address = make(function)
    used = trampfd.status().slots_used
    assert trampfd.verify(pointer)
    del function, pointer
    gc.collect()
    assert alive() is not None
    assert INT(address)(21) == 42
    assert trampfd.status().slots_used == used


def test_release_does_not_free_it() -> None:
    pointer, address = of_cffi(Doubled())
    used = trampfd.status().slots_used
    FFI.release(pointer)
    assert trampfd.status().slots_used == used
    assert INT(address)(4) == 8


def test_an_owner_that_is_dropped_all_the_same() -> None:
    """As when all modules of trampfd are removed and imported again: C gets the error value."""
    done = run(
        "pointer = trampfd.callback(INT, lambda number: number + 1, permanent=True)\n"
        "address = ctypes.cast(pointer, ctypes.c_void_p).value\n"
        "assert pointer(1) == 2\n"
        "del pointer\n"
        "trampfd._callback._permanent.clear()\n"
        "assert INT(address)(1) == 0\n"
        "assert trampfd.status().slots_used == 1\n"
    )
    assert "returned its error value" in done.stderr


def test_others_are_freed() -> None:
    before = trampfd.status().slots_used
    pointer = trampfd.callback(INT, Doubled(), permanent=False)
    assert trampfd.status().slots_used == before + 1
    del pointer
    assert trampfd.status().slots_used == before


def test_takes_only_a_bool() -> None:
    with pytest.raises(TypeError, match="permanent must be a bool, not 'yes'"):
        trampfd.callback(INT, Doubled(), permanent="yes")  # type: ignore[call-overload]


def test_decorates() -> None:
    @trampfd.callback(INT, permanent=True)
    def half(number: int) -> int:
        return number // 2

    assert half(8) == 4


def test_a_class_with_a_constructor_of_its_own() -> None:
    class Own(ctypes._CFuncPtr):
        _flags_, _argtypes_, _restype_ = INT._flags_, INT._argtypes_, INT._restype_

        def __new__(cls, function: Any) -> Any:
            return super().__new__(cls, function)

    pointer = trampfd.callback(Own, Doubled(), permanent=True)
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    del pointer
    gc.collect()
    assert INT(address)(3) == 6


def test_in_a_child_of_fork() -> None:
    run(
        "pointer = trampfd.callback(INT, lambda number: number + 1, permanent=True)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    os._exit(pointer(41))\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42\n"
        "assert pointer(1) == 2 and trampfd.verify(pointer)\n"
    )


def test_at_the_end_of_the_interpreter() -> None:
    """C calls it once Python has ended: nothing of Python runs, and the process ends well."""
    done = run(
        "NONE = ctypes.CFUNCTYPE(None)\n"
        "def said(): print('said', flush=True)\n"
        "pointer = trampfd.callback(NONE, said, permanent=True)\n"
        "pointer()\n"
        "assert not ctypes.CDLL(None).__cxa_atexit(pointer, None, None)\n"
        "del pointer\n"
    )
    assert done.stdout == "said\n"
    assert "callback said was called" in done.stderr
