# SPDX-License-Identifier: MIT
"""Call a Python function from C so often, for counting instructions.

count_python.py RIVAL CALLS
"""

from __future__ import annotations

import sys

from c_calls import Loop
from python_callbacks import ADD, FLOOR, HAND, by_hand, floor


def main(rival: str, calls: int) -> None:
    special = {HAND: lambda: (None, by_hand(attached=True)), FLOOR: lambda: (None, floor())}
    kept, code = {**ADD, **special}[rival]()
    Loop("2 ints").of(code, keep_gil=True)(calls)
    del kept


main(sys.argv[1], int(sys.argv[2]))
