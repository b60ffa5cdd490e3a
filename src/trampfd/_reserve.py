# SPDX-License-Identifier: MIT
"""trampfd.reserve(): callbacks that need no system call of trampfd's when they are made."""

from __future__ import annotations

import operator
import sys
from typing import SupportsIndex

from . import _callback as _callback  # so that callback() has no file to read later
from . import _native


def reserve(count: SupportsIndex) -> None:
    """Map ahead what the next `count` callbacks take.

    This is for programs that give up the right to open files or to map code, as with a seccomp
    filter: without it, each 4,096th callback may do both.  From then on, as long as no more than
    `count` callbacks live besides those that live now, trampfd makes, calls and frees callbacks
    without a system call, in any thread, however many were made and freed before.  Bound functions
    and trampolines of the backend "context" count as callbacks.

    Import ctypes, cffi and what else the program uses before, make one callback of each function
    type, and call install() before if it is used.  Python itself still allocates memory for
    objects (mmap and munmap of data, brk), and threads that wait for each other call futex.  With
    the providers "sealed", "trampfd" and "trampfd-user", making and freeing a callback takes system
    calls of its own; their blocks are mapped ahead, too.

    The reservation is that of the process, all its interpreters and threads.  It lasts until the
    next call, which replaces it: what a smaller number does not need is given back, and 0 ends it.
    A child after fork() has the same reservation.  It takes about 130 bytes of address space for
    each callback, and memory for those only that are made.

    Raises TypeError if `count` is not an integer, ValueError if it is negative, and ClosureError
    (an OSError and MemoryError) with every attempt if there is no memory, no address space or no
    source of slots; the former reservation is in force then.
    """
    try:
        number = operator.index(count)
    except TypeError:
        raise TypeError(f"reserve() takes a number of callbacks, not {count!r}") from None
    if number < 0:
        raise ValueError(f"reserve() takes a number of callbacks, 0 or more, not {number}")
    _native.reserve(min(number, sys.maxsize))
