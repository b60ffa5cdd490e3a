# SPDX-License-Identifier: MIT
"""Reads a kernel log for what must not be there."""

from __future__ import annotations

import re

COMPLAINT = re.compile(
    r"WARNING: |BUG: |BUG |Oops|kernel BUG|Kernel panic|Call Trace|cut here|RIP: 0010|"
    r"general protection fault, |unable to handle|Unable to handle|KASAN|KFENCE|KCSAN|UBSAN|"
    r"possible (?:recursive|circular|irq)|INFO: .*(?:lock|stall|blocked|hung|task)|"
    r"inconsistent lock|suspicious RCU|bad unlock|scheduling while atomic|sleeping function|"
    r"soft lockup|hard LOCKUP|rcu.*stall|list_(?:add|del)|refcount_t:|use-after-free|"
    r"Bad page|Bad rss-counter|non-zero pgtables_bytes|unreferenced object|Objects remaining|"
    r"Redzone|Poison overwritten|Out of memory: Killed|memory leak|still has locks held"
)


# What kernels for debugging say of themselves while they boot.
BOAST = re.compile(r"debug is enabled|leak detector initialized")
RACE = "BUG: KCSAN: "
BORDER = "=" * 60
OURS = "[trampfd]"


def without_races_of_others(log: str) -> list[str]:
    """The lines but those of data races that the module has no part in: Linux has many of them."""
    lines: list[str] = []
    report: list[str] = []
    for line in log.splitlines():
        is_end = bool(report) and BORDER in line
        if RACE in line or report:
            report.append(line)
        else:
            lines.append(line)
        if is_end:
            lines += report if OURS in "".join(report) else []
            report = []
    return lines + report


def complaints(log: str) -> list[str]:
    """Lines of the log that tell of a fault in the kernel."""
    lines = without_races_of_others(log)
    return [line for line in lines if COMPLAINT.search(line) and not BOAST.search(line)]
