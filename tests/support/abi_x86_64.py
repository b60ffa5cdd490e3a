# SPDX-License-Identifier: MIT
"""x86-64: see abi.py."""

from __future__ import annotations

from support.c_types import Structure, Type, placed_scalars, size_and_alignment

# 0 to 6 integer registers with 0 to 8 vector registers.
ENTRIES = 7 * 9
RESULTS = 11
TAILS = {f"tfd_plan_tail_{name}" for name in ("words", "vectors", "x87", "x87_pair")}
EMPTY_STRUCTURES = True
COMPLEX_NUMBERS_KNOWN = True
TAIL_WORD = 3
WITHOUT_PLAN = "struct odd { long double x; };", False
PACKED_HAVE_PLANS = False


def libffi_agrees(type: Type, is_result: bool) -> bool:
    size, _ = size_and_alignment(type)
    if not isinstance(type, Structure) or size > 16:
        return True
    scalars = list(placed_scalars(type))
    words = {byte // 8 for at, one in scalars for byte in (at, at + one.size - 1)}
    return (
        all(
            at % size_and_alignment(one)[1] == 0 for at, one in scalars
        )  # else compilers use memory
        and len(words) == (size + 7) // 8  # else compilers skip the word of padding
        # Else it is left on the x87 stack.
        and not (is_result and any(one.name == "long double" for _, one in scalars))
    )


def libffi_may_garble(type: Type) -> bool:
    return isinstance(type, Structure) and 8 < size_and_alignment(type)[0] <= 16
