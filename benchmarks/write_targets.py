# SPDX-License-Identifier: MIT
"""Put the targets of benchmarks/figures/summary.json into docs/benchmarks.md, between two marks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lib import page
from lib.results import Spread
from lib.tables import busy_lines, machine_line, target_table
from lib.targets import Target

SUMMARY = Path(__file__).resolve().parent / "figures" / "summary.json"


def _target(saved: dict[str, Any]) -> Target:
    measured = saved["measured"] and Spread(**saved["measured"])
    return Target(saved["what"], saved["limit"], measured, saved["unit"])


def section(summary: dict[str, Any]) -> str:
    """What stands between the marks."""
    table = target_table([_target(saved) for saved in summary["targets"]])
    return "\n".join([f"{machine_line(summary['machine'])}.", "", *table, ""])


def updated() -> str:
    """The page with them."""
    return page.updated("write_targets.py", section(json.loads(SUMMARY.read_text())))


if __name__ == "__main__":
    argparse.ArgumentParser(prog="write_targets", description=__doc__).parse_args()
    for warning in busy_lines(json.loads(SUMMARY.read_text())["load"]):
        raise SystemExit(f"{page.PAGE} is left as it was. {warning}")
    page.PAGE.write_text(updated())
