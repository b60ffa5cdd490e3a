# SPDX-License-Identifier: MIT
"""What a run of the tests says of itself, and what a virtual machine leaves out."""

from __future__ import annotations

import pytest
import scale

# They build and ship, which needs a network and is the same for every provider.
_OF_THE_HOST = [
    "test_bench.py",
    "test_libffi_suite.py",
    "test_library.py",
    "test_packaging.py",
]

collect_ignore = _OF_THE_HOST if scale.IN_GUEST else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not scale.IN_GUEST:
        return
    terminalreporter.section("scaled down for an emulated machine")
    for what, (full, done) in sorted(scale.scaled.items()):
        terminalreporter.line(f"{what}: {done} instead of {full}")
    for name in _OF_THE_HOST:
        terminalreporter.line(f"{name}: on the host only")
