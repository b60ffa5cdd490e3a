# SPDX-License-Identifier: MIT
"""The programs of ``tests/modes``, one for each way in which closures can fail: run and judged.

The comment at the top of a program has the mode as its first paragraph, what the program does as
the others, and then lines of these kinds:

    Ways: one; another         each is run by itself, with its name as the argument
    Right: works               what trampfd must do; "reported" may go on with a colon and a text
    Right with SOURCE: ...     the same for a source of slots
    Right when WAY: ...        the same for a way, and so on: when WAY with SOURCE
    Not with SOURCE: why       where the mode has no meaning
    Without VARIABLE: why      what is not to be in the environment of the program

Right may be "limit: why" where trampfd is known not to work.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from support import core, preload, scale
from support.rivals import MODES, Rival

WORKS, WRONG, REPORTED, CRASHES = "works", "wrong result", "reported", "crashes"
HANGS = "does not end"
ABSENT = "not tested"
LIMIT = "limit"

# As in mode.h.
_ENDS = {0: WORKS, 1: WRONG, 3: REPORTED, core.SKIPPED: ABSENT}

# A program that is still running then does not end.
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

    def without(self) -> list[str]:
        """Variables that other modes have in their environment."""
        return [line.split()[1] for line in self.lines if line.startswith("Without ")]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, what the program said of it, and what was written to standard error."""

    kind: str
    said: str = ""
    messages: str = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, [self.kind, self.said, self.messages]))


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
    environment["MODE_OTHER"] = shutil.copy(preload.libffi(), str(folder / "other.so"))
    for name in mode.without():
        environment.pop(name, None)
    return _judge([*command, *filter(None, [way])], environment, limit)


def _judge(command: list[str], environment: dict[str, str], limit: float) -> Outcome:
    # Into files, since a process that the program has left behind would keep pipes open.
    with _new_file() as output, _new_file() as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            preexec_fn=_no_core_file,
        )
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            return Outcome(HANGS)
        finally:
            _end_all_of(process)
        said, messages = _text_of(output), _text_of(errors)
    return Outcome(_kind(status, messages), said, messages)


def _new_file() -> IO[str]:
    return tempfile.TemporaryFile("w+", errors="replace")


def _end_all_of(process: subprocess.Popen[bytes]) -> None:
    """The program, and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text_of(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip()


def _no_core_file() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _kind(status: int, errors: str) -> str:
    # The library may end the process itself, and say why.
    if status == -signal.SIGABRT and "trampfd: " in errors:
        return REPORTED
    if status < 0:
        return f"{CRASHES}: {signal.Signals(-status).name}"
    return _ENDS.get(status, WRONG)
