# SPDX-License-Identifier: MIT
"""Overwrite a callback's record, and check whether verify() detects it, for each provider.

``python -m trampfd._cli.tamper`` does it with the provider that TRAMPFD_PROVIDER names and prints a
Finding as JSON; find() runs that in a child, for what it does to the child's callbacks.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass

from .. import _native
from .._callback import callback
from .._report import Report
from .._verify import verify
from . import process

PROVIDERS = ("table", "sealed", "trampfd", "trampfd-user")

_TIMEOUT = 120  # seconds

_POINTER = ctypes.sizeof(ctypes.c_void_p)


@dataclass(frozen=True)
class Finding:
    """One provider.

    available: it can make closures; outcome: why it cannot, or what happened.
    intact: verify() found the new callback unchanged.
    guarded: stores do not reach the record.
    seen: verify() named the change (None if stores do not reach the record).
    """

    provider: str
    available: bool
    outcome: str
    intact: bool = False
    guarded: bool = False
    seen: bool | None = None

    @property
    def sound(self) -> bool:
        """The provider is not available, or changes of its closures are prevented or detected."""
        return not self.available or (self.intact and (self.guarded or bool(self.seen)))


def _store_ends_the_process(address: int) -> bool:
    """Try the store in a fork, which has the same mappings."""
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        ctypes.memset(address, 0, _POINTER)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV


def _overwrite(victim: object, address: int) -> Report:
    """The Report while a word of the record is overwritten; the word is restored afterwards."""
    kept = ctypes.string_at(address, _POINTER)
    ctypes.memmove(address, bytes(_POINTER), _POINTER)
    try:
        return verify(victim)
    finally:
        ctypes.memmove(address, kept, _POINTER)


def _try() -> Finding:
    provider = os.environ["TRAMPFD_PROVIDER"]
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    try:
        victim = callback(prototype, lambda number: number + 1)
    except _native.ClosureError as error:
        return Finding(provider, False, str(error.args[-1]))
    before = verify(victim)
    slot = _native.find(before.address)
    assert slot is not None, "a callback without a slot"
    record = slot["record"] + _native.USER_DATA_OFFSET
    if before.protected and provider == "trampfd-user":
        after = _overwrite(victim, record)
        outcome = "the kernel holds the record; a store over its copy changes nothing"
        return Finding(provider, True, outcome, bool(before), bool(after) and victim(1) == 2)
    if before.protected:
        outcome = "a store over the record ends the process"
        return Finding(provider, True, outcome, bool(before), _store_ends_the_process(record))
    after = _overwrite(victim, record)
    return Finding(
        provider, True, f"a store over the record: {after}", bool(before), seen=not after
    )


def find(provider: str) -> Finding:
    """Make a callback with that provider in a child process, and tamper with it there."""
    command = [sys.executable, "-m", __name__]
    env = process.environment(TRAMPFD_PROVIDER=provider)
    try:
        return process.run_json(Finding, command, timeout=_TIMEOUT, env=env)
    except process.Failure as failure:
        return Finding(provider, True, str(failure))


if __name__ == "__main__":
    print(json.dumps(asdict(_try())))
