# SPDX-License-Identifier: MIT
"""What do a call with a C handler, making and a fork cost by where slots come from?

Each provider has a process of its own; for calls, rounds of its closure and of an indirect call
alternate there.  The kernel's providers need the device that the kernel module makes.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import DIRECT, INTS, PLAN, PROVIDER, PROVIDER_MAKE
from lib.race import Effort, Outcome, rotated

QUESTION = PROVIDER
PROVIDERS = ("table", "sealed", "trampfd", "trampfd-user")
KERNEL = PROVIDERS[2:]
USER = PROVIDERS[3]
DEVICE = Path("/dev/trampfd")


#: What is timed, and how many closures are live then.
LIVE = 100_000
LIVE_QUICK = 1000
MADE = "make and free"
FORK = "fork"
AFTER_FORK = "make and free, first after a fork"


def _present() -> tuple[list[str], dict[str, str]]:
    """Those that this machine has, and why not the others."""
    there = [name for name in PROVIDERS if name not in KERNEL or DEVICE.exists()]
    return there, {name: f"no {DEVICE}" for name in KERNEL if name not in there}


@functools.cache
def _rounds(provider: str, effort: Effort) -> dict[str, list[float]]:
    build.callers("loops")
    build.maker(PLAN)
    script = [sys.executable, build.PROGRAMS / "provider_rounds.py", effort.rounds, effort.seconds]
    environment = {**os.environ, "TRAMPFD_PROVIDER": provider}
    return dict(json.loads(build.run(*script, env=environment)))


@functools.cache
def _outcome(effort: Effort) -> Outcome:
    there, absent = _present()
    rounds = _rounds("table", effort)
    for provider in there[1:]:
        rounds[provider] = _rounds(provider, effort)[provider]
    return Outcome(rounds, absent)


@pytest.mark.parametrize("provider", [*PROVIDERS, DIRECT])
def test_provider_cost(benchmark: Any, record: Record, effort: Effort, provider: str) -> None:
    record.times(benchmark, INTS, provider, _outcome(effort))


def _run(provider: str, *words: object) -> list[float]:
    environment = {**os.environ, "TRAMPFD_PROVIDER": provider}
    printed = build.run(build.program(PLAN), *words, env=environment)
    return [float(word) for word in printed.split()]


def _present_for(live: int) -> tuple[list[str], dict[str, str]]:
    """Without what cannot make so many closures: the user type takes a descriptor for each."""
    there, absent = _present()
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if USER in there and live >= descriptors:
        there.remove(USER)
        absent[USER] = f"{live:,} closures take more descriptors than {descriptors:,}"
    return there, absent


@functools.cache
def _making(effort: Effort, live: int) -> dict[str, Outcome]:
    there, absent = _present_for(live)
    found: dict[str, dict[str, list[float]]] = {
        case: {provider: [] for provider in there} for case in (MADE, FORK, AFTER_FORK)
    }
    for number in range(effort.rounds):
        for provider in rotated(there, number):
            _, _, again, *_ = _run(provider, "live", live, 1)
            fork, first = _run(provider, "fork", live, 10)
            for case, nanoseconds in ((MADE, again), (FORK, fork), (AFTER_FORK, first)):
                found[case][provider].append(nanoseconds / 1e9)
    return {case: Outcome(rounds, absent) for case, rounds in found.items()}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("case", [MADE, FORK, AFTER_FORK])
def test_making_by_provider(
    benchmark: Any,
    request: pytest.FixtureRequest,
    effort: Effort,
    quick: bool,
    case: str,
    provider: str,
) -> None:
    live = LIVE_QUICK if quick else LIVE
    record = Record(request.config, PROVIDER_MAKE)
    record.times(benchmark, f"{case}, {live:,} live", provider, _making(effort, live)[case])
