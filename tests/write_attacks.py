# SPDX-License-Identifier: MIT
"""Run the attacks of tests/support/attacks.py with every provider, and write docs/attacks.md.

What came of them is kept in docs/attacks.json, so that providers which another machine has, such as
the kernel's in a virtual machine, stay on the page until they are attacked again.
"""

from __future__ import annotations

import os
import platform
from typing import TypedDict

from support import attacks, pages, providers

PAGE = pages.DOCS / "attacks.md"
OUTCOMES = pages.DOCS / "attacks.json"


class Column(TypedDict):
    """Of one provider."""

    machine: str
    cells: dict[str, str]  # for each attack


Kept = dict[str, Column]  # in the order of attacks.COLUMNS


def run_all() -> Kept:
    kept: Kept = {}
    has_kernel = os.path.exists(providers.DEVICE)
    for column in attacks.COLUMNS:
        if (column in providers.KERNEL) != has_kernel:
            continue
        cells = {}
        for name in attacks.names():
            cells[name] = attacks.outcome(name, column)
            print(f"{column}: {name}: {cells[name]}", flush=True)
        kept[column] = {"machine": f"Linux {platform.release()}", "cells": cells}
    return kept


def _cell(kept: Kept, column: str, name: str) -> str:
    text = kept[column]["cells"].get(name, "")
    kind, _, how = text.partition(": ")
    return f"**{kind}**: {how}" if kind == attacks.OPEN else how


def section(kept: Kept) -> str:
    """What stands between the marks."""
    columns = [column for column in attacks.COLUMNS if column in kept]
    machines = [f"- {column}: {kept[column]['machine']}" for column in columns]
    rows = [[name, *(_cell(kept, column, name) for column in columns)] for name in attacks.names()]
    return "\n".join([*machines, "", *pages.table(["Attack", *columns], rows), ""])


def add(new: Kept) -> None:
    """To what is kept, and to the page."""
    pages.put(PAGE, "tests/write_attacks.py", section(pages.keep(OUTCOMES, new)))


if __name__ == "__main__":
    pages.command("write_attacks", __doc__, run_all, add)
