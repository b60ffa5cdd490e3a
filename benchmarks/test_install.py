# SPDX-License-Identifier: MIT
"""What does trampfd make of the callbacks of programs that know nothing of it?"""

from __future__ import annotations

import functools
import json
import sys
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import AS_IT_IS, INSTALL, KINDS, PROGRAMS, TRAMPFD_RUN, program_case
from lib.race import Effort, Outcome, rotated

QUESTION = INSTALL
RUNNERS = {AS_IT_IS: (), TRAMPFD_RUN: ("-m", "trampfd", "run")}

CALLS = 100_000
CALLS_QUICK = 2_000


def _run(program: str, runner: str, calls: int) -> dict[str, float]:
    script = build.PROGRAMS / f"with_{program}.py"
    printed = build.run(sys.executable, *RUNNERS[runner], script, build.callers("loops"), calls)
    return dict(json.loads(printed))


@functools.cache
def _race(program: str, effort: Effort, calls: int) -> dict[str, Outcome]:
    """One outcome for each kind of callback in the program."""
    rounds: dict[str, dict[str, list[float]]]
    rounds = {kind: {runner: [] for runner in RUNNERS} for kind in KINDS}
    for number in range(effort.rounds):
        for runner in rotated(list(RUNNERS), number):
            for kind, seconds in _run(program, runner, calls).items():
                rounds[kind][runner].append(seconds)
    return {kind: Outcome(taken, {}) for kind, taken in rounds.items()}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_install(
    benchmark: Any,
    record: Record,
    effort: Effort,
    quick: bool,
    program: str,
    kind: str,
    runner: str,
) -> None:
    outcome = _race(program, effort, CALLS_QUICK if quick else CALLS)[kind]
    record.times(benchmark, program_case(program, kind), runner, outcome)
