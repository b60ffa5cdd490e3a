# SPDX-License-Identifier: MIT
"""Call a Python function from C so often, for counting instructions.

count_python.py RIVAL CALLS
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.c_calls import Loop
from lib.names import HAND, INTS, VECTORCALL
from lib.python_callbacks import ADD, by_hand, floor


def main(rival: str, calls: int) -> None:
    if rival in ADD:
        kept, code = ADD[rival]()
    else:
        kept, code = None, {HAND: by_hand(attached=True), VECTORCALL: floor()}[rival]
    Loop(INTS).of(code, keep_gil=True)(calls)
    del kept


main(sys.argv[1], int(sys.argv[2]))
