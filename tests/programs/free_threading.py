# SPDX-License-Identifier: MIT
"""Threads that make, call and drop callbacks of ctypes at the same time, each result checked.

free_threading.py THREADS SECONDS

Prints the number of rounds, and whether the GIL was off.  An exception of any thread ends it with
status 1.
"""

from __future__ import annotations

import ctypes
import gc
import random
import sys
import threading
import time
from typing import Callable

import trampfd

trampfd.install()

INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
WITH_ERRNO = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, use_errno=True)
OBJECT = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object)
LIBC = ctypes.CDLL(None)
HELD = ctypes.PyDLL(None)  # its functions are called by an attached thread


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_int)]


SUM = ctypes.CFUNCTYPE(ctypes.c_double, Point, ctypes.c_int)

shared: list[ctypes._FuncPointer] = [INT(lambda value: value + 1) for _ in range(8)]


def sort(library: ctypes.CDLL) -> None:
    numbers = random.sample(range(100), 10)
    array = (ctypes.c_int * 10)(*numbers)
    compare = COMPARE(lambda a, b: a[0] - b[0])
    library.qsort(array, ctypes.c_size_t(10), ctypes.c_size_t(4), compare)
    assert list(array) == sorted(numbers), (numbers, list(array))


def sort_detached() -> None:
    sort(LIBC)


def sort_attached() -> None:
    sort(HELD)


def use_shared() -> None:
    """Calls what other threads replace."""
    place = random.randrange(len(shared))
    assert shared[place](41) == 42
    if random.random() < 0.1:
        shared[place] = INT(lambda value: value + 1)


def pass_structure() -> None:
    assert SUM(lambda point, more: point.x + point.y + more)(Point(1.5, 10), 3) == 14.5


def pass_object() -> None:
    thing = [1]
    assert OBJECT(lambda value: value)(thing) is thing


def set_errno() -> None:
    def fail(value: int) -> int:
        ctypes.set_errno(value)
        return -1

    assert WITH_ERRNO(fail)(7) == -1


def make_cycle() -> None:
    """Only the collector frees it."""

    class Node:
        def __init__(self) -> None:
            self.callback = INT(self.call)

        def call(self, value: int) -> int:
            return value * 2

    assert Node().callback(21) == 42


def collect() -> None:
    gc.collect()
    time.sleep(0.01)


def add_fields() -> None:
    """A structure that gets its fields between the making of a callback and a call."""

    class Base(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int)]

    class Derived(Base):
        pass

    callback = ctypes.CFUNCTYPE(ctypes.c_int, Derived, ctypes.c_int)(lambda d, n: d.y + n)
    Derived._fields_ = [("y", ctypes.c_int)]
    assert callback(Derived(1, 2), 3) == 5


def verify() -> None:
    trampfd.verify(shared[0])


def swallow(unraisable: sys.UnraisableHookArgs) -> None:
    assert isinstance(unraisable.exc_value, ZeroDivisionError), unraisable


def fail() -> None:
    assert INT(lambda value: value // 0)(1) == 0


def drop_in_own_call() -> None:
    kept = []

    def forget(value: int) -> int:
        kept.clear()
        return value

    kept.append(INT(forget))
    assert kept[0](5) == 5


WORK: list[Callable[[], None]] = [
    sort_detached, sort_attached, use_shared, pass_structure, pass_object, set_errno, make_cycle,
    add_fields, verify, fail, drop_in_own_call,
]  # fmt: skip

errors: list[BaseException] = []
rounds: list[int] = []


def work(end: float) -> None:
    count = 0
    try:
        while time.monotonic() < end and not errors:
            random.choice(WORK)()
            count += 1
    except BaseException as error:
        errors.append(error)
    rounds.append(count)


def main(threads: int, seconds: float) -> None:
    sys.unraisablehook = swallow
    end = time.monotonic() + seconds
    workers = [threading.Thread(target=work, args=(end,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        collect()
    if errors:
        raise errors[0]
    is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(sum(rounds), "rounds", "with" if is_gil_enabled else "without", "GIL")


main(int(sys.argv[1]), float(sys.argv[2]))
