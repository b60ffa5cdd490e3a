# SPDX-License-Identifier: MIT
"""Write docs/services.md from what tests/services/observe.py saw in a virtual machine.

What came of the services is kept in docs/services.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from support import pages

PAGE = pages.DOCS / "services.md"
OUTCOMES = pages.DOCS / "services.json"
WORKS = "works"


def cell(state: dict[str, Any]) -> str:
    """What came of a service in one state."""
    outcome = state["outcome"].replace("|", "\\|")
    if outcome != WORKS:
        return f"**{outcome}**"
    memory = ", ".join(state["memory"])
    return f"works, **{memory}**" if memory else "works, none"


def advised(advice: dict[str, Any]) -> str:
    reasons = ", ".join(advice["obstacles"] or advice["needs"] or [])
    return f"{advice['hardenable']} {reasons}".strip()


def is_safe(state: dict[str, Any]) -> bool:
    return state["outcome"] == WORKS and not state["memory"]


def confirmed(row: dict[str, Any]) -> str:
    """Whether the verdict is what was seen."""
    seen = {
        "yes": is_safe(row["hardened"]),
        "yes, with": not is_safe(row["hardened"]) and is_safe(row["trampfd"]),
        "no": not is_safe(row["trampfd"]),
    }
    return "yes" if seen.get(row["advice"]["hardenable"]) else "**no**"


def section(kept: dict[str, Any]) -> str:
    """What stands between the marks."""
    head = ["Service", "Stock", "Hardened alone", "With the drop-in", "Advised", "Confirmed"]
    rows = [
        [
            name,
            *(cell(row[state]) for state in ("stock", "hardened", "trampfd")),
            advised(row["advice"]),
            confirmed(row),
        ]
        for name, row in kept.items()
    ]
    used: dict[str, list[str]] = {}
    for name, row in kept.items():
        used.setdefault(row["advice"]["drop_in"], []).append(name)
    lines = pages.table(head, rows)
    for text, names in used.items():
        if text:
            lines += ["", *(f"- {name}" for name in names), "", "```ini", text.rstrip(), "```"]
    return "\n".join([*lines, ""])


def add(new: dict[str, Any]) -> None:
    """To what is kept, and to the page."""
    pages.put(PAGE, "tests/write_services.py", section(pages.keep(OUTCOMES, new)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="write_services", description=__doc__)
    parser.add_argument(
        "--add", type=Path, metavar="FILE", required=True, help="take the outcomes from there"
    )
    add(json.loads(parser.parse_args().add.read_text()))
