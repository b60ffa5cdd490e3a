# SPDX-License-Identifier: MIT
"""Ways in which closures are known to fail, and what trampfd does instead.

The programs are in ``tests/modes``; ``make modes`` runs them with libffi too, and writes what came
of it to ``docs/failure-modes.md``.
"""

from __future__ import annotations

import pytest
from support import modes, providers, rivals

CASES = list(modes.cases())


@pytest.fixture(params=rivals.of_trampfd(providers.current()), ids=lambda rival: rival.source)
def rival(request: pytest.FixtureRequest) -> rivals.Trampfd:
    found = request.param
    assert isinstance(found, rivals.Trampfd)
    return found


@pytest.mark.parametrize(
    "mode, way", CASES, ids=[f"{mode.name}[{way}]" if way else mode.name for mode, way in CASES]
)
def test_mode(mode: modes.Mode, way: str, rival: rivals.Trampfd) -> None:
    absent = mode.not_with(rival.source)
    if absent:
        pytest.skip(absent)
    outcome = modes.run(mode, way, rival)
    if outcome.kind == modes.ABSENT:
        pytest.skip(outcome.said)
    assert outcome.is_right(mode.right(rival.source)), outcome


def test_modes_are_numbered_without_a_gap() -> None:
    numbers = {mode.number for mode in modes.every()}
    assert numbers == set(range(1, max(numbers) + 1))
