# SPDX-License-Identifier: MIT
"""What does a closure cost to make and to free, and in memory, by how many there are?

Two questions: one closure freed and made again while so many are live; and that many made from
nothing and then freed, where the kernel's price of fresh memory counts too.  Every round is a
process of its own, from its first closure on.  A rival that cannot make so many is a result, too:
how many it made, and why no more; one round shows it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import CREATE_FREE, FILL, PLAN, STATIC, STOCK, live_case
from lib.race import Absent, Effort, Outcome, rotated

RIVALS = (PLAN, STOCK, STATIC)

#: Closures that a round makes at least, if need be by several cycles.
CLOSURES = 200_000
CLOSURES_QUICK = 20_000

# Rounds by number of live closures: those that take seconds are few.
ROUNDS_OF_MANY = {10**6: 5, 10**7: 3}

_PRINTED = re.compile(
    r"(?P<make>\S+) (?P<free>\S+) (?P<again>\S+) (?P<bytes>\S+) (?P<mappings>\S+)\n"
    r"(?:stopped (?P<stopped>\d+) (?P<reason>.*)\n)?"
)


@dataclass
class Live:
    """One rival's figures: nanoseconds in each round, memory in the last one."""

    make: list[float] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    bytes: float = 0
    mappings: int = 0
    stopped: int | None = None
    reason: str = ""


def _measure(rival: str, count: int, least: int, live: Live) -> None:
    cycles = max(1, least // count)
    printed = build.run(build.program(rival), "live", count, cycles)
    found = _PRINTED.fullmatch(printed)
    assert found, printed
    live.make.append(float(found["make"]))
    live.free.append(float(found["free"]))
    if float(found["again"]) >= 0:
        live.again.append(float(found["again"]))
    live.bytes = float(found["bytes"])
    live.mappings = int(found["mappings"])
    if found["stopped"]:
        live.stopped, live.reason = int(found["stopped"]), found["reason"]


@functools.cache
def _race(count: int, effort: Effort, least: int) -> tuple[Mapping[str, Live], dict[str, str]]:
    lives, absent = {}, {}
    for rival in RIVALS:
        try:
            build.program(rival)
            lives[rival] = Live()
        except Absent as reason:
            absent[rival] = str(reason)
    for number in range(min(effort.rounds, ROUNDS_OF_MANY.get(count, effort.rounds))):
        for rival in rotated(list(lives), number):
            if lives[rival].stopped is None:
                _measure(rival, count, least, lives[rival])
    return lives, absent


def _not_again(lives: Mapping[str, Live], count: int) -> dict[str, str]:
    """Rivals that could not make again what was freed, and why."""
    return {
        name: f"of {live.stopped or count:,}, none freed could be made again: {live.reason}"
        for name, live in lives.items()
        if not live.again
    }


def _seconds(question: str, live: Live) -> list[float]:
    if question == CREATE_FREE:
        return [again / 1e9 for again in live.again]
    return [(make + free) / 1e9 for make, free in zip(live.make, live.free)]


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("question", [CREATE_FREE, FILL])
@pytest.mark.parametrize(
    "count",
    [
        10,
        10**3,
        10**5,
        pytest.param(10**6, marks=pytest.mark.full),
        pytest.param(10**7, marks=pytest.mark.full),
    ],
)
def test_create_free(
    benchmark: Any,
    request: pytest.FixtureRequest,
    effort: Effort,
    quick: bool,
    count: int,
    question: str,
    rival: str,
) -> None:
    lives, absent = _race(count, effort, CLOSURES_QUICK if quick else CLOSURES)
    if question == CREATE_FREE:
        absent = {**absent, **_not_again(lives, count)}
    outcome = Outcome({name: _seconds(question, live) for name, live in lives.items()}, absent)
    more = vars(lives[rival]) if rival in lives else {}
    record = Record(request.config, question)
    record.times(benchmark, live_case(count), rival, outcome, count=count, **more)
