# SPDX-License-Identifier: MIT
"""Make, call and drop a callback while each allocation of Python in turn fails; prints how many.

An attempt ends in the right result, in MemoryError, or in a call that returns 0 after an exception
that was reported; afterwards there are as many closures as before.
"""

from __future__ import annotations

import _testcapi
import sys

import trampfd

way, from_then_on = sys.argv[1], sys.argv[2] == "from"
reported: list[object] = []
sys.unraisablehook = lambda info: reported.append(info.exc_type)
sys.excepthook = lambda kind, *rest: reported.append(kind)  # ctypes calls it, too

if "cffi" in way:
    import cffi

    ffi = cffi.FFI()
    ctype = ffi.typeof("int(*)(int)")
    if way == "install cffi":
        trampfd.install()

    def make(function):
        return ffi.callback(ctype, function) if way == "install cffi" else new(ctype, function)

    refusals = (MemoryError,)
    call = type(ffi.cast(ctype, 0)).__call__
else:
    import ctypes

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    if way == "install ctypes":
        trampfd.install()

    def make(function):
        return kind(function) if way == "install ctypes" else new(kind, function)

    call = kind.__call__
    refusals = (MemoryError, ctypes.ArgumentError)

new = trampfd.callback


def double(number):
    return [2 * number + 100_000][0]


def attempt():
    callback = make(double)
    return call(callback, 1000)


WANTED = double(1000)
assert attempt() == WANTED and attempt() == WANTED
used = trampfd.status().slots_used

count = 0
while True:
    reported.clear()
    _testcapi.set_nomemory(count, 0 if from_then_on else count + 1)
    try:
        result = attempt()
    except refusals:
        result = None
    _testcapi.remove_mem_hooks()
    assert result in (WANTED, 0, None), (count, result)
    assert result != 0 or reported or from_then_on, count
    assert trampfd.status().slots_used == used, (count, trampfd.status().slots_used)
    if result == WANTED and not reported:
        break
    count += 1
assert attempt() == WANTED
print(count)
