# SPDX-License-Identifier: MIT
"""The programs of ``tests/modes``, one for each way in which closures can fail: run and judged.

The comment at the top of a program has the mode as its first paragraph, what the program does as
the others, and then lines of these kinds:

    Ways: one; another         each is run by itself, with its name as the argument
    Right: works               what trampfd must do; "reported" may go on with a colon and a text
    Right with SOURCE: ...     the same for a source of slots
    Right when WAY: ...        the same for a way, and so on: when WAY with SOURCE
    Not with SOURCE: why       where the mode has no meaning

Right may be "limit: why" where trampfd is known not to work.
"""

from __future__ import annotations

import functools
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support import core, preload, scale
from support.rivals import MODES, Rival

WORKS, WRONG, REPORTED, CRASHES, HANGS = "works", "wrong result", "reported", "crashes", "hangs"
ABSENT = "not tested"
LIMIT = "limit"

# As in mode.h.
_ENDS = {0: WORKS, 1: WRONG, 3: REPORTED, core.SKIPPED: ABSENT}

# In seconds; a program that is still running then hangs.
SECONDS = scale.seconds(60)


@dataclass(frozen=True)
class Mode:
    """A program, and what its comment says."""

    program: Path
    title: str
    ways: tuple[str, ...]
    lines: dict[str, str]

    @property
    def name(self) -> str:
        return self.program.stem

    @property
    def number(self) -> int:
        return int(self.name.split("_")[0])

    def right(self, way: str, source: str) -> str:
        """The outcome that trampfd must have."""
        ends = (f" when {way} with {source}", f" when {way}", f" with {source}", "")
        return next(self.lines[f"Right{end}"] for end in ends if f"Right{end}" in self.lines)

    def not_with(self, source: str) -> str | None:
        """Why the mode does not apply."""
        return self.lines.get(f"Not with {source}")


@dataclass(frozen=True)
class Outcome:
    kind: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.said}" if self.said else self.kind


def _parse(program: Path) -> Mode:
    text = program.read_text()
    pattern = r'"""(.*?)"""' if program.suffix == ".py" else r"/\*\n(.*?)\*/"
    found = re.search(pattern, text, re.DOTALL)
    assert found, program
    comment = re.sub(r"^ \* ?", "", found[1], flags=re.MULTILINE).strip()
    lines = dict(re.findall(r"^([A-Z][\w ]+): (.+)$", comment, re.MULTILINE))
    ways = tuple(lines.pop("Ways", "").split("; "))
    title = " ".join(comment.split("\n\n")[0].split())
    return Mode(program, title, ways, lines)


@functools.cache
def every() -> tuple[Mode, ...]:
    return tuple(_parse(path) for path in sorted(MODES.glob("[0-9][0-9]_*")))


def cases() -> Iterator[tuple[Mode, str]]:
    """Each mode with each of its ways; one without ways has the way ``""``."""
    for mode in every():
        for way in mode.ways:
            yield mode, way


def run(mode: Mode, way: str, rival: Rival, limit: float = SECONDS) -> Outcome:
    """What comes of the program when it runs with a rival."""
    folder = core.new_folder()
    if mode.program.suffix == ".py":
        start, environment = rival.python(folder)
        command = [*start, str(mode.program)]
        environment["MODE_CALLER"] = str(preload.compiled(MODES / "caller.c", "-shared", "-fPIC"))
    else:
        environment = rival.environment(folder)
        command = [str(preload.compiled(mode.program))]
    environment["MODE_FOLDER"] = str(folder)
    environment["MODE_OTHER"] = shutil.copy(preload.libffi(), folder / "other.so")
    return _judge([*command, *filter(None, [way])], environment, limit)


def _judge(command: list[str], environment: dict[str, str], limit: float) -> Outcome:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=_no_core_file,
    )
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(HANGS)
    return _outcome(process.returncode, [*output.splitlines(), *errors.splitlines()])


def _no_core_file() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(status: int, lines: list[str]) -> Outcome:
    said = "; ".join(filter(None, lines))
    if status == -signal.SIGABRT and "trampfd: " in said:
        # The library ends the process itself, and says why.
        return Outcome(REPORTED, said)
    if status < 0:
        return Outcome(CRASHES, f"{signal.Signals(-status).name} {said}".strip())
    return Outcome(_ENDS.get(status, WRONG), said)
