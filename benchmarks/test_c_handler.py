# SPDX-License-Identifier: MIT
"""What does a call of a closure cost whose handler is a C function?"""

from __future__ import annotations

import functools
from typing import Any

import pytest
from conftest import Record
from lib.c_calls import Loop, closure
from lib.names import C_HANDLER, DIRECT, ENTRY_LIBFFI, PLAN, SIGNATURES, STATIC, STOCK
from lib.race import Effort, Outcome, Work, compete, timed

QUESTION = C_HANDLER
RIVALS = (PLAN, ENTRY_LIBFFI, STOCK, STATIC, DIRECT)

CALLS = 1000


def _prepare(rival: str, signature: str) -> Work:
    loop = Loop(signature)
    call = loop.of(loop.direct if rival == DIRECT else closure(rival, loop))
    assert call(CALLS) == loop.of(loop.direct)(CALLS) > 0, f"{rival}: wrong answer"
    return timed(call)


@functools.cache
def _race(signature: str, effort: Effort) -> Outcome:
    rivals = {rival: functools.partial(_prepare, rival, signature) for rival in RIVALS}
    return compete(rivals, effort)


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("signature", SIGNATURES)
def test_c_handler(
    benchmark: Any, record: Record, effort: Effort, signature: str, rival: str
) -> None:
    record.times(benchmark, signature, rival, _race(signature, effort))
