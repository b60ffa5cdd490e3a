# SPDX-License-Identifier: MIT
"""What does it cost to make and drop a callback of Python?

Stock and trampfd run the same statements, without and with install().
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from typing import Any, Callable

import pytest
from conftest import Record
from lib.names import (
    BY_CTYPE,
    BY_DECLARATION,
    CALLBACK,
    CTYPES,
    FIRST,
    MAKE,
    MANY_LIVE,
    OF_CTYPES,
    TRAMPFD_CFFI,
    TRAMPFD_CTYPES,
)
from lib.python_makers import MAKERS, first_of_its_type
from lib.race import Effort, Outcome, Work, race

import trampfd

QUESTION = MAKE

LIVE = 100_000


def _rivals(case: str) -> tuple[str, str]:
    """Stock's and ours."""
    return (CTYPES, TRAMPFD_CTYPES) if case.startswith(OF_CTYPES) else (CALLBACK, TRAMPFD_CFFI)


def _drop_at_once(make: Callable[[], object], count: int) -> None:
    for _ in itertools.repeat(None, count):
        make()


def _keep_many(make: Callable[[], object], count: int) -> None:
    """So many times: all are made before one is dropped."""
    for _ in itertools.repeat(None, count):
        kept = [make() for _ in itertools.repeat(None, LIVE)]
        del kept


def _work(
    act: Callable[[Callable[[], object], int], None],
    make: Callable[[], object],
    within: Callable[[], Any],
) -> Work:
    def work(count: int) -> float:
        with within():
            start = time.perf_counter()
            act(make, count)
            return time.perf_counter() - start

    return work


@functools.cache
def _race(case: str, effort: Effort) -> Outcome:
    act, made = (_keep_many, LIVE) if case.endswith(MANY_LIVE) else (_drop_at_once, 1)
    way = case.removesuffix(f", {MANY_LIVE}")
    make = first_of_its_type(way) if case.endswith(FIRST) else MAKERS[way]
    stock, ours = _rivals(case)
    works = {
        stock: _work(act, make, contextlib.nullcontext),
        ours: _work(act, make, trampfd.installed),
    }
    rounds = race(works, effort).items()
    return Outcome({name: [took / made for took in each] for name, each in rounds}, {})


CASES = (
    *MAKERS,
    *(
        pytest.param(f"{way}, {MANY_LIVE}", marks=pytest.mark.full)
        for way in (OF_CTYPES, BY_CTYPE, BY_DECLARATION)
    ),
    *(f"{way}, {FIRST}" for way in (OF_CTYPES, BY_CTYPE)),
)


@pytest.mark.parametrize("is_ours", [False, True], ids=["stock", "trampfd"])
@pytest.mark.parametrize("case", CASES)
def test_make(benchmark: Any, record: Record, effort: Effort, case: str, is_ours: bool) -> None:
    record.times(benchmark, case, _rivals(case)[is_ours], _race(case, effort))
