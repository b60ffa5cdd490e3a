# SPDX-License-Identifier: MIT
"""Calls of a closure from the provider that TRAMPFD_PROVIDER names; run in a process of its own.

    provider_rounds.py ROUNDS SECONDS

Prints the seconds of a call in each round as JSON, of the closure and of a plain function.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib import build
from lib.c_calls import Loop, closure
from lib.names import DIRECT, INTS, PLAN
from lib.race import Effort, race, timed


class Slot(ctypes.Structure):
    """struct trampfd_slot"""

    _fields_ = (
        ("provider", ctypes.c_char_p),
        ("source", ctypes.c_char_p),
        ("block", ctypes.c_void_p),
        ("index", ctypes.c_uint),
        ("record", ctypes.c_void_p),
    )


def main(effort: Effort) -> None:
    provider = os.environ["TRAMPFD_PROVIDER"]
    loop, slot = Loop(INTS), Slot()
    code = closure(PLAN, loop)
    library = ctypes.CDLL(str(build.maker(PLAN)))
    assert library.trampfd_slot_find(ctypes.c_void_p(code), ctypes.byref(slot)) == 0
    assert slot.provider.decode() == provider
    calls = {provider: loop.of(code), DIRECT: loop.of(loop.direct)}
    assert calls[provider](1000) == calls[DIRECT](1000)
    print(json.dumps(race({name: timed(call) for name, call in calls.items()}, effort)))


main(Effort(int(sys.argv[1]), float(sys.argv[2])))
