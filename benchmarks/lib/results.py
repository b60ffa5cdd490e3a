# SPDX-License-Identifier: MIT
"""What a run measured, read from pytest-benchmark's JSON."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Median and range of what the rounds gave."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    def overlaps(self, other: Spread) -> bool:
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Figure:
    """What one rival did in one case of a question: nanoseconds of each round, or a count."""

    question: str
    case: str
    rival: str
    rounds: Sequence[float]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def spread(self) -> Spread:
        return Spread.of(self.rounds)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.question, self.case, self.rival


class Results:
    """All figures of a run, in the order they were measured."""

    def __init__(self, figures: Iterable[Figure], raw: dict[str, Any]) -> None:
        self._figures = {figure.key: figure for figure in figures}
        self.machine: dict[str, str] = raw["machine_info"]
        self.quick: bool = raw["quick"]
        self.load: float = raw["load"]
        self.absent: list[dict[str, str]] = raw["absent"]

    def __iter__(self) -> Any:
        return iter(self._figures.values())

    def find(self, question: str, case: str, rival: str) -> Figure | None:
        return self._figures.get((question, case, rival))

    def questions(self) -> list[str]:
        return list(dict.fromkeys(figure.question for figure in self))

    def cases(self, question: str) -> list[str]:
        return list(dict.fromkeys(f.case for f in self if f.question == question))

    def of(self, question: str, case: str) -> list[Figure]:
        return [f for f in self if (f.question, f.case) == (question, case)]

    def ratio(
        self, question: str, case: str, ours: str, rival: str, floor: str | None = None
    ) -> Spread | None:
        """Ours against the rival's, round by round; what both cost above a floor, if one is named.

        None when one of them was not measured, or the rival never cost more than the floor.
        """
        names = [ours, rival, *([floor] if floor else [])]
        figures = [self.find(question, case, name) for name in names]
        rounds = [figure.rounds for figure in figures if figure]
        if len(rounds) < len(names):
            return None
        if floor is None:
            rounds.append([0.0] * len(rounds[0]))
        ratios = [(a - base) / (b - base) for a, b, base in zip(*rounds) if b > base]
        return Spread.of(ratios) if ratios else None

    def difference(self, question: str, case: str, ours: str, rival: str) -> Spread | None:
        """Milliseconds that ours took more, round by round; None when one was not measured."""
        ours_figure, rival_figure = (self.find(question, case, name) for name in (ours, rival))
        if ours_figure is None or rival_figure is None:
            return None
        pairs = zip(ours_figure.rounds, rival_figure.rounds)
        return Spread.of((mine - other) / 1e6 for mine, other in pairs)


def read(path: Path) -> Results:
    """Of pytest-benchmark's JSON as conftest.py adds to it."""
    raw = json.loads(path.read_text())
    figures = []
    for benchmark in raw["benchmarks"]:
        more = dict(benchmark["extra_info"])
        names = more.pop("question"), more.pop("case"), more.pop("rival")
        rounds = [seconds * 1e9 for seconds in benchmark["stats"]["data"]]
        figures.append(Figure(*names, rounds, more))
    for count in raw["counts"]:
        names = count["question"], count["case"], count["rival"]
        figures.append(Figure(*names, [count["count"]]))
    return Results(figures, raw)


def digits(value: float) -> str:
    """A figure with three digits that mean something."""
    if not math.isfinite(value) or value == 0:
        return f"{value:.0f}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 2)}f}"
