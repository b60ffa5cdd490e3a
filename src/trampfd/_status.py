# SPDX-License-Identifier: MIT
"""trampfd.status(): where closures come from and how many there are."""

from __future__ import annotations

from typing import NamedTuple

from . import _libraries, _native
from ._errors import Refusal


class Status(NamedTuple):
    """Closures of this process.

    provider: name of the provider of the newest block of slots, or of the one that will be tried
        first: "table", "sealed", "trampfd" or "trampfd-user"; "none" when TRAMPFD_PROVIDER names
        none.
    refused: sources that were refused when the newest block was made, before one worked.
    blocks: number of blocks of 4096 slots by source: "built in", "own file" and "memfd" of the
        table, "trampfd" and "trampfd-user" of the kernel.
    slots_used, slots_free: slots in these blocks.
    code_bytes, record_bytes: address space of slots and of records; memory is used only
        for records that were used.
    plans: signatures compiled, shared by their callbacks; without_plan: callbacks made so far
        of signatures that only libffi can marshal.
    redirected: what install(libraries=True) redirected in loaded libraries.  Their closures are
        made by a library of its own, which the other numbers do not count.
    """

    provider: str
    refused: tuple[Refusal, ...]
    blocks: dict[str, int]
    slots_used: int
    slots_free: int
    code_bytes: int
    record_bytes: int
    plans: int
    without_plan: int
    redirected: tuple[_libraries.Redirected, ...]


def refusals(attempts: list[tuple[str, str, int]]) -> tuple[Refusal, ...]:
    return tuple(Refusal(*attempt) for attempt in attempts if attempt[2])


def status() -> Status:
    """The Status of this process at this moment; before the first callback all counts are 0."""
    raw = _native.status()
    return Status(
        provider=raw["provider"],
        refused=refusals(raw["attempts"]),
        blocks={
            "built in": raw["blocks_built_in"],
            "own file": raw["blocks_own_file"],
            "memfd": raw["blocks_memfd"],
            "trampfd": raw["blocks_trampfd"],
            "trampfd-user": raw["blocks_trampfd_user"],
        },
        slots_used=raw["slots_used"],
        slots_free=raw["slots_free"],
        code_bytes=raw["code_bytes"],
        record_bytes=raw["record_bytes"],
        plans=raw["plans"],
        without_plan=raw["without_plan"],
        redirected=_libraries.redirected(),
    )
