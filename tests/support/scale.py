# SPDX-License-Identifier: MIT
"""Counts and time limits for an emulated machine.

In the virtual machine of ``tests/vm`` (TRAMPFD_VM is set there), 20 to 50 times slower than its
host, the tests do less of the same; the end of the run lists what was scaled.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

IN_GUEST = "TRAMPFD_VM" in os.environ

scaled: dict[str, tuple[object, object]] = {}


def down(what: str, full: T, in_guest: T) -> T:
    """`full`, or `in_guest` in the virtual machine, where it is written down as `what`."""
    if not IN_GUEST:
        return full
    scaled[what] = (full, in_guest)
    return in_guest


def seconds(limit: int) -> int:
    """A time limit: 30 times as long in the virtual machine."""
    return 30 * limit if IN_GUEST else limit
