# SPDX-License-Identifier: MIT
"""A model of C types as Linux lays them out on this CPU, and C text that declares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

from support import cpu

SIGNED, UNSIGNED, BOOL, CHAR, WIDE, FLOAT, COMPLEX, POINTER = (
    "signed", "unsigned", "bool", "char", "wide", "float", "complex", "pointer",
)  # fmt: skip

# The x87 format has ten bytes, others have no padding.
LONG_DOUBLE = {"arm": 8, "i386": 12}.get(cpu.NAME, 16)
LONG_DOUBLE_BYTES = 10 if cpu.NAME in ("i386", "x86_64") else LONG_DOUBLE

# No scalar asks for more.
ALIGNMENT_MAX = {"arm": 8, "i386": 4, "s390x": 8}.get(cpu.NAME, 16)


@dataclass(frozen=True)
class Scalar:
    """A type that is neither structure nor array: its name in C, one of the kinds above, bytes.

    alignment: 0 if it is the size.
    """

    name: str
    kind: str
    size: int
    alignment: int = 0

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Offsets and sizes of the bytes of a value that are no padding."""
        if "long double" in self.name:
            return tuple((at, LONG_DOUBLE_BYTES) for at in range(0, self.size, LONG_DOUBLE))
        return ((0, self.size),)


@dataclass(frozen=True)
class Array:
    """An array, as it occurs in a structure."""

    item: Type
    length: int


@dataclass(frozen=True)
class Structure:
    """A structure by the types of its members, which are called m0, m1 and so on.

    alignment: more than the members ask for, or 0.
    """

    members: tuple[Type, ...]
    packed: bool = False
    alignment: int = 0


Type = Union[Scalar, Array, Structure]


def _round_up(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def size_and_alignment(type: Type) -> tuple[int, int]:
    if isinstance(type, Scalar):
        return type.size, min(type.alignment or type.size, ALIGNMENT_MAX)
    if isinstance(type, Array):
        size, alignment = size_and_alignment(type.item)
        return size * type.length, alignment
    end, alignment = 0, max(type.alignment, 1)
    for member in type.members:
        size, own = size_and_alignment(member)
        own = 1 if type.packed else own
        end = _round_up(end, own) + size
        alignment = max(alignment, own)
    return _round_up(end, alignment), alignment


def placed_members(type: Structure) -> Iterator[tuple[int, Type]]:
    """Each member of a structure with its offset."""
    at = 0
    for member in type.members:
        size, alignment = size_and_alignment(member)
        at = _round_up(at, 1 if type.packed else alignment)
        yield at, member
        at += size


def placed_scalars(type: Type, start: int = 0) -> Iterator[tuple[int, Scalar]]:
    """Each scalar in a value of this type with its offset."""
    if isinstance(type, Scalar):
        yield start, type
    elif isinstance(type, Array):
        size, _ = size_and_alignment(type.item)
        for i in range(type.length):
            yield from placed_scalars(type.item, start + i * size)
    else:
        for at, member in placed_members(type):
            yield from placed_scalars(member, start + at)


def placed_bytes(type: Type) -> list[tuple[int, int]]:
    """Offsets and sizes of the bytes of a value of this type that are no padding."""
    return [
        (at + offset, size) for at, scalar in placed_scalars(type) for offset, size in scalar.ranges
    ]


class Writer:
    """C text of types. The structures in them are called `prefix` and a number."""

    def __init__(self, types: Iterable[Type | None], prefix: str = "s") -> None:
        self.structures: dict[Structure, str] = {}  # those inside others first
        self._prefix = prefix
        for type in types:
            self._add(type)

    def _add(self, type: Type | None) -> None:
        if isinstance(type, Array):
            self._add(type.item)
        elif isinstance(type, Structure) and type not in self.structures:
            for member in type.members:
                self._add(member)
            self.structures[type] = f"{self._prefix}{len(self.structures)}"

    def declaration(self, type: Type | None, name: str = "") -> str:
        """`name` declared with this type; without a name the type alone. None is void."""
        if type is None:
            return "void"
        if isinstance(type, Array):
            return self.declaration(type.item, f"{name}[{type.length}]")
        text = type.name if isinstance(type, Scalar) else f"struct {self.structures[type]}"
        return f"{text} {name}".rstrip()

    def definitions(self) -> Iterator[str]:
        """The structures."""
        for structure, name in self.structures.items():
            attributes = ["packed"] * structure.packed
            if structure.alignment:
                attributes.append(f"aligned({structure.alignment})")
            before = f"__attribute__(({', '.join(attributes)})) " if attributes else ""
            members = [self.declaration(one, f"m{i}") for i, one in enumerate(structure.members)]
            yield f"struct {before}{name} {{ {' '.join(f'{one};' for one in members)} }};"
