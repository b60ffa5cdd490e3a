# SPDX-License-Identifier: MIT
"""How many instructions do the same things take?  Counted by valgrind: no noise.

A count is the difference of two runs that differ only in how often the thing is done.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Callable

import pytest
from conftest import Record
from lib import build
from lib.names import (
    DIRECT,
    ENTRY_LIBFFI,
    HAND,
    INSTRUCTIONS,
    INSTRUCTIONS_CREATE_FREE,
    INSTRUCTIONS_PYTHON,
    PLAN,
    SIGNATURES,
    STATIC,
    STOCK,
    TRAMPFD_CFFI,
    VECTORCALL,
)
from lib.python_callbacks import ADD
from lib.race import Absent

QUESTION = INSTRUCTIONS

RIVALS = (*ADD, HAND, VECTORCALL)
LIVE = 1000  # closures live at a time
MAKERS = (PLAN, ENTRY_LIBFFI, STOCK, STATIC)


def _instructions(command: Sequence[object]) -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Absent("valgrind is not installed")
    tool = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*tool, *(str(word) for word in command)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert done.returncode == 0 and found, done.stderr
    return int(found[1])


def _each(command: Sequence[object], few: int, many: int) -> float:
    """Instructions per unit of the command's last argument."""
    difference = _instructions([*command, many]) - _instructions([*command, few])
    return difference / (many - few)


def _record(record: Record, case: str, rival: str, count: Callable[[], float]) -> None:
    try:
        record.count(case, rival, count())
    except Absent as reason:
        record.missing(case, rival, str(reason))


@pytest.mark.parametrize("rival", [*MAKERS, DIRECT])
@pytest.mark.parametrize(
    "signature",
    [*SIGNATURES[:4], *(pytest.param(name, marks=pytest.mark.full) for name in SIGNATURES[4:])],
)
def test_c_handler(record: Record, signature: str, rival: str) -> None:
    def count() -> float:
        if rival == DIRECT:
            return _each([build.program(PLAN), "direct", signature], 1000, 11000)
        return _each([build.program(rival), "call", signature], 1000, 11000)

    _record(record, signature, rival, count)


@pytest.mark.parametrize("rival", [PLAN, STOCK, STATIC])
def test_create_free(record: Record, rival: str) -> None:
    def count() -> float:
        return _each([build.program(rival), "live", LIVE], 10, 20) / LIVE

    _record(record, INSTRUCTIONS_CREATE_FREE, rival, count)


@pytest.mark.parametrize(
    "rival",
    [
        TRAMPFD_CFFI,
        *(pytest.param(n, marks=pytest.mark.full) for n in RIVALS if n != TRAMPFD_CFFI),
    ],
)
def test_python_callback(record: Record, rival: str) -> None:
    command = [sys.executable, build.PROGRAMS / "count_python.py", rival]
    _record(record, INSTRUCTIONS_PYTHON, rival, lambda: _each(command, 2000, 12000))
