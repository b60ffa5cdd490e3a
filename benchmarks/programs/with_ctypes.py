# SPDX-License-Identifier: MIT
"""A program that knows ctypes and nothing of trampfd; prints seconds per callback.

with_ctypes.py LOOPS_LIBRARY CALLS
"""

import ctypes
import json
import sys
import time

ADD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
POINTER = ctypes.POINTER(ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER)


class Loop(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("call", ctypes.c_void_p))


def call_integers(library, calls):
    library.loop_find.restype = ctypes.POINTER(Loop)
    loop = library.loop_find(b"2 ints").contents
    call = ctypes.CFUNCTYPE(ctypes.c_double, ADD, ctypes.c_long)(loop.call)
    add = ADD(lambda a, b: a + b)
    start = time.perf_counter()
    total = call(add, calls)
    took = time.perf_counter() - start
    assert total == calls * (calls - 1) / 2 + calls
    return took / calls


def sort_pointers(calls):
    compared = 0

    def compare(a, b):
        nonlocal compared
        compared += 1
        return a[0] - b[0]

    numbers = (ctypes.c_int * (calls // 10))(*(i * 7919 % 10007 for i in range(calls // 10)))
    comparator = COMPARE(compare)
    start = time.perf_counter()
    ctypes.CDLL(None).qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), comparator)
    took = time.perf_counter() - start
    assert list(numbers) == sorted(numbers)
    return took / compared


library, calls = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
print(json.dumps({"integers": call_integers(library, calls), "pointers": sort_pointers(calls)}))
