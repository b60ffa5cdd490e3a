# SPDX-License-Identifier: MIT
"""Random C signatures, called by compiled C through closures with and without a plan.

A signature is drawn from a seed and its number alone.  Batches of them become C files whose callers
the compiler makes; ``c/plan/runner.c`` runs these and says what a line of it means.  Run this file
to look further than the tests do, or at one signature::

    python tests/fuzz_plan.py --count 1000000 --seed 7
    python tests/fuzz_plan.py --seed 7 --first 4711 --count 1
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from support import c_types, core
from support.abi import COMPLEX_NUMBERS_KNOWN, EMPTY_STRUCTURES, libffi_agrees
from support.c_types import (
    COMPLEX,
    FLOAT,
    POINTER,
    SIGNED,
    UNSIGNED,
    Array,
    Scalar,
    Structure,
    Type,
    Writer,
    placed_bytes,
    size_and_alignment,
)
from support.cpu import WORD

BATCH = 250
MAX_ARGUMENTS = 20
MAX_SIZE = 64


@dataclass(frozen=True)
class Signature:
    """`result` is None for void; `sized` tells libffi the sizes of structures in advance."""

    result: Type | None
    arguments: tuple[Type, ...]
    sized: bool


INTEGERS = (
    *(Scalar(f"{c}int{8 * n}_t", kind, n) for n in (1, 2, 4, 8)
      for c, kind in (("u", UNSIGNED), ("", SIGNED))),
    Scalar("void *", POINTER, WORD),
)  # fmt: skip
VECTORS = (Scalar("float", FLOAT, 4), Scalar("double", FLOAT, 8))
LONG_DOUBLE = Scalar("long double", FLOAT, c_types.LONG_DOUBLE)
COMPLEX_NUMBERS = (
    (
        Scalar("float _Complex", COMPLEX, 8, alignment=4),
        Scalar("double _Complex", COMPLEX, 16, alignment=8),
        Scalar("long double _Complex", COMPLEX, 2 * c_types.LONG_DOUBLE, alignment=16),
    )
    if COMPLEX_NUMBERS_KNOWN
    else (*VECTORS, LONG_DOUBLE)
)
PACKABLE = (*INTEGERS, *VECTORS, LONG_DOUBLE)


def ffi_name(scalar: Scalar) -> str:
    """What libffi calls it, after `ffi_type_`."""
    if scalar.kind == POINTER:
        return "pointer"
    if scalar.kind in (SIGNED, UNSIGNED):
        return f"{scalar.kind[0]}int{8 * scalar.size}"
    plain = scalar.name.removesuffix(" _Complex").replace(" ", "")
    return f"complex_{plain}" if scalar.kind == COMPLEX else plain


# What a signature has to show.


def is_strange(type: Type) -> bool:
    """What libffi can be told of only by the way, and a plan need not take."""
    if isinstance(type, Array):
        return is_strange(type.item)
    if isinstance(type, Scalar):
        return False
    itself = type.packed or type.alignment > 0 or not type.members
    return itself or any(map(is_strange, type.members))


def complexity(type: Type) -> int:
    """Of how many scalars and structures libffi is told."""
    if isinstance(type, Scalar):
        return 1
    if isinstance(type, Array):
        return type.length * complexity(type.item)
    return 1 + sum(map(complexity, type.members))


def expectation(signature: Signature) -> str:
    """One of enum plan_expectation."""
    types = [(type, False) for type in signature.arguments]
    if signature.result:
        types.append((signature.result, True))
    if not all(libffi_agrees(*each) for each in types):
        return "PLAN_REFUSED"
    if any(is_strange(type) for type, _ in types):
        return "PLAN_ALLOWED"
    return "PLAN_NEEDED" if sum(complexity(type) for type, _ in types) <= 40 else "PLAN_ALLOWED"


# Drawing.


Kinds = Sequence[Sequence[Scalar]]


def _scalar(draw: random.Random, kinds: Kinds) -> Scalar:
    return draw.choice(draw.choice(kinds))


def _packed_structure(draw: random.Random) -> Structure:
    members: tuple[Type, ...] = (draw.choice(PACKABLE),)
    for _ in range(draw.randint(0, 4)):
        scalar = draw.choice(PACKABLE)
        member = scalar if draw.random() < 0.8 else Array(scalar, draw.randint(1, 3))
        if size_and_alignment(Structure((*members, member), packed=True))[0] <= MAX_SIZE:
            members = (*members, member)
    return Structure(members, packed=True)


def _member(draw: random.Random, kinds: Kinds, strange: bool) -> Type:
    choice = draw.random()
    if choice < 0.12:
        return Array(_member(draw, kinds, strange), draw.randint(1, 4))
    if choice < 0.24:
        return _structure(draw, kinds, strange)
    if strange and choice < 0.34 and EMPTY_STRUCTURES:
        return Structure(())
    return _scalar(draw, kinds)


def _structure(draw: random.Random, kinds: Kinds, strange: bool) -> Structure:
    """A structure of at least one scalar and at most MAX_SIZE bytes."""
    if strange and draw.random() < 0.3:
        return _packed_structure(draw)
    limit = draw.choice((8, 16, 16, 24, MAX_SIZE))
    alignment = 16 if strange and draw.random() < 0.2 else 0
    structure = Structure((_scalar(draw, kinds),), alignment=alignment)
    for _ in range(draw.choice((0, 1, 2, 3, 5, 16))):
        at = draw.randint(0, len(structure.members))
        member = _member(draw, kinds, strange)
        members = (*structure.members[:at], member, *structure.members[at:])
        larger = replace(structure, members=members)
        if size_and_alignment(larger)[0] <= limit:
            structure = larger
    return structure


def draw_signature(seed: int, number: int) -> Signature:
    """Few kinds of types in one signature, so that each kind of register runs out on its own."""
    draw = random.Random(f"{seed}/{number}")
    strange = draw.random() < 0.15
    kinds = draw.choice((
        (INTEGERS,), (VECTORS,), (VECTORS, VECTORS, COMPLEX_NUMBERS), (INTEGERS, VECTORS),
        (INTEGERS, INTEGERS, VECTORS), (INTEGERS, VECTORS, VECTORS),
        (INTEGERS, VECTORS, (LONG_DOUBLE,)), (INTEGERS, VECTORS, COMPLEX_NUMBERS, (LONG_DOUBLE,)),
    ))  # fmt: skip
    structures = draw.choice((0.0, 0.2, 0.5, 0.9))

    def type(structures: float) -> Type:
        if draw.random() < structures:
            return _structure(draw, kinds, strange)
        return _scalar(draw, kinds)

    count = draw.randint(0, draw.choice((3, 8, MAX_ARGUMENTS)))
    return Signature(
        result=None if draw.random() < 0.1 else type(max(structures, 0.3)),
        arguments=tuple(type(structures) for _ in range(count)),
        sized=strange or draw.random() < 0.2,
    )


# C text.


class _Writer(Writer):
    """C text of one signature; its names start with s, r or t and end in the signature's number."""

    def __init__(self, number: int, signature: Signature) -> None:
        self.signature = signature
        self._number = number
        self._types = [signature.result, *signature.arguments]
        super().__init__(self._types, f"s{number}_")

    def prototype(self) -> str:
        arguments = ", ".join(map(self.declaration, self.signature.arguments))
        return f"{self.declaration(self.signature.result)} f({arguments or 'void'});"

    def _ffi_elements(self, type: Type, packed: bool) -> list[str]:
        if isinstance(type, Array):
            return self._ffi_elements(type.item, packed) * type.length
        if isinstance(type, Structure):
            return [f"&t_{self.structures[type]}"]
        return [f"&packed_{ffi_name(type)}" if packed else f"&ffi_type_{ffi_name(type)}"]

    def _ffi_types(self) -> Iterator[str]:
        for structure, name in self.structures.items():
            size, alignment = size_and_alignment(structure)
            elements = [
                element
                for member in structure.members
                for element in self._ffi_elements(member, structure.packed)
            ]
            sizes = f"{size}, {alignment}" if self.signature.sized else "0, 0"
            yield f"static ffi_type *e_{name}[] = {{{', '.join([*elements, '0'])}}};"
            yield f"static ffi_type t_{name} = {{{sizes}, FFI_TYPE_STRUCT, e_{name}}};"

    def _values(self) -> Iterator[str]:
        """The row of each type in plan_case.values."""
        for type in self._types:
            if type is None:
                yield "{&ffi_type_void, (const struct plan_range[]){{0, 0}}, 0, 1}"
                continue
            ranges = [f"{{{at}, {size}}}" for at, size in placed_bytes(type)]
            text = ", ".join([*ranges, "{0, 0}"])
            name = self.declaration(type)
            yield (
                f"{{{self._ffi_elements(type, False)[0]}, (const struct plan_range[]){{{text}}}, "
                f"sizeof({name}), _Alignof({name})}}"
            )

    def case(self) -> str:
        """All but the row of plan_cases."""
        number, signature = self._number, self.signature
        lines = [*self.definitions()]
        lines += [
            f"_Static_assert(sizeof(struct {name}) == {size_and_alignment(structure)[0]}, "
            f'"layout of {name}");'
            for structure, name in self.structures.items()
        ]
        lines += self._ffi_types()
        rows = ",\n    ".join(self._values())
        lines.append(f"static const struct plan_value v_{number}[] = {{\n    {rows}}};")
        types = ", ".join(map(self.declaration, signature.arguments)) or "void"
        result = self.declaration(signature.result)
        arguments = ", ".join(
            f"*({self.declaration(type)} *)arguments[{i}]"
            for i, type in enumerate(signature.arguments)
        )
        call = f"(({result} (*)({types}))code)({arguments});"
        if signature.result:
            call = f"*({result} *)result = {call}"
        lines.append(
            f"static void call_{number}(void (*code)(void), void **arguments, void *result)\n"
            f"{{\n    {call}\n}}"
        )
        return "\n".join(lines)

    def row(self) -> str:
        """The row of plan_cases."""
        count = len(self.signature.arguments)
        return f"{{{expectation(self.signature)}, {count}, v_{self._number}, call_{self._number}}}"


def _packed_types() -> Iterator[str]:
    """Members of packed structures: the scalars of libffi, aligned to nothing."""
    for scalar in PACKABLE:
        code = f"FFI_TYPE_{ffi_name(scalar).upper()}"
        yield f"static ffi_type packed_{ffi_name(scalar)} = {{{scalar.size}, 1, {code}, 0}};"


def batch_text(seed: int, first: int, count: int) -> str:
    """C file with the signatures numbered from `first`."""
    writers = [_Writer(at, draw_signature(seed, at)) for at in range(first, first + count)]
    return "\n".join([
        '#include "plan/case.h"',
        *_packed_types(),
        *(writer.case() for writer in writers),
        "const struct plan_case plan_cases[] = {",
        *(f"    {writer.row()}," for writer in writers),
        "};",
        f"const unsigned plan_case_count = {count};",
        "",
    ])  # fmt: skip


def signature_text(seed: int, number: int) -> str:
    writer = _Writer(number, draw_signature(seed, number))
    return "\n".join([*writer.definitions(), writer.prototype()])


# Running.


@dataclass
class Report:
    """What signatures went through: see plan/runner.c for the words of a line."""

    signatures: int = 0
    plans: int = 0
    entries: set[int] = field(default_factory=set)
    results: set[int] = field(default_factory=set)
    tails: set[int] = field(default_factory=set)
    gathers: int = 0
    bound_by_libffi: int = 0

    def add(self, lines: Sequence[str]) -> None:
        self.signatures += len(lines)
        for line in lines:
            if line != "-":
                entry, result, tail, gathers, bound_by_libffi = map(int, line.split())
                self.plans += 1
                self.entries.add(entry)
                self.results.add(result)
                self.tails.add(tail)
                self.gathers = max(self.gathers, gathers)
                self.bound_by_libffi += bound_by_libffi


def _run_batch(
    seed: int, first: int, count: int, runner: Sequence[str], compiler: str
) -> list[str]:
    folder = core.new_folder()
    source, library = folder / "batch.c", folder / "batch.so"
    source.write_text(batch_text(seed, first, count))
    flags = ["-std=gnu11", "-O1", "-w", "-fPIC", "-shared", *core.program_flags()]
    core.compiler_run([compiler, *flags, "-o", str(library), str(source)], folder)
    done = core.run(*runner, library, seed, first)
    library.unlink()
    lines = done.stdout.splitlines()
    if done.returncode:
        number = first + len(lines)
        raise AssertionError(
            f"signature {number} of seed {seed}: status {done.returncode}\n{done.stderr}"
            f"{signature_text(seed, number)}\n"
            f"again: python tests/fuzz_plan.py --seed {seed} --first {number} --count 1"
        )
    assert len(lines) == count, f"{len(lines)} lines for {count} signatures"
    return lines


def fuzz(
    count: int,
    seed: int,
    first: int = 0,
    flags: Sequence[str] = (),
    before: Sequence[str] = (),
    compiler: str = "cc",
    progress: Callable[[Report], object] = lambda report: None,
) -> Report:
    """Run signatures first .. first + count - 1, in batches at the same time on all processors.

    The runner is compiled with `flags` and run by the command `before`; `compiler` makes the
    callers; `progress` is called after each batch.  Raises AssertionError, with the signature, for
    the first batch that shows a difference.
    """
    runner = [*before, str(core.executable("plan/runner", *flags))]
    report = Report()
    path = core.need(compiler)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        batches = [
            pool.submit(_run_batch, seed, at, min(BATCH, first + count - at), runner, path)
            for at in range(first, first + count, BATCH)
        ]
        try:
            for batch in batches:
                report.add(batch.result())
                progress(report)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description="Random signatures through plans and libffi.")
    parser.add_argument("--count", type=int, default=20_000, help="signatures (default: 20000)")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--print", action="store_true", help="write the C text, run nothing")
    options = parser.parse_args()
    if options.print:
        print(batch_text(options.seed, options.first, options.count), end="")
        return

    def progress(report: Report) -> None:
        print(f"\r{report.signatures} of {options.count}", end="", file=sys.stderr, flush=True)

    try:
        report = fuzz(options.count, options.seed, options.first, progress=progress)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        sys.exit(f"\n{error}")
    print(
        f"\n{report.signatures} signatures, {report.plans} with a plan, through "
        f"{len(report.entries)} entries and {len(report.tails)} tails; no difference"
    )


if __name__ == "__main__":
    main()
