# SPDX-License-Identifier: MIT
"""
Callbacks of subinterpreters

Each of 12 interpreters makes 1,000 callbacks, which work, and ends, before which it may free them:
their memory is used again.

Ways: freed; left to the end
Right: works
Right when left to the end: limit: they stay, so that late calls return an error value
Not with memfd: a subinterpreter loads the extension again, whose file is gone
"""

import functools
import sys
from pathlib import Path

import mode

try:
    import _interpreters as interpreters

    create, run = functools.partial(interpreters.create, "legacy"), interpreters.exec
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        mode.absent("this Python has no module for subinterpreters")
    create, run = functools.partial(interpreters.create, isolated=False), interpreters.run_string

CODE = """
import ctypes
Adder = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
kept = [Adder(lambda x, i=i: x + i) for i in range(1000)]
assert all(callback(7) == 7 + i for i, callback in enumerate(kept))
"""
if sys.argv[1] == "freed":
    CODE += "del kept"


def executable_bytes() -> int:
    total = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, protection = line.split()[:2]
        start, end = (int(number, 16) for number in addresses.split("-"))
        total += end - start if "x" in protection else 0
    return total


def use(count: int) -> None:
    for _ in range(count):
        interpreter = create()
        failed = run(interpreter, CODE)
        if failed:
            mode.wrong(f"in the subinterpreter: {failed}")
        interpreters.destroy(interpreter)


use(3)
before = executable_bytes()
use(9)
if executable_bytes() > before + 96 * 1024:
    mode.wrong("executable memory grows with each subinterpreter")
