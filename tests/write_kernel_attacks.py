# SPDX-License-Identifier: MIT
"""Put what the selftest `attacker` of the kernel module printed on the page docs/kernel.md.

The log is that of tests/vm/run. Outcomes are kept in docs/kernel-attacks.json, so that those of
other kernels stay on the page.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from support import pages

PAGE = pages.DOCS / "kernel.md"
OUTCOMES = pages.DOCS / "kernel-attacks.json"

Cells = dict[str, dict[str, str]]  # for each attack, for each kind of trampoline
Kept = dict[str, Cells]  # for each kernel


def read(log: str) -> tuple[str, Cells]:
    """Release of the kernel, and outcomes."""
    release = re.search(r"^vm: kernel (\S+)$", log, re.MULTILINE)
    cells: Cells = {}
    for name, kind, outcome in re.findall(r"^attack: (.*): (.*): (.*)$", log, re.MULTILINE):
        cells.setdefault(name, {})[kind] = outcome
    if not release or not cells:
        raise SystemExit("the log has no outcomes of attacks: run the selftests of the module")
    return release[1], cells


def _version(release: str) -> str:
    return ".".join(release.split(".")[:2])


def _cell(kept: Kept, name: str, kind: str) -> str:
    """One outcome, or each with its kernels where they differ."""
    by_outcome: dict[str, list[str]] = {}
    for release, cells in kept.items():
        outcome = cells.get(name, {}).get(kind)
        if outcome:
            by_outcome.setdefault(outcome, []).append(_version(release))
    marked = {text: re.sub("^(redirected|unmapped)", r"**\1**", text) for text in by_outcome}
    if len(marked) == 1:
        return next(iter(marked.values()))
    return ", ".join(f"{marked[text]} ({', '.join(where)})" for text, where in by_outcome.items())


def section(kept: Kept) -> str:
    """What stands between the marks."""
    kinds = list(dict.fromkeys(k for cells in kept.values() for row in cells.values() for k in row))
    names = list(dict.fromkeys(name for cells in kept.values() for name in cells))
    rows = [[name, *(_cell(kept, name, kind) for kind in kinds)] for name in names]
    lines = [f"Observed on Linux {', '.join(kept)}.", "", *pages.table(["Attack", *kinds], rows)]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(prog="write_kernel_attacks", description=__doc__)
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="output of tests/vm/run")
    arguments = parser.parse_args()
    new = dict(read(log.read_text()) for log in arguments.logs)
    pages.put(PAGE, "tests/write_kernel_attacks.py", section(pages.keep(OUTCOMES, new)))


if __name__ == "__main__":
    main()
