# SPDX-License-Identifier: MIT
"""AArch64: see abi.py."""

from __future__ import annotations

from support.c_types import (
    COMPLEX,
    FLOAT,
    Array,
    Scalar,
    Structure,
    Type,
    placed_scalars,
    size_and_alignment,
)

# 0 to 4 pairs of integer registers with 0 to 4 of vector registers; and whole vectors.
ENTRIES = 5 * 5 + 1
RESULTS = 9
TAILS = {f"tfd_plan_tail_{name}" for name in ("words", "singles", "doubles", "quads")}
# ffi_prep_cif() reads beyond the members where the first one is empty.
EMPTY_STRUCTURES = False
COMPLEX_NUMBERS_KNOWN = True
TAIL_WORD = 6
WITHOUT_PLAN = "struct odd { float x, y; };", True
PACKED_HAVE_PLANS = True


def _is_aligned_apart(type: Type) -> bool:
    """Is it, or something in it, aligned to more than its members are?"""
    if isinstance(type, Array):
        return _is_aligned_apart(type.item)
    if not isinstance(type, Structure):
        return False
    own = max((size_and_alignment(member)[1] for member in type.members), default=1)
    return type.alignment > own or any(map(_is_aligned_apart, type.members))


def _unit(scalar: Scalar) -> int:
    """Bytes of a float, or of a part of a complex number; 0 for what is neither."""
    return {FLOAT: scalar.size, COMPLEX: scalar.size // 2}.get(scalar.kind, 0)


def libffi_agrees(type: Type, is_result: bool) -> bool:
    """Compilers look at the alignment of members, libffi at that of the type, if at any."""
    size, _ = size_and_alignment(type)
    units = {_unit(one) for _, one in placed_scalars(type)}
    is_homogeneous = len(units) == 1 and size <= 4 * min(units)
    return not (_is_aligned_apart(type) and (size <= 16 or is_homogeneous))


def libffi_may_garble(type: Type) -> bool:
    return isinstance(type, Structure) and size_and_alignment(type)[0] > 16
