# SPDX-License-Identifier: MIT
"""CPUs for which there are no plans: see abi.py."""

from __future__ import annotations

from support.c_types import Type

ENTRIES = 0
RESULTS = 0
TAILS: set[str] = set()
EMPTY_STRUCTURES = False
COMPLEX_NUMBERS_KNOWN = False
TAIL_WORD = 3
WITHOUT_PLAN = "struct odd { int x; };", False
PACKED_HAVE_PLANS = False


def libffi_agrees(type: Type, is_result: bool) -> bool:
    return True


def libffi_may_garble(type: Type) -> bool:
    return False
