# SPDX-License-Identifier: MIT
"""Whether a program can do without memory that is writable and executable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import causes
from .causes import Cause

YES = "yes"
YES_WITH = "yes, with"
NO = "no"


@dataclass(frozen=True)
class Verdict:
    """Whether the program can do without such memory.

    Attributes:
        hardenable: `YES`, it asks for none; `YES_WITH`, with all that `needs` lists; or `NO`,
            because of what `obstacles` lists.
    """

    hardenable: str
    needs: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.hardenable == NO:
            return f"no, because of {', '.join(self.obstacles)}"
        if self.hardenable == YES_WITH:
            return f"yes, with {', '.join(self.needs)}"
        return "yes, it asks for no such memory"


def judge(found: Iterable[Cause]) -> Verdict:
    """By all that a program asks for."""
    needed = [cause for cause in found if cause.served_by != causes.HARMLESS]
    obstacles = [c.name for c in needed if c.served_by in (causes.CHANGE, causes.NOTHING)]
    needs = [c.advice if c.served_by == causes.SETTING else c.served_by for c in needed]
    if obstacles:
        return Verdict(NO, obstacles=tuple(dict.fromkeys(obstacles)))
    needs = list(dict.fromkeys(needs))
    return Verdict(YES_WITH, needs=tuple(needs)) if needs else Verdict(YES)
