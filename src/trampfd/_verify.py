# SPDX-License-Identifier: MIT
"""trampfd.verify(): is a callback unchanged since it was made?"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from typing import Any

from . import _native
from ._system.maps import read_maps


@dataclass(frozen=True)
class Difference:
    """A part of a closure that is not as it was made.

    what: "code" (the slot's instructions; no values), or a word of the record: "entry", "plan",
        "dispatch", "tail", "cif", "fun", "user_data", "handler", "cif of libffi"; of a bound
        function "entry", "function", "data", and where libffi makes the call "index" and "cif of
        the function" as well.
    wanted, found: that word's values.
    """

    what: str
    wanted: int
    found: int

    def __str__(self) -> str:
        if self.what == "code":
            return "the slot's code was changed"
        return f"{self.what} is {self.found:#x}, should be {self.wanted:#x}"


@dataclass(frozen=True)
class Verdict:
    """What verify() found; true when the callback is unchanged.

    provider: who holds the record: "table", "trampfd" or "trampfd-user".
    address: the function pointer.
    protected: no store in this process can reach what decides where a call goes: the code and
        the record are in no writable mapping.  (What the record points to always is.)
    differences: what was tampered with.
    """

    provider: str
    address: int
    protected: bool
    differences: tuple[Difference, ...]

    def __bool__(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        found = "; ".join(map(str, self.differences)) or "unchanged"
        guard = "no store can reach it" if self.protected else "in writable memory"
        return f"{found} ({self.provider}: {guard})"


def closure_of(callback: Any) -> _native.Closure | _native.Bound:
    """The owner of a callback's closure: cffi's destructor, or what ctypes keeps alive."""
    for owner in gc.get_referents(callback):
        if isinstance(owner, (_native.Closure, _native.Bound)):
            return owner
    raise ValueError(
        "verify() takes a callback that trampfd made (by callback(), bind(), or after install()), "
        f"not {callback!r}"
    )


def _writable(address: int) -> bool:
    return any(
        mapping.writable and mapping.start <= address < mapping.end
        for mapping in read_maps(os.getpid())
    )


def verify(callback: Any) -> Verdict:
    """Compare a callback with what was asked for when it was made.

    callback is the cffi cdata or the ctypes object that callback() or bind(), or a program after
    install(), got.  The record that the provider holds and the code of the slot are compared with
    what the object that owns the closure knows, so a store that redirected the callback is seen
    and named.
    Not compared: what the record points to (the Python objects themselves).

    Raises ValueError for anything that is not a callback of trampfd, or one that was freed
    (``ffi.release()``), and OSError (ESTALE) when the program closed the descriptor by which a
    "trampfd-user" closure is read.
    """
    provider, address, record, differences = closure_of(callback).verify()
    return Verdict(
        provider=provider,
        address=address,
        protected=not (_writable(address) or (record and _writable(record))),
        differences=tuple(Difference(*difference) for difference in differences),
    )
