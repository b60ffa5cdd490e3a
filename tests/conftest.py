# SPDX-License-Identifier: MIT
"""What a run of the tests says of itself at its end."""

from __future__ import annotations

import pytest
import scale


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not scale.scaled:
        return
    terminalreporter.section("scaled down for an emulated machine")
    for what, (full, done) in sorted(scale.scaled.items()):
        terminalreporter.line(f"{what}: {done} instead of {full}")
