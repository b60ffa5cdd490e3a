# SPDX-License-Identifier: MIT
"""What does a call with a C handler cost by where the closure's slot comes from?

Each provider has a process of its own, in which rounds of its closure and of an indirect call
alternate.  The kernel's providers need the device that the kernel module makes.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import DIRECT, INTS, PLAN, PROVIDER
from lib.race import Effort, Outcome

QUESTION = PROVIDER
PROVIDERS = ("table", "trampfd", "trampfd-user")
DEVICE = Path("/dev/trampfd")


@functools.cache
def _rounds(provider: str, effort: Effort) -> dict[str, list[float]]:
    build.callers("loops")
    build.maker(PLAN)
    script = [sys.executable, build.PROGRAMS / "provider_rounds.py", effort.rounds, effort.seconds]
    environment = {**os.environ, "TRAMPFD_PROVIDER": provider}
    return dict(json.loads(build.run(*script, env=environment)))


@functools.cache
def _outcome(effort: Effort) -> Outcome:
    rounds, absent = _rounds("table", effort), {}
    for provider in PROVIDERS[1:]:
        if DEVICE.exists():
            rounds[provider] = _rounds(provider, effort)[provider]
        else:
            absent[provider] = f"no {DEVICE}"
    return Outcome(rounds, absent)


@pytest.mark.parametrize("provider", [*PROVIDERS, DIRECT])
def test_provider_cost(benchmark: Any, record: Record, effort: Effort, provider: str) -> None:
    record.times(benchmark, INTS, provider, _outcome(effort))
