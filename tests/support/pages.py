# SPDX-License-Identifier: MIT
"""Pages of the documentation with a part that a program writes, and what that part is made of."""

from __future__ import annotations

import json
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
