# SPDX-License-Identifier: MIT
"""Make of pytest-benchmark's JSON a summary, tables and plots.

    report.py FOLDER [OLD_SUMMARY]

FOLDER has benchmark.json, and gets summary.json, summary.md and an SVG for each question.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lib import plots
from lib.compare import compare
from lib.results import read
from lib.tables import absent_lines, busy_lines, markdown, ratios, summary, target_table
from lib.targets import targets


def main(folder: Path, old: Path | None) -> None:
    results = read(folder / "benchmark.json")
    found = targets(results)
    made = summary(results, found)
    (folder / "summary.json").write_text(json.dumps(made, indent=1) + "\n")
    (folder / "summary.md").write_text(markdown(results, found))
    pictures = plots.draw(results, folder)

    for ratio in ratios(results):
        place = f"{ratio['question']}: {ratio['case']}: {ratio['ours']} / {ratio['rival']}"
        above = f" above {ratio['above']}" if ratio["above"] else ""
        print(f"{place}{above}  {ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})")
    print()
    print("\n".join(target_table(found)))
    print()
    if old:
        print("\n".join(compare(json.loads(old.read_text()), made)))
        print()
    for line in [*busy_lines(results.load), *absent_lines(results)]:
        print(line)
    names = ["summary.json", "summary.md", *(path.name for path in pictures)]
    print(f"In {folder}: benchmark.json, {', '.join(names)}")


main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
