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


def complaints(log: str) -> list[str]:
    """Lines of the log that tell of a fault in the kernel."""
    return [line for line in log.splitlines() if COMPLAINT.search(line)]
