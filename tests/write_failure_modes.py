# SPDX-License-Identifier: MIT
"""Run the programs of tests/modes with every rival, and write docs/failure-modes.md.

What came of each run is kept in docs/failure-modes.json, so that rivals which another machine has,
such as the kernel's providers in a virtual machine, stay on the page until they are run again.
"""

from __future__ import annotations

import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TypedDict

from support import modes, pages, providers, rivals
from support.modes import Mode, Outcome

PAGE = pages.DOCS / "failure-modes.md"
OUTCOMES = pages.DOCS / "failure-modes.json"

OURS = "trampfd, "
NOT_APPLICABLE = "does not apply"
KINDS = (modes.WORKS, modes.REPORTED, modes.WRONG, modes.CRASHES, modes.HANGS, modes.ABSENT)


class Column(TypedDict):
    """Of one rival."""

    machine: str
    cells: dict[str, str]  # for each mode and way


Kept = dict[str, Column]  # by the names of rivals


def of_this_machine() -> Iterator[rivals.Rival]:
    """The table's rivals are libffi's; with a provider of the kernel, it alone is run."""
    provider = providers.current()
    if provider == "table":
        for get in (rivals.stock, rivals.with_static_trampolines):
            try:
                yield get()
            except rivals.Unavailable as reason:
                print(f"not run: {reason}", file=sys.stderr)
    yield from rivals.of_trampfd(provider)


def measure(mode: Mode, way: str, rival: rivals.Rival) -> Outcome:
    if isinstance(rival, rivals.Libffi):
        return modes.run(mode, way, rival)
    meaningless = mode.not_with(rival.source)
    if meaningless:
        return Outcome(NOT_APPLICABLE, meaningless)
    outcome = modes.run(mode, way, rival)
    right, _, why = mode.right(way, rival.source).partition(": ")
    if right == modes.LIMIT and outcome.kind != modes.WORKS:
        return Outcome(outcome.kind, f"a limit: {why}")
    return outcome


def cell(outcome: Outcome) -> str:
    """In a few words, without what differs from run to run."""
    lines = (outcome.said or outcome.messages).splitlines() or [""]
    text = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    text = re.sub(r"(?<=\s)/\S*/", "", f" {text}").strip()
    text = re.sub(r": 0x[0-9a-f]+ \(slot .*\)", "", text).removeprefix("trampfd: ")
    words = ": ".join(filter(None, [outcome.kind, text]))
    return words.replace("|", "\\|").replace("<", "&lt;")


def run_all() -> Kept:
    kept: Kept = {}
    for rival in of_this_machine():
        cells = {}
        for mode, way in modes.cases():
            cells[key(mode, way)] = found = cell(measure(mode, way, rival))
            print(f"{rival.name}: {key(mode, way)}: {found}", flush=True)
        kept[rival.name] = {"machine": f"{rival.version}, {machine()}", "cells": cells}
    return kept


def key(mode: Mode, way: str) -> str:
    return f"{mode.name}: {way}" if way else mode.name


def machine() -> str:
    return f"Linux {platform.release()}, CPython {platform.python_version()}"


def counts(kept: Kept) -> list[str]:
    """How often each rival ended in each way."""
    rows = []
    for name, rival in kept.items():
        found = Counter(text.split(":")[0] for text in rival["cells"].values())
        rows.append([name, *(str(found[kind]) for kind in KINDS)])
    return pages.table(["", *KINDS], rows)


def together(columns: dict[str, str]) -> str:
    """What trampfd does, with the names of providers where that differs."""
    by_text: dict[str, list[str]] = {}
    for name, text in columns.items():
        by_text.setdefault(text, []).append(name)
    if len(by_text) == 1:
        return next(iter(by_text))
    return "<br>".join(f"{', '.join(names)}: {text}" for text, names in by_text.items())


def rows(kept: Kept) -> Iterator[list[str]]:
    for mode, way in modes.cases():
        texts = {name: rival["cells"].get(key(mode, way), "") for name, rival in kept.items()}
        others = [text for name, text in texts.items() if not name.startswith(OURS)]
        ours = {n.removeprefix(OURS): text for n, text in texts.items() if n.startswith(OURS)}
        first = way == mode.ways[0]
        title = mode.title + (f": *{way}*" if way else "") if first else f"*{way}*"
        yield [str(mode.number) if first else "", title, *others, together(ours)]


def section(kept: Kept) -> str:
    """What stands between the marks."""
    machines = [f"- {name}: {rival['machine']}" for name, rival in kept.items()]
    others = [name for name in kept if not name.startswith(OURS)]
    every = pages.table(["", "Mode", *others, "trampfd"], list(rows(kept)))
    return "\n".join([*machines, "", *counts(kept), "", *every, ""])


def add(new: Kept) -> None:
    """To what is kept, and to the page."""
    pages.put(PAGE, "tests/write_failure_modes.py", section(pages.keep(OUTCOMES, new)))


if __name__ == "__main__":
    pages.command("write_failure_modes", __doc__, run_all, add)
