# SPDX-License-Identifier: MIT
"""``trampfd bench``: compare trampfd with alternatives; needs a checkout, with the benchmarks."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from .arguments import add_command

DONE = 0
FAILED = 1
CANNOT_START = 2

_NEEDED = ("pytest", "pytest_benchmark", "pytest_timeout", "matplotlib", "cffi")

_EPILOG = """\
Alternatives are measured in interleaved rounds, so that their ratios are meaningful on a machine
that is not idle; the times themselves need an idle one.

exit status: 0 if everything was measured, 1 if a benchmark failed (its result was wrong, for
example), 2 if the benchmarks or something that they need is missing.  An alternative that is not
available is reported; like a missed target, it does not change the exit status.
"""


def _checkout() -> Path | None:
    """The folder of the benchmarks: of this folder's checkout, or of the one installed from."""
    for root in (Path.cwd(), Path(__file__).resolve().parents[3]):
        files = ("benchmarks/report.py", "src/trampfd/_cli/bench.py")
        if all((root / file).is_file() for file in files):
            return root / "benchmarks"
    return None


def _why_not(options: argparse.Namespace) -> str | None:
    """What is missing."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        how = "in the checkout: pip install -e '.[test,bench]'"
        return f"{', '.join(missing)} not installed; {how}"
    if options.compare:
        try:
            summary = json.loads(options.compare.read_text())
        except (OSError, ValueError) as error:
            return f"{options.compare} cannot be read: {error}"
        if not isinstance(summary, dict) or not isinstance(summary.get("figures"), list):
            return f"{options.compare} is not a summary.json of an earlier run"
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"no results can be written to {options.output}: {error.strerror}"
    return None


def run(options: argparse.Namespace) -> int:
    """Carry out `trampfd bench` and return its exit status."""
    benchmarks = _checkout()
    if benchmarks is None:
        reason: str | None = "there are no benchmarks here; run it in a checkout of trampfd"
    else:
        reason = _why_not(options)
    if benchmarks is None or reason:
        print(f"trampfd bench: {reason}", file=sys.stderr)
        return CANNOT_START

    folder = options.output.resolve()
    measured = folder / "benchmark.json"
    measured.unlink(missing_ok=True)
    pytest = [sys.executable, "-m", "pytest", "-v", "-ra", f"--benchmark-json={measured}"]
    pytest += ["--benchmark-columns=median,min,max,rounds"]
    pytest += ["--quick"] if options.quick else []
    pytest += ["-k", options.only] if options.only else []
    status = subprocess.run([*pytest, str(benchmarks)], cwd=benchmarks.parent).returncode
    if not measured.exists() or not measured.stat().st_size:
        print("trampfd bench: nothing was measured, see above", file=sys.stderr)
        return FAILED

    report = [sys.executable, str(benchmarks / "report.py"), str(folder)]
    report += [str(options.compare)] if options.compare else []
    return FAILED if subprocess.run(report).returncode or status else DONE


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `bench` command."""
    parser = add_command(
        subparsers,
        "bench",
        run,
        help="compare trampfd with alternatives, in tables and plots (in a checkout)",
        description="Run the benchmarks of a checkout; write JSON, a Markdown table and SVG plots.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("build", "bench"),
        help="folder for the results (default: %(default)s)",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="OLD.json",
        help="also compare with the summary.json of an earlier run",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few short rounds, to check that everything runs"
    )
    parser.add_argument("--only", metavar="WORD", help="only benchmarks with WORD in their names")
