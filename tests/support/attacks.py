# SPDX-License-Identifier: MIT
"""Attacks on closures by stores, and what comes of them with each provider.

Those of ``tests/c/attack/attack.c`` are on the core, those of ``tests/attack.py`` on callbacks of
Python.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support import core, providers, scale

TESTS = Path(__file__).parents[1]

OPEN = "open"
CLOSED = "closed"

#: The second has no file in memory for its records.
WITHOUT_FILE = "sealed, without memfd"
COLUMNS = ("table", "sealed", WITHOUT_FILE, *providers.KERNEL)

OF_PYTHON = {
    f"callback of {interface}: {what}": (interface, what)
    for interface in ("ctypes", "cffi")
    for what in ("record", "callable")
}


def names() -> list[str]:
    of_core = core.check(core.executable("attack/attack")).splitlines()
    return [*of_core, *OF_PYTHON]


def _run(column: str, words: list[object]) -> subprocess.CompletedProcess[str]:
    provider, _, without = column.partition(", ")
    if without:
        words = [*core.without_memfd(), *words]
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
        env={**os.environ, **providers.environment(provider)},
    )


def _of_core(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stdout.splitlines()
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        if "stored" not in lines:
            return f"{CLOSED}: the store ends the process"
        if name == "SIGABRT":
            return f"{CLOSED}: noticed"
        if "made" not in lines:
            return f"{CLOSED}: no closure can be made ({name})"
        return f"{OPEN}: the call goes astray ({name})"
    if done.returncode and lines == ["stored"]:
        return f"{CLOSED}: no closure can be made"
    assert done.returncode == 0, done.stderr
    if lines[-1] != "unchanged":
        return f"{OPEN}: {lines[-1]}"
    return f"{CLOSED}: refused" if done.stderr else f"{CLOSED}: no effect"


def _of_python(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    result, *stores = done.stdout.split()
    assert any(int(count) for count in stores), "the attack found nothing to store over"
    return f"{OPEN}: redirected" if result == "666" else f"{CLOSED}: no effect"


def outcome(name: str, column: str) -> str:
    """OPEN or CLOSED, and how."""
    if name in OF_PYTHON:
        return _of_python(_run(column, [sys.executable, TESTS / "attack.py", *OF_PYTHON[name]]))
    return _of_core(_run(column, [core.executable("attack/attack"), name]))
