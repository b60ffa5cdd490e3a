# SPDX-License-Identifier: MIT
"""Run the attacks of tests/support/attacks.py with every provider, and write docs/attacks.md.

What came of them is kept in docs/attacks.json, so that providers which another machine has, such as
the kernel's in a virtual machine, stay on the page until they are attacked again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="write_attacks", description=__doc__)
    parser.add_argument("--only-run", type=Path, metavar="FILE", help="write the outcomes there")
    parser.add_argument("--add", type=Path, metavar="FILE", help="take the outcomes from there")
    arguments = parser.parse_args()
    if arguments.add:
        add(json.loads(arguments.add.read_text()))
    elif arguments.only_run:
        arguments.only_run.write_text(json.dumps(run_all(), ensure_ascii=False))
    else:
        add(run_all())


if __name__ == "__main__":
    main()
