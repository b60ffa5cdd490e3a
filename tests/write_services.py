# SPDX-License-Identifier: MIT
"""Write docs/services.md from what services did in a virtual machine.

What tests/services/observe.py saw is kept in docs/services.json, and what observe_selinux.py saw
where SELinux was enforcing in docs/services-selinux.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from support import pages

PAGE = pages.DOCS / "services.md"
OUTCOMES = pages.DOCS / "services.json"
SELINUX_OUTCOMES = pages.DOCS / "services-selinux.json"
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


def denials(state: dict[str, Any]) -> str:
    """What was denied, with the objects of each permission in one piece."""
    objects: dict[str, list[str]] = {}
    for text in state["denied"]:
        permission, on = text.split(" ", 1)
        objects.setdefault(f"`{permission}`", []).append(on)
    return "; ".join(f"{name} {', '.join(on)}" for name, on in objects.items()) or "none"


def new_denials(row: dict[str, Any]) -> list[str]:
    """What was denied with the drop-in, and not to the stock service."""
    return [text for text in row["trampfd"]["denied"] if text not in row["stock"]["denied"]]


def selinux_section(kept: dict[str, Any]) -> str:
    """What stands between the marks for SELinux."""
    head = ["Service", "Domain", "Stock", "Denied", "With the drop-in", "Denied"]
    rows = [
        [
            name,
            f"`{row['trampfd']['domain']}`",
            cell(row["stock"]),
            denials(row["stock"]),
            cell(row["trampfd"]),
            denials(row["trampfd"]),
        ]
        for name, row in kept.items()
    ]
    return "\n".join([*pages.table(head, rows), ""])


def add(new: dict[str, Any]) -> None:
    """To what is kept, and to the page."""
    pages.put(PAGE, "tests/write_services.py", section(pages.keep(OUTCOMES, new)))


def add_selinux(new: dict[str, Any]) -> None:
    """To what is kept of the system with SELinux, and to the page."""
    kept = pages.keep(SELINUX_OUTCOMES, new)
    pages.put(PAGE, "tests/write_services.py --add-selinux", selinux_section(kept))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="write_services", description=__doc__)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--add", type=Path, metavar="FILE", help="take the outcomes from there")
    chosen.add_argument(
        "--add-selinux", type=Path, metavar="FILE", help="take those of the system with SELinux"
    )
    arguments = parser.parse_args()
    if arguments.add:
        add(json.loads(arguments.add.read_text()))
    else:
        add_selinux(json.loads(arguments.add_selinux.read_text()))
