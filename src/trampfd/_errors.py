# SPDX-License-Identifier: MIT
"""What was refused, as status() and errors tell it."""

from __future__ import annotations

import os
from typing import NamedTuple


class Refusal(NamedTuple):
    """A source of slots, or a redirection in a library, that was refused.

    source: its name; for a redirection the path of the library.
    step: what failed, in most cases a system call; errno: its error.
    """

    source: str
    step: str
    errno: int

    def __str__(self) -> str:
        return f"{self.source}: {self.step}: {os.strerror(self.errno)}"
