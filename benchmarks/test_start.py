# SPDX-License-Identifier: MIT
"""How much longer do programs take from start to end, enabled or with trampfd run?

In virtual environments that find the same packages; one of them is enabled.  The first round, in
which Python writes compiled files, is not counted.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import ENABLED, IMPORTS, PLAIN, RUN_BY_MODULE, START, TRAMPFD_RUN
from lib.race import Effort, Outcome, rotated

QUESTION = START
RIVALS = (PLAIN, ENABLED, TRAMPFD_RUN, RUN_BY_MODULE)

# As pip writes it.
_SCRIPT = """\
import sys
from trampfd.__main__ import main
if __name__ == '__main__':
    sys.exit(main())
"""

#: Each rival is started so often in a round, in turns; the fastest counts, as what else the machine
#: does only adds to it.
_STARTS = 7


def _environment() -> dict[str, str]:
    """Compiled files may be written, as they are for users."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "TRAMPFD_DISABLE")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def _python(folder: Path) -> str:
    build.run(sys.executable, "-m", "venv", "--without-pip", folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "a-find.pth").write_text("".join(f"{path}\n" for path in sys.path if path))
    return str(folder / "bin/python")


@contextmanager
def _commands() -> Iterator[dict[str, list[str]]]:
    """What each rival puts before `-c`."""
    with tempfile.TemporaryDirectory() as name:
        plain, enabled = (_python(Path(name, folder)) for folder in ("plain", "enabled"))
        build.run(enabled, "-m", "trampfd", "enable", env=_environment())
        script = Path(name, "trampfd")
        script.write_text(_SCRIPT)
        yield {
            PLAIN: [plain],
            ENABLED: [enabled],
            TRAMPFD_RUN: [plain, str(script), "run"],
            RUN_BY_MODULE: [plain, "-m", "trampfd", "run"],
        }


def _measure(command: list[str], code: str) -> float:
    start = time.perf_counter()
    build.run(*command, "-c", code, env=_environment())
    return time.perf_counter() - start


def _round(number: int, commands: dict[str, list[str]], code: str) -> dict[str, float]:
    fastest = dict.fromkeys(RIVALS, math.inf)
    for turn in range(_STARTS):
        for rival in rotated(RIVALS, number + turn):
            fastest[rival] = min(fastest[rival], _measure(commands[rival], code))
    return fastest


@functools.cache
def _race(case: str, effort: Effort) -> Outcome:
    rounds: dict[str, list[float]] = {rival: [] for rival in RIVALS}
    with _commands() as commands:
        for number in range(-1, effort.rounds):
            for rival, took in _round(number, commands, IMPORTS[case]).items():
                if number >= 0:
                    rounds[rival].append(took)
    return Outcome(rounds, {})


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("case", IMPORTS)
def test_start(benchmark: Any, record: Record, effort: Effort, case: str, rival: str) -> None:
    record.times(benchmark, case, rival, _race(case, effort))
