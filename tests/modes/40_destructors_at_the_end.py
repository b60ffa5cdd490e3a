# SPDX-License-Identifier: MIT
"""
Destructors that run when the interpreter ends call C, which calls Python

as those of open files and connections do.

Right: works
"""

import ctypes
import os
import sys

import mode

integers = ctypes.c_int * 5
pointer = ctypes.POINTER(ctypes.c_int)
compare = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(lambda a, b: a[0] - b[0])


class Sorts:
    def __init__(self) -> None:
        self.numbers, self.compare = integers(5, 3, 4, 1, 2), compare
        self.qsort, self.exit, self.list = ctypes.CDLL(None).qsort, os._exit, list

    def __del__(self) -> None:
        self.qsort(self.numbers, 5, 4, self.compare)
        if self.list(self.numbers) == [1, 2, 3, 4, 5]:
            self.exit(0)


sys.last = Sorts()  # type: ignore[attr-defined]
mode.grow()


def end_as_wrong() -> None:
    """What the process ends with unless the destructor has done its work."""
    ctypes.CDLL(None).__cxa_atexit(ctypes.CDLL(None)._exit, 1, None)


end_as_wrong()
