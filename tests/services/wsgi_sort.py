# SPDX-License-Identifier: MIT
"""A WSGI application whose requests have the C library sort by a callback of ctypes."""

import ctypes

libc = ctypes.CDLL(None)
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


@Compare
def compare(a, b):
    return a[0] - b[0]


def answer():
    numbers = (ctypes.c_int * 4)(3, 1, 4, 2)
    libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), compare)
    return " ".join(map(str, numbers)).encode()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer()]
