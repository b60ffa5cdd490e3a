# SPDX-License-Identifier: MIT
"""How many bytes of a process's resident memory does a live callback of Python take?"""

from __future__ import annotations

import sys

import pytest
from conftest import Record
from lib import build
from lib.names import BY_CTYPE, CALLBACK, CTYPES, MEMORY, OF_CTYPES, TRAMPFD_CFFI, TRAMPFD_CTYPES

QUESTION = MEMORY

LIVE = 100_000


@pytest.mark.parametrize(
    ("way", "rival"),
    [
        (OF_CTYPES, CTYPES),
        (OF_CTYPES, TRAMPFD_CTYPES),
        (BY_CTYPE, CALLBACK),
        (BY_CTYPE, TRAMPFD_CFFI),
    ],
)
def test_memory(record: Record, way: str, rival: str) -> None:
    closures = "trampfd" if rival in (TRAMPFD_CTYPES, TRAMPFD_CFFI) else "stock"
    program = build.PROGRAMS / "count_bytes.py"
    printed = build.run(sys.executable, program, way, closures, LIVE)
    record.count(way, rival, float(printed))
