# SPDX-License-Identifier: MIT
"""What `trampfd trace` found, for people and as JSON, and its verdict."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from ..output import printable
from ..table import table_lines
from . import causes
from .causes import Cause
from .verdict import Verdict, judge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tracer import Attempt

FORMAT = 1

GRANTED = "granted"
UNKNOWN = "unknown"


@dataclass
class Site:
    """One place in a program that asked for such memory, and how often; `last` is an example."""

    last: Attempt
    times: int = 0
    results: Counter[str] = field(default_factory=Counter)
    pids: dict[int, None] = field(default_factory=dict)

    def add(self, attempt: Attempt) -> None:
        self.last = attempt
        self.times += 1
        self.results[result(attempt)] += 1
        self.pids[attempt.pid] = None


def result(attempt: Attempt) -> str:
    """`GRANTED`, the name of the error, or `UNKNOWN` if the process ended in the call."""
    if attempt.error is None:
        return UNKNOWN
    return errno.errorcode.get(attempt.error, str(attempt.error)) if attempt.error else GRANTED


@dataclass
class Report:
    """All attempts of a trace, by place.

    Attributes:
        command: of the program; empty if it was running already.
        pid: of the process that was running already, or None.
        status: how the program ended, as of waitpid(2), or None.
        stops: how often the program was stopped, which is what a trace costs it.
        notes: what the trace could not see, or only guess.
    """

    command: tuple[str, ...] = ()
    pid: int | None = None
    status: int | None = None
    stops: int = 0
    notes: list[str] = field(default_factory=list)
    _sites: dict[tuple[Any, ...], Site] = field(default_factory=dict)

    def add(self, attempt: Attempt) -> None:
        python = attempt.python and (attempt.python.file, attempt.python.line)
        wish, frames = attempt.wish, attempt.frames[:8]
        places = tuple((frame.file, frame.function or frame.offset) for frame in frames)
        key = (attempt.program, wish.call, wish.kind, attempt.cause, python, places)
        self._sites.setdefault(key, Site(attempt)).add(attempt)

    @property
    def sites(self) -> list[Site]:
        return list(self._sites.values())

    @property
    def times(self) -> int:
        return sum(site.times for site in self.sites)

    def causes(self) -> dict[Cause, int]:
        """How many attempts each cause has made, in the order of their first."""
        found: dict[Cause, int] = {}
        for site in self.sites:
            found[site.last.cause] = found.get(site.last.cause, 0) + site.times
        return found

    def verdict(self) -> Verdict:
        return judge(self.causes())

    def end(self) -> dict[str, Any] | None:
        """How the program ended: its exit status, or the signal that killed it."""
        if self.status is None:
            return None
        code = os.waitstatus_to_exitcode(self.status)
        return {"status": code} if code >= 0 else {"signal": _signal_name(-code)}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


# JSON


def to_json(report: Report) -> dict[str, Any]:
    """The form is described in docs/formats.md."""
    verdict = report.verdict()
    return {
        "format": FORMAT,
        "command": list(report.command),
        "pid": report.pid,
        "end": report.end(),
        "verdict": asdict(verdict),
        "causes": [
            {**asdict(cause), "times": times, "served": cause.served_by in causes.SERVED}
            for cause, times in report.causes().items()
        ],
        "attempts": [_site_value(site) for site in report.sites],
        "stops": report.stops,
        "notes": report.notes,
    }


def _site_value(site: Site) -> dict[str, Any]:
    last = site.last
    wish = asdict(last.wish)
    # Addresses can be larger than the integers that JSON readers keep exact.
    wish["address"] = None if last.wish.address is None else hex(last.wish.address)
    return {
        **wish,
        "cause": last.cause.name,
        "times": site.times,
        "results": dict(site.results),
        "program": last.program,
        "pids": list(site.pids),
        "python": last.python and asdict(last.python),
        "frames": [{**asdict(f), "offset": hex(f.offset)} for f in last.frames],
    }


# Text

_SHOWN_FRAMES = 5
_LIBRARY = re.compile(r"/(site-packages|dist-packages|lib/python3[^/]*)/|^<frozen ")


def write_text(report: Report, file: TextIO) -> None:
    for line in _lines(report):
        print(printable(line), file=file)


def _lines(report: Report) -> Iterator[str]:
    yield "trampfd trace: memory that is writable and executable, or becomes executable"
    for site in report.sites:
        yield from _site_lines(site)
    yield ""
    if report.sites:
        yield from table_lines(list(_summary(report)))
        yield ""
    end = report.end()
    if end is not None:
        how = f"exit status {end['status']}" if "status" in end else f"killed by {end['signal']}"
        yield f"program: {shlex.join(report.command)}: {how}"
    for note in report.notes:
        yield f"note: {note}"
    yield f"can be hardened: {report.verdict()}"


def _site_lines(site: Site) -> Iterator[str]:
    last = site.last
    wish = last.wish
    results = ", ".join(f"{name} {count} x" for name, count in site.results.items())
    what = f"{wish.size} bytes {wish.protection}" if wish.size else wish.protection
    yield ""
    yield f"{wish.call}: {wish.kind}, {what}: {results}"
    yield f"  program   {last.program} ({', '.join(map(str, list(site.pids)[:8]))})"
    if last.python is not None:
        python = last.python
        yield f"  Python    {python.file}:{python.line} in {python.function}: {python.source}"
        if python.c_type:
            yield f"  C type    {' '.join(python.c_type.split())}"
        user = next((c for c in python.callers if not _LIBRARY.search(c)), None)
        if user is not None and _LIBRARY.search(python.file):
            yield f"  called by {user}"
    if last.frames:
        yield f"  stack     {' < '.join(map(str, last.frames[:_SHOWN_FRAMES]))}"
    yield f"  cause     {last.cause.name}"
    yield f"  what to do: {last.cause.advice}"


def _summary(report: Report) -> Iterator[Sequence[str]]:
    yield ("CAUSE", "TIMES", "AT", "SERVED BY", "WHAT TO DO")
    for cause, times in report.causes().items():
        yield (cause.name, str(times), _where(report, cause), cause.served_by, cause.advice)


def _where(report: Report, cause: Cause) -> str:
    """The first place in Python, or else the file that makes the call."""
    sites = [site.last for site in report.sites if site.last.cause == cause]
    for attempt in sites:
        if attempt.python is not None:
            return f"{os.path.basename(attempt.python.file)}:{attempt.python.line}"
    return os.path.basename(sites[0].program)
