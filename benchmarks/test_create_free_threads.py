# SPDX-License-Identifier: MIT
"""What does a closure cost to make and to free, by how many threads do so at the same time?

Every round is a process of its own, and its figure is that of the slowest thread: where threads
wait for each other it grows with their number.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import PLAN, STATIC, STOCK, THREADS, threads_case
from lib.race import Absent, Effort, Outcome, rotated

QUESTION = THREADS
RIVALS = (PLAN, STOCK, STATIC)

#: Closures that each thread makes in a round.
CLOSURES = 500_000
CLOSURES_QUICK = 20_000


@functools.cache
def _race(threads: int, effort: Effort, closures: int) -> Outcome:
    rounds: dict[str, list[float]] = {}
    absent = {}
    for rival in RIVALS:
        try:
            build.program(rival)
            rounds[rival] = []
        except Absent as reason:
            absent[rival] = str(reason)
    for number in range(effort.rounds):
        for rival in rotated(list(rounds), number):
            printed = build.run(build.program(rival), "threads", threads, closures)
            rounds[rival].append(float(printed) / 1e9)
    return Outcome(rounds, absent)


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("threads", [1, 2])
def test_threads(
    benchmark: Any, record: Record, effort: Effort, quick: bool, threads: int, rival: str
) -> None:
    outcome = _race(threads, effort, CLOSURES_QUICK if quick else CLOSURES)
    record.times(benchmark, threads_case(threads), rival, outcome)
