# SPDX-License-Identifier: MIT
"""perf finds who called a closure, whichever block it is in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import core, preload

pytestmark = pytest.mark.only_table


def samples(count: int, way: str, folder: Path) -> list[list[str]]:
    """What was on the stack at each sample in the handler, the latest function first."""
    perf, data = core.need("perf"), folder / "perf.data"
    options = ["--quiet", "--event", "cpu-clock", "--call-graph", way, "--output", data]
    settings = [f"{name}={value}" for name, value in preload.preloaded().items()]
    program = ["env", *settings, preload.program("preload/profiled"), count]
    done = core.run(perf, "record", *options, *program)
    if not data.is_file() or not data.stat().st_size:
        pytest.skip(f"perf cannot record here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    text = core.check(perf, "script", "--input", data, "--fields", "ip,sym")
    stacks = [re.findall(r"^\s*[0-9a-f]+ (\S+)", block, re.M) for block in text.split("\n\n")]
    return [stack for stack in stacks if stack[:1] == ["work"]]


@pytest.mark.parametrize(
    ("count", "way"),
    [(10, "dwarf"), (5_000, "dwarf"), (100_000, "dwarf"), (10, "fp"), (200_000, "fp")],
)
def test_callers_are_found(count: int, way: str, tmp_path: Path) -> None:
    """By unwind information, and by frame pointers, which the program has, too."""
    found = samples(count, way, tmp_path)
    assert len(found) > 20
    lost = [stack for stack in found if "the_caller" not in stack or "main" not in stack]
    assert len(lost) <= len(found) // 10, lost[0]
