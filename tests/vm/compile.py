# SPDX-License-Identifier: MIT
"""Compile the C programs of tests of the core and of plans, for a machine without a compiler."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "tools")]

import test_core  # noqa: E402
import test_plan  # noqa: E402
from support import core  # noqa: E402

of_core = [name for name, _ in (*test_core.PROGRAMS, *test_core.TABLE_PROGRAMS)]
for program in sorted({*of_core, *test_plan.PROGRAMS}):
    core.executable(program)
