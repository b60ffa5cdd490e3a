# SPDX-License-Identifier: MIT
"""What does a call of a Python function from C cost, by the kind of its arguments?"""

from __future__ import annotations

import functools
from typing import Any

import pytest
from conftest import Record
from lib.names import CALLBACK, CTYPES, PYTHON_KIND, TRAMPFD_CFFI, TRAMPFD_CTYPES
from lib.python_kinds import KINDS, rivals
from lib.race import Effort, Outcome, compete

QUESTION = PYTHON_KIND


@functools.cache
def _race(kind: str, effort: Effort) -> Outcome:
    return compete(rivals(KINDS[kind]), effort)


CASES = [
    (name, rival)
    for name, kind in KINDS.items()
    for rivals_of, types in (
        ((TRAMPFD_CTYPES, CTYPES), kind.of_ctypes),
        ((TRAMPFD_CFFI, CALLBACK), kind.of_cffi),
    )
    for rival in rivals_of
    if types is not None
]


@pytest.mark.parametrize(("kind", "rival"), CASES)
def test_python_kind(benchmark: Any, record: Record, effort: Effort, kind: str, rival: str) -> None:
    record.times(benchmark, kind, rival, _race(kind, effort))
