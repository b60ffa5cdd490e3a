# SPDX-License-Identifier: MIT
"""Put the targets of benchmarks/figures/summary.json into docs/benchmarks.md, between two marks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lib.results import Spread
from lib.tables import busy_lines, machine_line, target_table
from lib.targets import Target

ROOT = Path(__file__).resolve().parents[1]
SUMMARY = ROOT / "benchmarks" / "figures" / "summary.json"
PAGE = ROOT / "docs" / "benchmarks.md"

BEGIN = "<!-- benchmarks/write_targets.py writes this -->\n"
END = "<!-- until here -->\n"


def _target(saved: dict[str, Any]) -> Target:
    measured = saved["measured"] and Spread(**saved["measured"])
    return Target(saved["what"], saved["limit"], measured, saved["unit"])


def section(summary: dict[str, Any]) -> str:
    """What stands between the marks."""
    table = target_table([_target(saved) for saved in summary["targets"]])
    return "\n".join([f"{machine_line(summary['machine'])}.", "", *table, ""])


def updated() -> str:
    """The page with what belongs between the marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"{PAGE} lacks the lines {BEGIN}and {END}")
    return before + BEGIN + section(json.loads(SUMMARY.read_text())) + END + after


if __name__ == "__main__":
    argparse.ArgumentParser(prog="write_targets", description=__doc__).parse_args()
    for warning in busy_lines(json.loads(SUMMARY.read_text())["load"]):
        raise SystemExit(f"{PAGE} is left as it was. {warning}")
    PAGE.write_text(updated())
