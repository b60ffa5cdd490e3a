# SPDX-License-Identifier: MIT
"""``trampfd demo``: real libraries calling Python back, with stock closures and with trampfd."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from .. import process
from ..arguments import add_command
from ..table import print_table
from . import policies
from .jobs import JOBS, Report

DONE = 0
FAILED = 1
CANNOT_START = 2

STOCK = "stock"
TRAMPFD = "trampfd"

_TIMEOUT = 120  # seconds

_EPILOG = """\
The jobs: soundfile writes a FLAC file to memory and reads it back (cffi callbacks), SQLite sorts a
table by a collation and a function (ctypes), and the C library sorts numbers (ctypes).  Each job is
done three times, in a process of its own: with stock closures, with stock closures under hardening,
and by `trampfd run` under hardening.

policies:
  mdwe     PR_SET_MDWE, Linux 6.3 and later
  seccomp  a filter that refuses what systemd's MemoryDenyWriteExecute= refuses
  none     no hardening; memory that is writable and executable is only counted

exit status: 0 if trampfd did every job under that policy without memory that is writable and
executable, 1 if it did not, 2 if a library or the policy is not available
"""


@dataclass(frozen=True)
class Run:
    """One job done one way; `policy` is what it was to be hardened by."""

    job: str
    closures: str
    policy: str
    report: Report

    @property
    def good(self) -> bool:
        """Done with the policy in force and with nothing writable and executable."""
        return self.report.clean and (self.report.refused or self.policy == "none")


def _command(job: str, closures: str, policy: str) -> list[str]:
    harden = ["--harden"] if policy == "mdwe" else []
    runner = [] if closures == STOCK else ["-m", "trampfd", "run", *harden]
    return [sys.executable, *runner, "-m", "trampfd._cli.demo.jobs", job, policy]


def _report(command: Sequence[str]) -> Report:
    try:
        return process.run_json(Report, command, timeout=_TIMEOUT)
    except process.Failure as failure:
        return Report(False, str(failure))


def _run(job: str, closures: str, policy: str) -> Run:
    return Run(job, closures, policy, _report(_command(job, closures, policy)))


def _choose_policy(wanted: str | None) -> tuple[str, list[str]]:
    """The first policy that can be put in force, and why the ones before it cannot."""
    reasons: list[str] = []
    for policy in [wanted] if wanted else policies.NAMES:
        reason = policies.why_not(policy)
        if reason is None:
            return policy, reasons
        reasons.append(reason)
    return "", reasons


def _writable_executable(report: Report) -> str:
    found = []
    if report.writable_executable:
        found.append(f"{report.writable_executable} mapped rwx")
    if report.aliased:
        found.append(f"{report.aliased} mapped rw and rx")
    return ", ".join(found) or "none"


def _closures(run: Run) -> str:
    return run.closures if run.policy == "none" else f"{run.closures}, hardened"


_HEADINGS = ("LIBRARY", "INTERFACE", "CLOSURES", "W+X MEMORY", "WHAT HAPPENED")
_WIDTH = 100


def _rows(runs: Sequence[Run]) -> Iterator[tuple[str, ...]]:
    previous = None
    for run in runs:
        job = JOBS[run.job]
        names = ("", "") if run.job == previous else (job.library, job.interface)
        # An exception's first sentence; --json has all of it.
        outcome = run.report.outcome.partition(". ")[0]
        yield (*names, _closures(run), _writable_executable(run.report), outcome)
        previous = run.job


def _count(runs: Sequence[Run]) -> str:
    done = sum(run.report.ok for run in runs)
    exposed = sum(bool(run.report.writable_executable or run.report.aliased) for run in runs)
    return f"{done} of {len(runs)} jobs done, {exposed} with W+X memory"


def _summary(runs: Sequence[Run], policy: str) -> str:
    stock, ours = (
        [run for run in runs if run.policy == policy and run.closures == closures]
        for closures in (STOCK, TRAMPFD)
    )
    under = policies.DESCRIPTIONS[policy]
    return f"Under {under}: stock {_count(stock)}; trampfd {_count(ours)}."


def _complain(messages: Sequence[str]) -> int:
    for message in messages:
        print(f"trampfd demo: {message}", file=sys.stderr)
    return CANNOT_START


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd demo` and return its exit status."""
    policy, reasons = _choose_policy(args.policy)
    if not policy:
        return _complain(reasons)

    unhardened = [_run(job, STOCK, "none") for job in JOBS]
    missing = [run.report.outcome for run in unhardened if run.report.missing]
    if missing:
        return _complain(missing)

    runs = []
    for plain in unhardened:
        runs.append(plain)
        if policy != "none":
            runs.append(_run(plain.job, STOCK, policy))
        runs.append(_run(plain.job, TRAMPFD, policy))
    works = all(run.good for run in runs if run.closures == TRAMPFD)

    if args.json:
        values = {"policy": policy, "policies refused": reasons, "works": works}
        print(json.dumps({**values, "runs": [asdict(run) for run in runs]}, indent=2))
    else:
        print(f"Linux {os.uname().release}, hardening: {policies.DESCRIPTIONS[policy]}")
        for reason in reasons:
            print(f"(not possible here: {reason})")
        print()
        print_table([_HEADINGS, *_rows(runs)], max_width=_WIDTH)
        print()
        print(_summary(runs, policy))
    return DONE if works else FAILED


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `demo` command."""
    parser = add_command(
        subparsers,
        "demo",
        run,
        help="run real libraries under hardening, with stock closures and with trampfd",
        description="Do three real jobs with stock closures and with trampfd, and compare.",
        epilog=_EPILOG,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--policy",
        choices=policies.NAMES,
        help="how to harden the jobs (default: the first of these that works here)",
    )
