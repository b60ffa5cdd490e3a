# SPDX-License-Identifier: MIT
"""What was refused, as status() and errors tell it."""

from __future__ import annotations

import os
from typing import NamedTuple


class Refusal(NamedTuple):
    """A way to make a block of slots, or a redirection, that was refused."""

    way: str
    step: str
    errno: int

    def __str__(self) -> str:
        return f"{self.way}: {self.step}: {os.strerror(self.errno)}"
