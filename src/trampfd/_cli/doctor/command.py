# SPDX-License-Identifier: MIT
"""``trampfd doctor``: what this system allows, which provider serves, and whether it works."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..._system.fact import Fact, unknown
from .. import process, selftest
from ..arguments import add_command
from ..selftest import Trial
from ..table import print_table
from . import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .. import tamper

_NATIVE = "trampfd._native"

_EPILOG = """\
The report has three parts: the system (what hardens it, and which libffi each user of closures
has), the sources of closures (which are available, and why others are refused), and a self-test:
a ctypes and a cffi callback, stock and by trampfd, each in a process of its own that is checked
for memory that is writable and executable.

With --verify, a callback of each provider is verified, its record is overwritten, and the callback
is verified again.

exit status: 0 if trampfd works here, else 1
"""


@dataclass(frozen=True)
class Source:
    """A source of closures: the last call of the attempt, and its errno (0: it works)."""

    name: str
    call: str
    errno: int

    def __str__(self) -> str:
        return f"works ({self.call})" if not self.errno else (
            f"refused: {self.call}: {os.strerror(self.errno)}"
        )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """All that `trampfd doctor` found.

    system: facts of the machine, of Python and of cffi.
    extension: the file of trampfd's compiled part, or why it cannot be loaded; without it there
        is no provider, and nothing is tried.
    provider: the provider of closures; sources: all that exist, in the order of their use.
    trials: the self-test; findings: with --verify, what a store over a callback's record does.
    """

    system: facts.System
    extension: Fact[str]
    provider: str
    sources: tuple[Source, ...]
    trials: tuple[Trial, ...]
    findings: tuple[tamper.Finding, ...] = ()

    @property
    def works(self) -> bool:
        """Every installed interface works with trampfd and without W+X memory."""
        ours = [trial for trial in self.trials if trial.closures == "trampfd" and trial.available]
        return (
            bool(ours)
            and all(trial.clean for trial in ours)
            and all(finding.sound for finding in self.findings)
        )


def _extension() -> Fact[str]:
    """Loaded by a child, which a damaged file may end."""
    code = f"import {_NATIVE}; print({_NATIVE}.__file__)"
    try:
        loading = process.run([sys.executable, "-c", code], timeout=60, env=process.environment())
    except process.Failure as failure:
        return unknown(f"cannot be loaded: {failure}; install trampfd again")
    if loading.returncode == 0:
        return Fact(loading.stdout.strip())
    reason = process.last_line(loading.stderr) or f"exit status {loading.returncode}"
    return unknown(f"cannot be loaded: {reason}; install trampfd again, for this Python")


def _leave_stock() -> None:
    """Neither this command nor the module of `trampfd enable` may load the extension any more."""
    sys.modules[_NATIVE] = None  # type: ignore[assignment]
    waiting = sys.modules.get("trampfd_enable")
    sys.meta_path = [finder for finder in sys.meta_path if finder is not waiting]


def examine(verify: bool = False) -> Report:
    """Examine this system; starts five short-lived child processes, or eight to verify."""
    extension = _extension()
    if extension.value is None:
        _leave_stock()
        return Report(facts.look(), extension, "none", (), ())
    from ... import _native
    from .. import tamper

    return Report(
        system=facts.look(),
        extension=extension,
        provider=_native.status()["provider"],
        sources=tuple(Source(*attempt) for attempt in _native.probe()),
        trials=tuple(
            selftest.trial(interface, closures)
            for interface in selftest.INTERFACES
            for closures in selftest.CLOSURES
        ),
        findings=tuple(map(tamper.find, tamper.PROVIDERS)) if verify else (),
    )


def _plain(value: Any) -> Any:
    """For JSON: a Fact becomes an object with value, note and state."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _describe(trial: Trial) -> str:
    found = []
    if trial.writable_executable:
        found.append(f"{trial.writable_executable} mapping(s) writable and executable")
    if trial.aliased:
        found.append(f"{trial.aliased} object(s) mapped writable and executable")
    if trial.available and not found:
        found.append("no W+X memory")
    return "; ".join([trial.outcome, *found])


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    yield from facts.rows(report.system)
    yield "trampfd: extension", str(report.extension)
    yield "provider", report.provider
    for source in report.sources:
        yield f"provider: {source.name}", str(source)
    for trial in report.trials:
        yield f"self-test: {trial.interface}, {trial.closures}", _describe(trial)
    for finding in report.findings:
        state = "unchanged" if finding.intact else "modified"
        text = f"{state}; {finding.outcome}" if finding.available else finding.outcome
        yield f"verify: {finding.provider}", text
    yield "trampfd", "works" if report.works else "does not work here"


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd doctor` and return its exit status."""
    report = examine(args.verify)
    if args.json:
        print(json.dumps({**_plain(asdict(report)), "works": report.works}, indent=2))
    else:
        print_table(list(_rows(report)))
    return 0 if report.works else 1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `doctor` command."""
    parser = add_command(
        subparsers,
        "doctor",
        run,
        help="report what this system allows and whether trampfd works",
        description="Report what hardens this system and how closures are made, and test it.",
        epilog=_EPILOG,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="verify callbacks of each provider before and after tampering",
    )
