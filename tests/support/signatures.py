# SPDX-License-Identifier: MIT
"""Signatures of C functions and values for them, and a C caller for each.

A `Call` is one signature with the values that C passes and the one that it gets back.  From a list
of calls `declarations()` and `definitions()` make C text in which the i-th caller is

    void call_i(fn_i f, void *result);    /* *(R *)result = f(the arguments) */

so that what a closure makes of a call can be compared with what the C compiler makes of it.
Strategies at the end draw calls; `every_scalar()` and `every_structure()` are fixed lists.

Values are plain: int, bool, float, bytes (one char), str (one wide character), an address as int
for a pointer, and a list for a structure or an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from support.c_types import (
    BOOL,
    CHAR,
    FLOAT,
    LONG_DOUBLE,
    POINTER,
    SIGNED,
    UNSIGNED,
    WIDE,
    Array,
    Scalar,
    Structure,
    Type,
    Writer,
    size_and_alignment,
)
from support.cpu import NAME, WORD


@dataclass(frozen=True)
class Call:
    """What C passes and what it gets back; `result_type` is None for void."""

    argument_types: tuple[Type, ...]
    arguments: tuple[Any, ...]
    result_type: Type | None
    result: Any


# What the names below stand for; C that both a compiler and cffi.cdef() take.
PRELUDE = """
struct opaque;
enum small { SMALL_ONE = 1, SMALL_TWO };
enum negative { NEGATIVE_ONE = -1, NEGATIVE_TWO = -2 };
typedef int (*function_pointer)(int);
"""

# Wider than an int; cffi takes none that is wider than a word.
HAS_WIDE_ENUMS = WORD == 8
if HAS_WIDE_ENUMS:
    PRELUDE += """
enum wide { WIDE_ONE = 1, WIDE_HUGE = 0x123456789abc };
enum wide_negative { WIDE_NEGATIVE = -0x123456789abc };
"""

INTEGERS = [
    *(Scalar(name, SIGNED, size) for name, size in [
        ("signed char", 1), ("short", 2), ("int", 4), ("long", WORD), ("long long", 8),
        ("int8_t", 1), ("int16_t", 2), ("int32_t", 4), ("int64_t", 8),
        ("ssize_t", WORD), ("ptrdiff_t", WORD), ("intptr_t", WORD),
        ("enum negative", 4), *[("enum wide_negative", 8)] * HAS_WIDE_ENUMS,
    ]),
    *(Scalar(name, UNSIGNED, size) for name, size in [
        ("unsigned char", 1), ("unsigned short", 2), ("unsigned int", 4), ("unsigned long", WORD),
        ("unsigned long long", 8),
        ("uint8_t", 1), ("uint16_t", 2), ("uint32_t", 4), ("uint64_t", 8),
        ("size_t", WORD), ("uintptr_t", WORD),
        ("enum small", 4), *[("enum wide", 8)] * HAS_WIDE_ENUMS,
    ]),
    Scalar("_Bool", BOOL, 1),
]  # fmt: skip
CHARACTERS = [
    Scalar("char", CHAR, 1),
    Scalar("wchar_t", WIDE, 4),
    Scalar("char16_t", WIDE, 2),
    Scalar("char32_t", WIDE, 4),
]
FLOATS = [
    Scalar("float", FLOAT, 4),
    Scalar("double", FLOAT, 8),
    Scalar("long double", FLOAT, LONG_DOUBLE),
]
POINTERS = [
    Scalar(name, POINTER, WORD)
    for name in ("void *", "char *", "int *", "struct opaque *", "function_pointer")
]
SCALARS = [*INTEGERS, *CHARACTERS, *FLOATS, *POINTERS]


# C text.


class CallWriter(Writer):
    """C text of the types and values of some calls."""

    def __init__(self, calls: Sequence[Call]) -> None:
        super().__init__(
            type for call in calls for type in (*call.argument_types, call.result_type)
        )

    def literal(self, type: Type, value: Any) -> str:
        """An expression of C with this type and value; for an array an initializer."""
        if isinstance(type, Scalar):
            return f"({type.name}){_scalar_literal(type, value)}"
        types = [type.item] * type.length if isinstance(type, Array) else type.members
        initializer = f"{{{', '.join(map(self.literal, types, value))}}}"
        if isinstance(type, Array):
            return initializer
        return f"({self.declaration(type)}){initializer}"


def _scalar_literal(type: Scalar, value: Any) -> str:
    if type.kind == FLOAT:
        if value != value:
            return '__builtin_nan("")'
        if value in (float("inf"), float("-inf")):
            return "__builtin_inf()" if value > 0 else "-__builtin_inf()"
        return f"{value.hex()}L"
    number = ord(value) if type.kind in (CHAR, WIDE) else int(value)
    return f"{number & 0xFFFFFFFFFFFFFFFF:#x}ULL"


def declarations(calls: Sequence[Call]) -> str:
    """Types and callers, as C that both a compiler and cffi.cdef() take."""
    writer = CallWriter(calls)
    lines = [PRELUDE, *writer.definitions()]
    for i, call in enumerate(calls):
        arguments = ", ".join(map(writer.declaration, call.argument_types)) or "void"
        lines.append(f"typedef {writer.declaration(call.result_type)} (*fn_{i})({arguments});")
        lines.append(f"void call_{i}(fn_{i} f, void *result);")
    return "\n".join(lines)


def definitions(calls: Sequence[Call]) -> str:
    """A C source file with the callers."""
    writer = CallWriter(calls)
    lines = [f"#include <{header}.h>" for header in ("stddef", "stdint", "sys/types", "uchar")]
    lines.append(declarations(calls))
    for i, call in enumerate(calls):
        arguments = ", ".join(map(writer.literal, call.argument_types, call.arguments))
        result = call.result_type and f"*({writer.declaration(call.result_type)} *)result = "
        body = f"{result or '(void)result; '}f({arguments});"
        lines.append(f"void call_{i}(fn_{i} f, void *result)\n{{\n    {body}\n}}")
    return "\n".join([*lines, ""])


# Fixed lists of calls.


def edges(type: Type) -> list[Any]:
    """Values at the ends of a type's range, and others that are easily mistaken."""
    if isinstance(type, Array):
        return [[edge] * type.length for edge in edges(type.item)]
    if isinstance(type, Structure):
        each = [edges(member) for member in type.members]
        return [[some[i % len(some)] for some in each] for i in range(max(map(len, each)))]
    if type.kind == FLOAT:
        return [0.0, -0.0, 1.5, -2.0, float("inf"), float("-inf"), float("nan")]
    low, high = _range(type)
    numbers = [0, 1, high, high // 2 + 1, high // 3, low]
    if type.kind == BOOL:
        return [False, True]
    if type.kind == CHAR:
        return [bytes([number]) for number in numbers]
    return [chr(number) for number in numbers] if type.kind == WIDE else numbers


def _range(type: Scalar) -> tuple[int, int]:
    bits = 8 * type.size
    if type.kind == SIGNED:
        return -(1 << bits - 1), (1 << bits - 1) - 1
    if type.kind == WIDE:
        return 0, min((1 << bits) - 1, 0x10FFFF)
    return 0, 1 if type.kind == BOOL else (1 << bits) - 1


def is_returned_by_libffi(type: Type) -> bool:
    """Not a structure that is nothing but a long double: libffi has it in the wrong registers."""
    return not (isinstance(type, Structure) and size_and_alignment(type) == (16, 16))


def echoes(type: Type) -> list[Call]:
    """A call for each edge, with that one argument and the same result if there can be one."""
    if not is_returned_by_libffi(type):
        return [Call((type,), (edge,), None, None) for edge in edges(type)]
    return [Call((type,), (edge,), type, edge) for edge in edges(type)]


def every_scalar() -> list[Call]:
    """Every scalar at its edges as argument and result, and a call with nothing of both."""
    return [Call((), (), None, None), *(call for scalar in SCALARS for call in echoes(scalar))]


def every_structure() -> list[Call]:
    """Structures of each size from 1 to 64 bytes, and of each way to make up 16 bytes and more."""
    char, short, integer, long = (Scalar(n, SIGNED, s) for n, s in [
        ("signed char", 1), ("short", 2), ("int", 4), ("long", WORD),
    ])  # fmt: skip
    single, double, extended = FLOATS
    pointer = POINTERS[0]
    pair = Structure((single, single))
    structures = [Structure((Array(char, size),)) for size in range(1, 65)]
    structures += [Structure((scalar,)) for scalar in SCALARS]
    # On s390x, libffi takes an array of one float for a float, which C passes in another register.
    shortest = 2 if NAME == "s390x" else 1
    structures += [Structure((Array(single, count),)) for count in range(shortest, 9)]
    structures += [Structure((Array(double, count),)) for count in range(shortest, 9)]
    structures += [Structure((integer,) * count) for count in range(1, 17)]
    structures += [
        Structure(fields)
        for fields in [
            (double, long), (long, double), (single, integer), (integer, single),
            (single, single, integer), (integer, single, double), (single, integer, long, char),
            (char, short, integer, long), (long, integer, short, char), (char, double),
            (pointer, single), (pair, integer), (char, pair, pair), (pair, Structure((pair, char))),
            (Array(pair, 2),), (Array(pair, 3), char), (Array(Array(short, 2), 3), long),
            (extended, char), (double, extended), (Structure((Array(char, 3),)), short, char),
        ]
    ]  # fmt: skip
    return [echoes(structure)[-1] for structure in structures] + [
        # The registers left by earlier arguments decide where a structure goes.
        Call((long,) * before + (structure,) + (double,) * before + (structure, char),
             (7,) * before + (edge,) + (2.5,) * before + (edge, -3), structure, edge)
        for structure in [Structure((long, long)), Structure((double, long)), pair]
        for edge in edges(structure)[-1:]
        for before in (4, 5, 6, 7, 8)
    ]  # fmt: skip


# Strategies.


def scalars() -> st.SearchStrategy[Type]:
    return st.one_of(*map(st.sampled_from, (INTEGERS, CHARACTERS, FLOATS, POINTERS)))


def structures(max_size: int = 64) -> st.SearchStrategy[Type]:
    """Structures of at most `max_size` bytes, with arrays and structures inside."""

    def inside(fields: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
        arrays = st.builds(Array, fields, st.integers(1, 4))
        return st.lists(fields | arrays, min_size=1, max_size=5).map(
            lambda fields: Structure(tuple(fields))
        )

    return inside(st.recursive(scalars(), inside, max_leaves=4)).filter(
        lambda structure: size_and_alignment(structure)[0] <= max_size
    )


def types() -> st.SearchStrategy[Type]:
    """Types of an argument: one in three is a structure."""
    return st.sampled_from([scalars(), scalars(), structures()]).flatmap(lambda family: family)


def values(type: Type) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if isinstance(type, Array):
        return st.lists(values(type.item), min_size=type.length, max_size=type.length)
    if isinstance(type, Structure):
        return st.tuples(*map(values, type.members)).map(list)
    if type.kind == FLOAT:
        return st.floats(width=32 if type.size == 4 else 64)
    numbers = st.integers(*_range(type))
    if type.kind == BOOL:
        return numbers.map(bool)
    if type.kind == CHAR:
        return numbers.map(lambda number: bytes([number]))
    return numbers.map(chr) if type.kind == WIDE else numbers


@st.composite
def calls(
    draw: st.DrawFn,
    argument_types: st.SearchStrategy[Type] | None = None,
    result_types: st.SearchStrategy[Type | None] | None = None,
    max_arguments: int = 12,
) -> Call:
    """Calls with up to `max_arguments` arguments of these types (default: of every type)."""
    count = draw(st.sampled_from(range(max_arguments + 1)))
    arguments = draw(st.lists(argument_types or types(), min_size=count, max_size=count))
    results = types().filter(is_returned_by_libffi)
    result = draw(st.one_of(st.none(), results, results) if result_types is None else result_types)
    return Call(
        tuple(arguments),
        tuple(draw(values(type)) for type in arguments),
        result,
        None if result is None else draw(values(result)),
    )
