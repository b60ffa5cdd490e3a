# SPDX-License-Identifier: MIT
"""Failed attempts, as status() and errors report them."""

from __future__ import annotations

import os
from typing import NamedTuple


class Refusal(NamedTuple):
    """A source of slots, or a redirection in a library, that was refused.

    source: its name; for a redirection the path of the library.
    call: what failed, in most cases a system call; errno: its error.
    """

    source: str
    call: str
    errno: int

    def __str__(self) -> str:
        return f"{self.source}: {self.call}: {os.strerror(self.errno)}"
