# SPDX-License-Identifier: MIT
"""What verify() of callbacks and of trampolines returns."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ._system.maps import read_maps

_INDEXED = {
    "stack data": "stack data, byte {}",
    "step": "step {}",
    "plan: argument": "plan: argument {}",
    "plan: gathered argument": "plan: gathered argument {}",
    "plan: pieces": "plan: pieces of gathered argument {}",
    "plan: piece size": "plan: piece size of gathered argument {}",
    "plan: piece": "plan: piece {}",
}


@dataclass(frozen=True)
class Difference:
    """A part of a callback or trampoline that differs from what its owner asked for.

    what: "code" (the slot's instructions), or

        - a word of a callback's record: "entry", "plan", "dispatch", "tail", "cif", "fun",
          "user_data", "handler", "cif of libffi"; of a bound function "entry", "function", "data",
          and where libffi makes the call "index" and "cif of the function" as well;
        - a part of the plan of its signature, which its callbacks share: "plan: entry", "plan:
          tail", "plan: direct entry", "plan: dispatch", "plan: result", "plan: result offset",
          "plan: result in memory", "plan: arguments", "plan: argument" (where argument `index`
          is), and of arguments that come in pieces "plan: gathered arguments", "plan: gathers",
          "plan: gathered argument", "plan: pieces", "plan: piece size" and "plan: piece";
        - a part of a trampoline's context: "pc", the name of a register, "stack flags", "stack
          offset", "stack size" or "stack data";
        - with verify() of all callbacks also "record" (it cannot be read) and "plan: key" (the plan
          no longer says of which signature it is);
        - with the backend "context" also "entry" (what the slot jumps to), "steps" (where the
          record leads to), "step" (the code that applies step number `index`) and "stack" (where
          the stack data is looked for).
    index: which byte of the stack data, which step, or which argument, gathered argument or piece
        (four of each gathered argument) of a plan; else 0.
    wanted, found: the values; None if there is none.
    """

    what: str
    index: int
    wanted: int | None
    found: int | None

    def __str__(self) -> str:
        if self.what == "code":
            return "the slot's code was changed"
        if self.what == "plan: key":
            return "plan differs: it no longer says of which signature it is"
        if self.what.startswith("plan: "):
            return f"plan differs: {self._described('plan: ')}"
        return self._described("")

    def _described(self, prefix: str) -> str:
        what = _INDEXED.get(self.what, self.what).format(self.index)
        found = "missing" if self.found is None else f"{self.found:#x}"
        wanted = "absent" if self.wanted is None else f"{self.wanted:#x}"
        return f"{what[len(prefix) :]} is {found}, should be {wanted}"


@dataclass(frozen=True)
class Report:
    """What verify() found; true if nothing was changed.

    provider: what holds the record, or the context of a trampoline: "table", "sealed", "trampfd" or
        "trampfd-user".
    address: the function pointer.
    protected: no store in this process can change where a call goes: the code, and the record or
        context, are in no writable mapping. (What a callback's record points to always is.)
    differences: what was changed.
    """

    provider: str
    address: int
    protected: bool
    differences: tuple[Difference, ...]

    def __bool__(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        found = "; ".join(map(str, self.differences)) or "unchanged"
        guard = "no store can reach it" if self.protected else "in writable memory"
        return f"{found} ({self.provider}: {guard})"


@dataclass(frozen=True)
class Verification:
    """What verify() of all callbacks found; true if nothing was changed.

    checked: number of slots that were in use, and were looked at.
    compared: how many of them were compared with what was asked for, the callbacks of this
        interpreter; of the others only what trampfd decides itself could be.
    changed: a Report of each that was changed.
    """

    checked: int
    compared: int
    changed: tuple[Report, ...]

    def __bool__(self) -> bool:
        return not self.changed

    def __str__(self) -> str:
        lines = [f"{len(self.changed)} of {self.checked} changed"]
        lines += [f"{report.address:#x}: {report}" for report in self.changed]
        return "\n".join(lines)


def _writable(address: int) -> bool:
    return any(
        mapping.writable and mapping.start <= address < mapping.end
        for mapping in read_maps(os.getpid())
    )


def report_of(
    native: tuple[str, int, int, list[tuple[str, int, int | None, int | None]]],
) -> Report:
    """The Report of what verify() of an object of _native returns."""
    provider, address, record, differences = native
    return Report(
        provider=provider,
        address=address,
        protected=not (_writable(address) or (record != 0 and _writable(record))),
        differences=tuple(Difference(*difference) for difference in differences),
    )
