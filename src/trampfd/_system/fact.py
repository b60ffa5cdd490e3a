# SPDX-License-Identifier: MIT
"""One thing known of the system, or the reason why it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Generic, TypeVar

T = TypeVar("T")

KNOWN = "known"
ABSENT = "not present"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact(Generic[T]):
    """A value, or None and a note that says why there is none.

    ``state`` is ``KNOWN`` (``value`` is set; ``note``, if any, says how it is known or what it
    means), ``ABSENT`` (the system has no such thing) or ``UNKNOWN`` (it could not be found out).
    """

    value: T | None
    note: str = ""
    state: str = KNOWN

    def __str__(self) -> str:
        if self.state != KNOWN:
            return f"{self.state}: {self.note}"
        return f"{_text(self.value)} ({self.note})" if self.note else _text(self.value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def absent(why: str) -> Fact[T]:
    """The fact that the system has no such thing."""
    return Fact(None, why, ABSENT)


def unknown(why: str) -> Fact[T]:
    """The fact that it could not be found out."""
    return Fact(None, why, UNKNOWN)


def from_file(path: Path, parse: Callable[[str], Fact[T]]) -> Fact[T]:
    """What ``parse`` makes of the file's stripped text.

    A missing file is an absent fact; one that cannot be read, or whose text makes ``parse``
    raise ValueError or LookupError, an unknown one.
    """
    try:
        text = path.read_text(errors="replace").strip()
    except FileNotFoundError:
        return absent(f"no {path}")
    except OSError as error:
        return unknown(f"cannot read {path}: {error.strerror}")
    try:
        return parse(text)
    except (ValueError, LookupError):
        return unknown(f"cannot make sense of {path}")
