# SPDX-License-Identifier: MIT
"""The child processes of commands, and what became of those that give no result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Failure(Exception):
    """A child returned no result; the text is the reason, a predicate without a subject."""


def environment(**variables: str) -> dict[str, str]:
    """Of a child that finds the modules that this process finds, with `variables` set."""
    path = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": path, **variables}


def run(
    command: Sequence[str],
    *,
    timeout: int,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit status, and capture what it prints.

    Raises Failure if it cannot be started, is killed by a signal, or takes longer than `timeout`
    seconds.
    """
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=env,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"timed out after {timeout} s") from None
    except OSError as error:
        raise Failure(f"cannot be started: {error}") from error
    if child.returncode < 0:
        raise Failure(f"killed by {_signal_name(-child.returncode)}")
    return child


def run_json(
    cls: type[T], command: Sequence[str], *, timeout: int, env: Mapping[str, str] | None = None
) -> T:
    """Run a command that prints the fields of a `cls` as a JSON object, and return that `cls`.

    Raises Failure as run() does, and if anything else is printed.
    """
    child = run(command, timeout=timeout, env=env)
    try:
        return cls(**json.loads(child.stdout))
    except (ValueError, TypeError):
        why = last_line(child.stderr)
        reason = f"ended with exit status {child.returncode} and no result"
        raise Failure(f"{reason}: {why}" if why else reason) from None


def last_line(text: str) -> str:
    """Where Python names an exception."""
    return text.strip().rpartition("\n")[2]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Most real-time signals have none.
        return f"signal {number}"
