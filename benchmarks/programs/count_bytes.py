# SPDX-License-Identifier: MIT
"""count_bytes.py WAY stock|trampfd COUNT: bytes of resident memory for each live callback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lib.python_makers import MAKERS


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(way: str, closures: str, count: str) -> None:
    if closures == "trampfd":
        import trampfd

        trampfd.install()
    make = MAKERS[way]
    live: list[object] = [None] * int(count)
    make()
    before = resident()
    for i in range(len(live)):
        live[i] = make()
    print((resident() - before) / len(live))


main(*sys.argv[1:])
