# SPDX-License-Identifier: MIT
"""Put what `make ports` found into docs/ports.md and README.md.

It is kept in docs/ports.json, so that a CPU stays on the pages until it is tested again.
"""

from __future__ import annotations

from typing import TypedDict

from support import core, pages

PAGES = [pages.DOCS / "ports.md", pages.DOCS.parent / "README.md"]
OUTCOMES = pages.DOCS / "ports.json"
TABLE = core.BACKEND.parent / "build/ports/table"


class Outcome(TypedDict):
    """Of one port: bytes of a slot, whether it has plans, tests, and mappings that are W+X."""

    libc: str
    slots: str
    plans: str
    passed: str
    failed: str
    skipped: str
    mappings: str


Kept = dict[str, Outcome]


def read() -> Kept:
    kept: Kept = {}
    for line in TABLE.read_text().splitlines():
        port, libc, slots, plans, passed, failed, skipped, mappings = line.split()
        kept[port] = Outcome(
            libc=libc, slots=slots, plans=plans, passed=passed, failed=failed, skipped=skipped,
            mappings=mappings,
        )  # fmt: skip
    return kept


def section(kept: Kept) -> str:
    """What stands between the marks."""
    head = ["CPU", "C library", "bytes of a slot", "plans", "passed", "failed", "skipped", "W+X"]
    rows = [[port, *map(str, kept[port].values())] for port in sorted(kept)]
    return "\n".join([*pages.table(head, rows), "", ""])


def add(new: Kept) -> None:
    """To what is kept, and to the pages."""
    kept = pages.keep(OUTCOMES, new)
    for page in PAGES:
        pages.put(page, "tests/write_ports.py", section(kept))


if __name__ == "__main__":
    pages.command("write_ports.py", __doc__, read, add)
