# SPDX-License-Identifier: MIT
"""A program that knows cffi and nothing of trampfd; prints seconds per callback.

with_cffi.py LOOPS_LIBRARY CALLS
"""

import json
import sys
import time

import cffi

ffi = cffi.FFI()
ffi.cdef("""
    struct loop { const char *name; double (*call)(void *code, long count); };
    const struct loop *loop_find(const char *name);
    void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
""")


def call_integers(library, calls):
    loop = library.loop_find(b"2 ints")
    add = ffi.callback("int(int, int)", lambda a, b: a + b)
    start = time.perf_counter()
    total = loop.call(add, calls)
    took = time.perf_counter() - start
    assert total == calls * (calls - 1) / 2 + calls
    return took / calls


def sort_pointers(calls):
    compared = 0

    @ffi.callback("int(const void *, const void *)")
    def compare(a, b):
        nonlocal compared
        compared += 1
        return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]

    numbers = ffi.new("int[]", [i * 7919 % 10007 for i in range(calls // 10)])
    start = time.perf_counter()
    ffi.dlopen(None).qsort(numbers, len(numbers), ffi.sizeof("int"), compare)
    took = time.perf_counter() - start
    assert list(numbers) == sorted(numbers)
    return took / compared


library, calls = ffi.dlopen(sys.argv[1]), int(sys.argv[2])
print(json.dumps({"integers": call_integers(library, calls), "pointers": sort_pointers(calls)}))
