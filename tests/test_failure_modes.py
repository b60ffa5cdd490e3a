# SPDX-License-Identifier: MIT
"""Ways in which closures are known to fail, and what trampfd does instead.

The programs are in ``tests/modes``; ``make modes`` runs them with libffi too, and writes what came
of it to ``docs/failure-modes.md``.
"""

from __future__ import annotations

import json

import pytest
import write_failure_modes
from support import modes, rivals

CASES = list(modes.cases())


@pytest.fixture(params=rivals.of_trampfd("table"), ids=lambda rival: rival.source)
def rival(request: pytest.FixtureRequest) -> rivals.Trampfd:
    found = request.param
    assert isinstance(found, rivals.Trampfd)
    return found


@pytest.mark.parametrize(
    "mode, way", CASES, ids=[f"{mode.name}[{way}]" if way else mode.name for mode, way in CASES]
)
def test_mode(mode: modes.Mode, way: str, rival: rivals.Trampfd) -> None:
    meaningless = mode.not_with(rival.source)
    if meaningless:
        pytest.skip(meaningless)
    outcome = modes.run(mode, way, rival)
    if outcome.kind == modes.ABSENT:
        pytest.skip(outcome.said)
    right, _, why = mode.right(way, rival.source).partition(": ")
    if right == modes.LIMIT:
        assert outcome.kind != modes.WORKS, "the limit is gone, and its line can go"
        pytest.xfail(why)
    assert outcome.kind == right and why in str(outcome), outcome


def test_modes_are_numbered_without_a_gap() -> None:
    assert [mode.number for mode in modes.every()] == list(range(1, len(modes.every()) + 1))


def test_page_is_written_from_outcomes_of_every_mode() -> None:
    kept = json.loads(write_failure_modes.OUTCOMES.read_text())
    keys = {write_failure_modes.key(mode, way) for mode, way in CASES}
    for name, column in kept.items():
        assert set(column["cells"]) == keys, f"{name}: run `make modes`"
    assert write_failure_modes.section(kept) in write_failure_modes.PAGE.read_text()
