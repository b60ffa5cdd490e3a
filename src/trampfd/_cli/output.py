# SPDX-License-Identifier: MIT
"""Ending a command whose output cannot be written, or that is interrupted."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import Callable

FAILED = 2


def guarded(command: Callable[[], int]) -> int:
    """Run a command, and write out what it printed; returns its exit status.

    A status that tells what a command found must not stand for an error, as that of an exception
    would. A reader that has seen enough, such as `head`, and Ctrl-C end it without a word, with
    the statuses that a shell gives to SIGPIPE and SIGINT.
    """
    # Names of processes and files are anything; not every terminal can show them.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = command()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        status = 128 + signal.SIGPIPE
    except OSError as error:
        with contextlib.suppress(OSError):
            print(f"trampfd: {error}", file=sys.stderr)
        status = FAILED
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    _discard_output()
    return status


def printable(text: str) -> str:
    """A process chooses its name, its arguments and its paths: none may control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _discard_output() -> None:
    """Python would try to write the rest at its end, and complain."""
    with contextlib.suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())
