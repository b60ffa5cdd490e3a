# SPDX-License-Identifier: MIT
"""How long do importing trampfd and install() take?"""

from __future__ import annotations

import functools
import sys
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import IMPORT
from lib.race import Effort, Outcome, rotated

QUESTION = IMPORT

# What is done before the clock starts, and what is measured.
STEPS = {
    "import trampfd": ("", "import trampfd"),
    "trampfd.install()": ("import trampfd", "trampfd.install()"),
    "trampfd.install(), ctypes and cffi loaded": (
        "import ctypes, cffi, _cffi_backend, trampfd",
        "trampfd.install()",
    ),
    "import ctypes": ("", "import ctypes"),
    "import cffi": ("", "import cffi; cffi.FFI()"),
}

_CODE = """
import time
{before}
start = time.perf_counter()
{measured}
print(time.perf_counter() - start)
"""


def _measure(step: str) -> float:
    before, measured = STEPS[step]
    return float(build.run(sys.executable, "-c", _CODE.format(before=before, measured=measured)))


@functools.cache
def _race(effort: Effort) -> Outcome:
    rounds: dict[str, list[float]] = {step: [] for step in STEPS}
    for number in range(effort.rounds):
        for step in rotated(list(STEPS), number):
            rounds[step].append(_measure(step))
    return Outcome(rounds, {})


@pytest.mark.parametrize("step", STEPS)
def test_import(benchmark: Any, record: Record, effort: Effort, step: str) -> None:
    record.times(benchmark, "time", step, _race(effort))
