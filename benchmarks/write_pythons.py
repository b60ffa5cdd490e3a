# SPDX-License-Identifier: MIT
"""Put the ratios of pytest-benchmark's JSON files, of one version of CPython each, into a table.

It is that of docs/benchmarks.md by kind of argument; tools/bench-pythons makes the files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lib import page
from lib.names import PYTHON_KIND
from lib.results import Results, read
from lib.targets import KIND_LIMITS

_OWNERS = ("ctypes", "cffi")


def _version(results: Results) -> list[int]:
    return [int(number) for number in results.machine["Python"].split(".")[:2]]


def _cell(results: Results, kind: str, ours: str, rival: str, limit: float) -> str:
    ratio = results.ratio(PYTHON_KIND, kind, ours, rival)
    if ratio is None:
        return "-"
    text = f"{ratio.median:.2f}"
    return f"**{text}**" if ratio.median > limit else text


def section(runs: list[Results]) -> str:
    """What stands between the marks."""
    runs = sorted(runs, key=_version)
    versions = [".".join(map(str, _version(run))) for run in runs]
    head = ["kind", *(f"{owner}, {version}" for owner in _OWNERS for version in versions)]
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    for kind in runs[0].cases(PYTHON_KIND):
        cells = [_cell(run, kind, *limits) for limits in KIND_LIMITS for run in runs]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="write_pythons", description=__doc__)
    parser.add_argument("file", nargs="+", type=Path)
    page.put("write_pythons.py", section([read(file) for file in parser.parse_args().file]))
