# SPDX-License-Identifier: MIT
"""Calls of a closure that libffi's functions make; run in a process of its own.

    preload_calls.py SIGNATURE

Reads "closure COUNT" or "direct COUNT" from standard input, and answers with the seconds that so
many calls took, of the closure or of a plain function.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.c_calls import Loop, closure
from lib.names import STOCK
from lib.race import timed

loop = Loop(sys.argv[1])
calls = {"closure": loop.of(closure(STOCK, loop)), "direct": loop.of(loop.direct)}
assert calls["closure"](1000) == calls["direct"](1000) > 0, "wrong answer"
writable = any("wx" in line for line in Path("/proc/self/maps").read_text().splitlines())
assert writable != ("LD_PRELOAD" in os.environ), "this is not the library that was asked for"
print(flush=True)

for line in sys.stdin:
    name, count = line.split()
    print(timed(calls[name])(int(count)), flush=True)
