# SPDX-License-Identifier: MIT
"""Call a Python function from C so often, for counting instructions.

count_python.py RIVAL CALLS
"""

from __future__ import annotations

import sys

from c_calls import Loop
from names import HAND, INTS, VECTORCALL
from python_callbacks import ADD, by_hand, floor


def main(rival: str, calls: int) -> None:
    if rival in ADD:
        kept, code = ADD[rival]()
    else:
        kept, code = None, {HAND: by_hand(attached=True), VECTORCALL: floor()}[rival]
    Loop(INTS).of(code, keep_gil=True)(calls)
    del kept


main(sys.argv[1], int(sys.argv[2]))
