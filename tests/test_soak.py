# SPDX-License-Identifier: MIT
"""Many closures live and others come and go beside them: a short pass of ``make soak``."""

from __future__ import annotations

import subprocess
import sys

import pytest
import soak
from support import scale

LIVE = scale.down("live closures", 200_000, 20_000)
ROUNDS = scale.down("rounds of make, call and free", 50_000, 5000)
FORKS = scale.down("forks", 50, 4)


@pytest.mark.only_table
def test_nothing_grows_and_nothing_is_writable_and_executable() -> None:
    watch = soak.Watch()
    rows = {name: cells for name, *cells in soak.soak(LIVE, ROUNDS, FORKS, watch)}
    assert int(rows["made again"][0]) == LIVE
    assert int(rows["all rounds"][-1]) >= ROUNDS
    assert int(rows["freed"][0]) == 0
    assert watch.looks >= len(rows)
    assert not watch.found


WRITABLE = """
import mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
print(flush=True)
input()
"""


def test_a_look_finds_code_that_can_be_written() -> None:
    watch = soak.Watch()
    with subprocess.Popen(
        [sys.executable, "-c", WRITABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        watch.look(process.pid)
        process.communicate(b"\n")
    assert watch.looks == 1
    assert len(watch.found) == 1 and watch.found[0].startswith("w+x")
