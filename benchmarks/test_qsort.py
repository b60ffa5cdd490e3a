# SPDX-License-Identifier: MIT
"""How long does the C library's qsort() take with a comparator in Python?"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import random
from typing import Any, Callable

import pytest
from conftest import Record
from lib.names import QSORT
from lib.python_callbacks import COMPARE, Made
from lib.race import Effort, Outcome, Work, compete, timed

QUESTION = QSORT
ROUNDS = 9  # of half a second for each rival

_libc = ctypes.CDLL(None)
_libc.qsort.restype = None
_libc.qsort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]


def _sort(unsorted: Any, comparator: int) -> Any:
    numbers = type(unsorted).from_buffer_copy(unsorted)
    _libc.qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), comparator)
    return numbers


def _rival(make: Callable[[], Made], unsorted: Any) -> Work:
    kept, comparator = make()
    assert list(_sort(unsorted, comparator)) == sorted(unsorted), "wrong answer"

    def work(count: int, kept: object = kept) -> None:
        for _ in range(count):
            _sort(unsorted, comparator)

    return timed(work)


@functools.cache
def _race(size: int, effort: Effort) -> Outcome:
    choose = random.Random(1)
    unsorted = (ctypes.c_int * size)(*(choose.randrange(-(10**9), 10**9) for _ in range(size)))
    rivals = {name: functools.partial(_rival, make, unsorted) for name, make in COMPARE.items()}
    return compete(rivals, dataclasses.replace(effort, rounds=min(effort.rounds, ROUNDS)))


@pytest.mark.parametrize("rival", COMPARE)
@pytest.mark.parametrize("size", [10**3, pytest.param(10**5, marks=pytest.mark.full)])
def test_qsort(benchmark: Any, record: Record, effort: Effort, size: int, rival: str) -> None:
    record.times(benchmark, f"{size:,} ints", rival, _race(size, effort))
