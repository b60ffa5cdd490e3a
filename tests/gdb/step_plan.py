# SPDX-License-Identifier: MIT
"""For gdb: steps through calls of plan/unwind, from the slot to the handler and back to the caller.

Before every instruction on the way the debugger must find the caller and main().  Writes how many
instructions of each function it looked at.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Iterator

import gdb

CALLERS = (
    "call_long",
    "call_float",
    "call_double",
    "call_long_double",
    "call_complex",
    "call_mixed",
    "call_large",
    "call_for_nothing",
    "call_for_int",
    "call_for_long",
)


def functions() -> Iterator[str]:
    """Names of the functions under way, the latest first."""
    frame = gdb.newest_frame()
    while frame is not None:
        yield frame.name()
        frame = frame.older()


def step_through(caller: str, seen: collections.Counter[str]) -> None:
    called = False
    while True:
        gdb.execute("stepi", to_string=True)
        now, *others = functions()
        if now == caller:
            if called:
                return
            continue
        called = True
        if caller not in others or "main" not in others:
            pc = gdb.newest_frame().pc()
            raise AssertionError(f"at {pc:#x} in {now}, called by {others}, not by {caller}")
        if now == "handle":
            gdb.execute("finish", to_string=True)
        else:
            seen[now] += 1


def main() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for caller in CALLERS:
        gdb.Breakpoint(f"*{caller}", temporary=True)
    gdb.execute("run", to_string=True)
    for caller in CALLERS:
        step_through(caller, seen)
        gdb.execute("continue", to_string=True)
    for name, count in seen.items():
        print(f"{count} {name}")


try:
    main()
except (AssertionError, gdb.error) as error:
    print(error, file=sys.stderr)
    gdb.execute("quit 1")
