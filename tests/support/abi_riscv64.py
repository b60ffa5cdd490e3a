# SPDX-License-Identifier: MIT
"""RISC-V: see abi.py."""

from __future__ import annotations

from collections.abc import Iterator

from support.c_types import (
    FLOAT,
    POINTER,
    Array,
    Scalar,
    Structure,
    Type,
    placed_members,
    placed_scalars,
    size_and_alignment,
)

# 0 to 8 integer registers with 0 to 8 for floats.
ENTRIES = 9 * 9
RESULTS = 12
TAILS = {
    f"tfd_plan_tail_{name}"
    for name in (
        "words", "singles", "doubles", "single_double", "double_single", "single_at_4",
        "single_at_8", "double_at_8",
    )
}  # fmt: skip
EMPTY_STRUCTURES = False
COMPLEX_NUMBERS_KNOWN = False
TAIL_WORD = 6
# It has more members than the key of a plan.
WITHOUT_PLAN = "struct odd { int x; char more[1024]; };", False
PACKED_HAVE_PLANS = True


def _fields(type: Type, start: int = 0, packed: bool = False) -> Iterator[tuple[int, int, Scalar]]:
    """Each scalar with its offset and the alignment that libffi is told of."""
    _, alignment = size_and_alignment(type)
    if isinstance(type, Scalar):
        yield start, 1 if packed else alignment, type
    elif isinstance(type, Array):
        size, _ = size_and_alignment(type.item)
        for i in range(type.length):
            yield from _fields(type.item, start + i * size, packed)
    else:
        for at, member in placed_members(type):
            yield from _fields(member, start + at, type.packed)


def _is_integer_or_float(scalar: Scalar) -> bool:
    return scalar.kind != POINTER and scalar.size <= 8


def libffi_agrees(type: Type, is_result: bool) -> bool:
    """libffi takes the second of two fields from where the first one ends, without padding."""
    fields = list(_fields(type))
    scalars = [one for _, _, one in fields]
    if len(fields) != 2 or not all(map(_is_integer_or_float, scalars)):
        return True
    if all(one.kind != FLOAT for one in scalars):
        return True
    (_, _, first), (at, alignment, _) = fields
    size, _ = size_and_alignment(type)
    return at == -(-first.size // alignment) * alignment and size <= 16


def libffi_may_garble(type: Type) -> bool:
    """A structure of nothing but a float."""
    scalars = [one for _, one in placed_scalars(type)]
    return isinstance(type, Structure) and [one.kind for one in scalars] == [FLOAT]
