# SPDX-License-Identifier: MIT
"""What the virtual machine's runner takes for a complaint of the kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "vm"))

from vmrun.log import complaints

pytestmark = pytest.mark.any_provider

BORDER = "=" * 66
OTHERS = f"""\
[    3.1] {BORDER}
[    3.1] BUG: KCSAN: data-race in __d_lookup / __d_drop
[    3.1] read to 0xffff9 of 8 bytes by task 1 on cpu 0:
[    3.1]  __d_lookup+0x1/0x2
[    3.1] {BORDER}
"""
OURS = OTHERS.replace("__d_lookup", "trampfd_mmap").replace("+0x1/0x2", "+0x1/0x2 [trampfd]")


def test_a_quiet_log() -> None:
    assert not complaints(
        "[    0.0] rcu: \tRCU callback double-/use-after-free debug is enabled.\n"
        "[    0.1] kmemleak: Kernel memory leak detector initialized (mem pool available: 14990)\n"
        "[    1.0] trampfd: loading out-of-tree module taints kernel.\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "BUG: KASAN: slab-use-after-free in trampfd_mmap+0x1/0x2 [trampfd]",
        "WARNING: possible circular locking dependency detected",
        "UBSAN: array-index-out-of-bounds in table.c:7:1",
        "BUG: sleeping function called from invalid context",
        "unreferenced object 0xffff888003 (size 64):",
    ],
)
def test_a_fault(line: str) -> None:
    assert complaints(f"[    1.0] quiet\n[    2.0] {line}\n") == [f"[    2.0] {line}"]


def test_a_data_race_of_the_module() -> None:
    found = complaints(OURS)
    assert len(found) == 1
    assert "trampfd_mmap" in found[0]


def test_data_races_of_others_hide_nothing() -> None:
    assert complaints(OTHERS) == []
    fault = "[    4.0] BUG: unable to handle page fault for address: ffff\n"
    assert complaints(OTHERS + fault + OTHERS) == [fault.strip()]


def test_a_report_that_is_cut_off_counts() -> None:
    assert complaints(OTHERS + OURS.split("read to")[0])
