# SPDX-License-Identifier: MIT
"""Pages of the documentation with a part that a program writes, and what that part is made of."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
END = "<!-- until here -->\n"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of it."""
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def put(page: Path, writer: str, section: str) -> None:
    """Have the section between the writer's mark and the end mark."""
    begin = f"<!-- {writer} writes this -->\n"
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(END)
    if not rest.endswith(END + after):
        raise SystemExit(f"{page} lacks the lines {begin}and {END}")
    page.write_text(before + begin + section + END + after)


def keep(file: Path, new: dict[str, Any]) -> dict[str, Any]:
    """What the file has, with the new columns in it."""
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    kept.update(new)
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return kept


def command(
    name: str, doc: str | None, run_all: Callable[[], Any], add: Callable[[Any], None]
) -> None:
    """Run all and put it on the page, or one of both with a file between them."""
    parser = argparse.ArgumentParser(prog=name, description=doc)
    parser.add_argument("--only-run", type=Path, metavar="FILE", help="write the outcomes there")
    parser.add_argument("--add", type=Path, metavar="FILE", help="take the outcomes from there")
    arguments = parser.parse_args()
    if arguments.add:
        add(json.loads(arguments.add.read_text()))
    elif arguments.only_run:
        arguments.only_run.write_text(json.dumps(run_all(), ensure_ascii=False))
    else:
        add(run_all())
