# SPDX-License-Identifier: MIT
"""The instructions that indirect branches may lead to, where a CPU checks that."""

from __future__ import annotations

import re

from support import cpu

# Does Linux enforce them in programs for this CPU?
EXIST = cpu.NAME in ("aarch64", "x86_64")

# Of x86-64, then of AArch64, where signing the return address is one too.
ALL = {"endbr64", "bti", "paciasp"}

_CLAIM = re.compile(r"x86 feature: IBT, SHSTK|AArch64 feature: BTI, PAC")


def are_claimed(notes: str) -> bool:
    """By an object file, or by all that a program or library consists of; `readelf --notes`."""
    return _CLAIM.search(notes) is not None
