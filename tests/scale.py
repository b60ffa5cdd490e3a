# SPDX-License-Identifier: MIT
"""Counts that an emulated machine cannot do in time.

In the virtual machine of ``tests/vm`` (TRAMPFD_VM is set there), 10 to 15 times slower than its
host, the tests do less of the same; the end of the run lists what was scaled.
"""

from __future__ import annotations

import os

IN_GUEST = "TRAMPFD_VM" in os.environ

scaled: dict[str, tuple[int, int]] = {}


def count(what: str, full: int, in_guest: int) -> int:
    """`full`, or `in_guest` in the virtual machine, where it is written down as `what`."""
    if not IN_GUEST:
        return full
    scaled[what] = (full, in_guest)
    return in_guest
