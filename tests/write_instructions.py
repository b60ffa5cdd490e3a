# SPDX-License-Identifier: MIT
"""Count the instructions of a call on this CPU, and put them into docs/benchmarks.md.

They are kept in docs/instructions.json, so that a CPU stays on the page until it is counted again;
tools/count-emulated counts those of other CPUs.
"""

from __future__ import annotations

from support import cpu, instructions, pages

PAGE = pages.DOCS / "benchmarks.md"
OUTCOMES = pages.DOCS / "instructions.json"
WAYS = {"plan": "plan", "libffi": "entry libffi", "stock": "stock libffi"}

Counts = dict[str, dict[str, int]]  # for each signature, by what marshals the call
Kept = dict[str, Counts]  # for each CPU


def _count(signature: str) -> dict[str, int]:
    return {way: round(instructions.of_a_call("plan/cost", signature, way)) for way in WAYS}


def count_all() -> Kept:
    return {cpu.NAME: {signature: _count(signature) for signature in instructions.SIGNATURES}}


def section(kept: Kept) -> str:
    """What stands between the marks."""
    rows = []
    for name in sorted(kept):
        for signature, counts in kept[name].items():
            rows.append([name, signature, *(str(counts[way]) for way in WAYS)])
    return "\n".join([*pages.table(["CPU", "call", *WAYS.values()], rows), ""])


def add(new: Kept) -> None:
    """To what is kept, and to the page."""
    pages.put(PAGE, "tests/write_instructions.py", section(pages.keep(OUTCOMES, new)))


if __name__ == "__main__":
    pages.command("write_instructions.py", __doc__, count_all, add)
