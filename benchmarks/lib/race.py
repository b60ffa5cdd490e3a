# SPDX-License-Identifier: MIT
"""Measure rivals in alternating rounds.

Whatever slows the machine down for a while slows all rivals of these rounds alike, so that the
ratio of two rivals is taken round by round.  Each round starts with another rival.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Callable

#: Does the work so often, and returns the seconds that it took.
Work = Callable[[int], float]


class Absent(Exception):
    """A rival cannot be had here; the text says why."""


@dataclass(frozen=True)
class Effort:
    """How much to measure."""

    rounds: int
    seconds: float  # one round of one rival, at least


FULL = Effort(rounds=15, seconds=0.02)
QUICK = Effort(rounds=3, seconds=0.002)


def timed(function: Callable[[int], object]) -> Work:
    """The work that calling the function with a count is."""

    def work(count: int) -> float:
        start = time.perf_counter()
        function(count)
        return time.perf_counter() - start

    return work


def calibrate(work: Work, seconds: float) -> int:
    """How often to do the work so that it takes that long.  Warms up, too."""
    count = 1
    while True:
        took = work(count)
        if took >= seconds:
            return count
        count = min(count * 10, max(count + 1, int(1.2 * count * seconds / max(took, 1e-9))))


def rotated(names: Sequence[str], by: int) -> list[str]:
    by %= len(names)
    return [*names[by:], *names[:by]]


def race(rivals: Mapping[str, Work], effort: Effort) -> dict[str, list[float]]:
    """Seconds that the work took once, of each rival in each round."""
    counts = {name: calibrate(work, effort.seconds) for name, work in rivals.items()}
    rounds: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(effort.rounds):
        for name in rotated(list(rivals), number):
            rounds[name].append(rivals[name](counts[name]) / counts[name])
    return rounds


@dataclass(frozen=True)
class Outcome:
    """Of a race: rounds of the rivals that ran, reasons of those that could not."""

    rounds: Mapping[str, Sequence[float]]
    absent: Mapping[str, str]


def compete(rivals: Mapping[str, Callable[[], Work]], effort: Effort) -> Outcome:
    """Prepare all rivals, each of which checks its answer there, and let them race."""
    ready, absent = {}, {}
    for name, prepare in rivals.items():
        try:
            ready[name] = prepare()
        except Absent as reason:
            absent[name] = str(reason)
    return Outcome(race(ready, effort), absent)
