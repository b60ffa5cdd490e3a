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
from .. import child, selftest
from ..arguments import add_command
from ..selftest import Trial
from ..table import print_table
from . import facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .. import tamper

_NATIVE = "trampfd._native"

_EPILOG = """\
The report has three parts: the system (what hardens it, which libffi each user of closures has),
the ways to make closures (which are taken, which are refused and why), and a self-test: one
ctypes and one cffi callback in a process of its own, stock and with trampfd, each watched for
memory that is writable and executable.

With --verify, for each provider: a callback is compared with what was asked for, its record is
stored over, and it is compared again.

exit status: 0 trampfd works here, 1 it does not
"""


@dataclass(frozen=True)
class Way:
    """A way to make closures: where it ended, and the errno of that step (0: it works)."""

    name: str
    step: str
    errno: int

    def __str__(self) -> str:
        return f"works ({self.step})" if not self.errno else (
            f"refused: {self.step}: {os.strerror(self.errno)}"
        )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """All that `trampfd doctor` found.

    system: facts of the machine, of Python and of cffi.
    extension: the file of trampfd's compiled part, or why it cannot be loaded; without it there
        is no provider, and nothing is tried.
    provider: the provider that serves closures; ways: what it tried, in its order.
    trials: the self-test; findings: with --verify, what a store over a callback's record does.
    """

    system: facts.System
    extension: Fact[str]
    provider: str
    ways: tuple[Way, ...]
    trials: tuple[Trial, ...]
    findings: tuple[tamper.Finding, ...] = ()

    @property
    def works(self) -> bool:
        """Every installed interface works with trampfd and without W+X memory."""
        ours = [trial for trial in self.trials if trial.backend == "trampfd" and trial.available]
        return (
            bool(ours)
            and all(trial.clean for trial in ours)
            and all(finding.sound for finding in self.findings)
        )


def _extension() -> Fact[str]:
    """Loaded by a child, which a damaged file may end."""
    code = f"import {_NATIVE}; print({_NATIVE}.__file__)"
    try:
        loading = child.run([sys.executable, "-c", code], timeout=60, env=child.environment())
    except child.Failure as failure:
        return unknown(f"cannot be loaded: {failure}; install trampfd again")
    if loading.returncode == 0:
        return Fact(loading.stdout.strip())
    reason = child.last_line(loading.stderr) or f"exit status {loading.returncode}"
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
        ways=tuple(Way(*step) for step in _native.probe()),
        trials=tuple(
            selftest.trial(interface, backend)
            for interface in selftest.INTERFACES
            for backend in selftest.BACKENDS
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
    for way in report.ways:
        yield f"provider: {way.name}", str(way)
    for trial in report.trials:
        yield f"self-test: {trial.interface}, {trial.backend}", _describe(trial)
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
        help="tell what this system allows and whether trampfd works",
        description="Tell what hardens this system, how closures are made, and test it.",
        epilog=_EPILOG,
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--verify", action="store_true", help="compare callbacks of every provider, and tamper"
    )
