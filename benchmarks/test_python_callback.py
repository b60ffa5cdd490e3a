# SPDX-License-Identifier: MIT
"""What does a call of a Python function int(int, int) from C cost, by who calls it?"""

from __future__ import annotations

import functools
from typing import Any, Callable

import pytest
from conftest import Record
from lib.c_calls import Loop
from lib.names import HAND, HELD, INTS, NOT_HELD, PYTHON_CALLBACK, THREAD, VECTORCALL
from lib.python_callbacks import ADD, Made, by_hand, floor
from lib.race import Effort, Outcome, Work, compete, timed

QUESTION = PYTHON_CALLBACK

CALLS = 1000


def _work(code: int, caller: str, answer: float) -> Work:
    """The calls, after their answer is found right."""
    loop = Loop(INTS)
    if caller == THREAD:
        assert loop.in_thread(code, CALLS)[1] == answer, "wrong answer"
        return lambda count: loop.in_thread(code, count)[0]
    call = loop.of(code, keep_gil=caller == HELD)
    assert call(CALLS) == answer, "wrong answer"
    return timed(call)


def _rival(make: Callable[[], Made], caller: str) -> Work:
    kept, code = make()
    work = _work(code, caller, CALLS * (CALLS - 1) / 2 + CALLS)
    return lambda count: (work(count), kept)[0]


def _rivals(caller: str) -> dict[str, Callable[[], Work]]:
    rivals: dict[str, Callable[[], Work]] = {
        name: functools.partial(_rival, make, caller) for name, make in ADD.items()
    }
    hand = by_hand(attached=caller == HELD)
    rivals[HAND] = functools.partial(_rival, lambda: (None, hand), caller)
    if caller == HELD:
        # Always 1 + 1: its objects are made beforehand.
        rivals[VECTORCALL] = functools.partial(_work, floor(), caller, 2 * CALLS)
    return rivals


@functools.cache
def _race(caller: str, effort: Effort) -> Outcome:
    return compete(_rivals(caller), effort)


RIVALS = (*ADD, HAND)


@pytest.mark.parametrize(
    ("caller", "rival"),
    [
        *((HELD, rival) for rival in (*RIVALS, VECTORCALL)),
        *((NOT_HELD, rival) for rival in RIVALS),
        *((THREAD, rival) for rival in RIVALS),
    ],
)
def test_python_callback(
    benchmark: Any, record: Record, effort: Effort, caller: str, rival: str
) -> None:
    record.times(benchmark, caller, rival, _race(caller, effort))
