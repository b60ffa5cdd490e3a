# SPDX-License-Identifier: MIT
"""What a run of the tests says of itself, and what a virtual machine leaves out."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest
from support import core, emulation, libc, scale

# They build and ship, which needs a network and is the same for every provider, or name theirs.
_OF_THE_HOST = [
    "test_bench.py",
    "test_failure_modes.py",
    "test_libffi_suite.py",
    "test_library.py",
    "test_packaging.py",
]

collect_ignore = _OF_THE_HOST if scale.IN_GUEST else []


@pytest.fixture(autouse=True)
def _only_table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at blocks of the table, or run under valgrind.

    valgrind knows nothing of mappings that the kernel makes executable unasked.
    """
    if request.node.get_closest_marker("only_table"):
        monkeypatch.setenv("TRAMPFD_PROVIDER", "table")


@pytest.fixture(autouse=True)
def _port(request: pytest.FixtureRequest) -> None:
    """For tests of what not every port has."""
    for marker in request.node.iter_markers("needs_port_with"):
        (what,) = marker.args
        if core.port_lacks(what):
            pytest.skip(f"{what}: the port {core.architecture()} has none")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What an emulator of single programs or a C library has not, or has of its own."""
    for item in items:
        reason = emulation.reason_to_skip(item.nodeid) or libc.reason_to_skip(item.nodeid)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(params=["ctypes", "cffi"])
def interface(request: pytest.FixtureRequest) -> str:
    """For tests that make the same callbacks by both."""
    if request.param == "cffi":
        pytest.importorskip("cffi")
    return str(request.param)


def pytest_collection_finish() -> None:
    """Garbage collections, of which the tests ask for many, leave out what is loaded by now."""
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of several (pytest-xdist) hands over what it scaled."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["scaled"] = scale.scaled


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker handed over; one that crashed has nothing."""
    scale.scaled.update(getattr(node, "workeroutput", {}).get("scaled", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not scale.IN_GUEST:
        return
    terminalreporter.section("scaled down for an emulated machine")
    for source in sorted(core.PROGRAMS.rglob("*.c")):
        for full, done in re.findall(r"\bscaled\((\d+), (\d+)\)", source.read_text()):
            terminalreporter.line(f"{source.relative_to(core.PROGRAMS)}: {done} instead of {full}")
    for what, (full, done) in sorted(scale.scaled.items()):
        terminalreporter.line(f"{what}: {done} instead of {full}")
    for name in _OF_THE_HOST:
        terminalreporter.line(f"{name}: on the host only")
