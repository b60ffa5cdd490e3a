# SPDX-License-Identifier: MIT
"""The Markdown tables of a run, and its summary as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lib.names import C_HANDLER, CREATE_FREE, DIRECT, TITLES, UNITS, VECTORCALL
from lib.results import Figure, Results, Spread, digits
from lib.targets import Target

_FLOORS = {DIRECT, VECTORCALL}
_OURS = "trampfd"
_NOT_MEASURED = "not measured"

#: The load average above which a machine is too busy.
BUSY = 2.0


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|---" + "|--:" * (len(headings) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _time(spread: Spread, times: float = 1, unit: str = "ns") -> str:
    numbers = (digits(n / times) for n in (spread.median, spread.low, spread.high))
    return "{} {unit} ({}-{})".format(*numbers, unit=unit)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if figure.question in UNITS:
        return digits(figure.spread.median)
    if figure.spread.median < 1e5:
        cell = _time(figure.spread)
    else:
        cell = _time(figure.spread, 1e6, "ms")
    if figure.more.get("stopped"):
        cell += f", stops at {figure.more['stopped']:,}: {figure.more['reason']}"
    return cell


def _rivals(results: Results, question: str) -> list[str]:
    cases = results.cases(question)
    return list(dict.fromkeys(f.rival for case in cases for f in results.of(question, case)))


def _question(results: Results, question: str) -> Iterator[str]:
    """One row for each case and a column for each rival; the other way where there is one case."""
    rivals, cases = _rivals(results, question), results.cases(question)
    yield f"## {TITLES[question]}"
    yield ""
    if len(cases) == 1:
        rows = [[rival, _cell(results.find(question, cases[0], rival))] for rival in rivals]
        yield from _markdown([question, cases[0]], rows)
    else:
        rows = [[c, *(_cell(results.find(question, c, rival)) for rival in rivals)] for c in cases]
        yield from _markdown([question, *rivals], rows)
    yield ""


def _ours(rival: str, question: str, names: Sequence[str]) -> str | None:
    """Which of ours a rival is to be compared with."""
    ours = [name for name in names if name.startswith(_OURS)]
    if rival in ours or rival in _FLOORS:
        return None
    same_interface = f"{_OURS} ({rival})"
    if same_interface in ours:
        return same_interface
    return ours[-1] if f"{_OURS} (cffi)" in ours else next(iter(ours), None)


def ratios(results: Results) -> Iterator[dict[str, Any]]:
    """Of ours and each rival; what is above the floor for closures with a C handler."""
    for question in results.questions():
        for case in results.cases(question):
            names = [figure.rival for figure in results.of(question, case)]
            for rival in names:
                ours = _ours(rival, question, names)
                if ours is None:
                    continue
                floor = DIRECT if DIRECT in names and question == C_HANDLER else None
                ratio = results.ratio(question, case, ours, rival, floor)
                if ratio:
                    place = {"question": question, "case": case, "ours": ours, "rival": rival}
                    yield {**place, "above": floor, **asdict(ratio)}


def _ratio_rows(results: Results) -> Iterator[list[str]]:
    for ratio in ratios(results):
        spread = Spread(ratio["median"], ratio["low"], ratio["high"])
        above = f", above {ratio['above']}" if ratio["above"] else ""
        yield [
            f"{ratio['question']}: {ratio['case']}",
            f"{ratio['ours']} / {ratio['rival']}{above}",
            f"{spread.median:.2f} ({spread.low:.2f}-{spread.high:.2f})",
        ]


def _memory(results: Results) -> Iterator[str]:
    figures = [f for f in results if f.question == CREATE_FREE and f.more["count"] >= 1000]
    if not figures:
        return
    rows = (
        [f"{f.case}, {f.rival}", digits(f.more["bytes"]), f"{f.more['mappings']:,}"]
        for f in figures
    )
    yield from _markdown(["closures", "bytes each", "mappings"], rows)
    yield ""


def target_table(found: Sequence[Target]) -> Iterator[str]:
    def row(target: Target) -> list[str]:
        spread, unit = target.measured, target.unit
        if spread is None:
            return [target.what, f"{target.limit:g}{unit}", _NOT_MEASURED, "-"]
        measured = f"{digits(spread.median)}{unit} ({digits(spread.low)}-{digits(spread.high)})"
        return [target.what, f"{target.limit:g}{unit}", measured, "yes" if target.met else "**no**"]

    yield from _markdown(["target", "at most", "measured", "met"], map(row, found))


def machine_line(machine: Mapping[str, str]) -> str:
    versions = [f"{name} {it}" for name, it in machine.items() if name != "processor"]
    return ", ".join([machine["processor"], *versions])


def absent_lines(results: Results) -> list[str]:
    """One line for each rival that could not be had, and why."""
    reasons = {f"{each['rival']}: {each['reason']}" for each in results.absent}
    return [f"Not measured: {reason}" for reason in sorted(reasons)]


def busy_lines(load: float) -> list[str]:
    """A warning where others used the machine, too; the benchmarks by themselves are one."""
    if load <= BUSY:
        return []
    return [f"The machine was busy, with a load average of {load:.1f}: do not believe the figures."]


def markdown(results: Results, found: Sequence[Target]) -> str:
    """The whole report."""
    lines = ["# Figures of trampfd", "", machine_line(results.machine), ""]
    lines += ["Medians of alternating rounds, and their range.", ""]
    lines += [line for warning in busy_lines(results.load) for line in (warning, "")]
    if results.quick:
        lines += ["A quick run: only to see that everything runs.", ""]
    lines += [line for reason in absent_lines(results) for line in (reason, "")]
    lines += [*target_table(found), ""]
    for question in results.questions():
        lines += _question(results, question)
        if question == CREATE_FREE:
            lines += _memory(results)
    lines += ["## Ratios", "", *_markdown(["case", "of", "ratio"], _ratio_rows(results))]
    return "\n".join(lines) + "\n"


def summary(results: Results, found: Sequence[Target]) -> dict[str, Any]:
    """For programs, and to compare a later run with."""
    return {
        "machine": results.machine,
        "quick": results.quick,
        "load": results.load,
        "absent": results.absent,
        "figures": [
            {
                "question": f.question,
                "case": f.case,
                "rival": f.rival,
                "unit": UNITS.get(f.question, "ns"),
                "rounds": len(f.rounds),
                **asdict(f.spread),
                **{name: f.more[name] for name in _KEPT if f.more.get(name) is not None},
            }
            for f in results
        ],
        "ratios": list(ratios(results)),
        "targets": [{**asdict(target), "met": target.met} for target in found],
    }


_KEPT = ("count", "bytes", "mappings", "stopped", "reason")
