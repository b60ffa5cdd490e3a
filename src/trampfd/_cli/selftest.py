# SPDX-License-Identifier: MIT
"""One callback made and called, with the process's mappings watched.

``python -m trampfd._cli.selftest ctypes|cffi stock|trampfd`` prints a Trial as JSON; trial() runs
that in a child, whose hardening is inherited from this process and whose W+X memory and crashes
stay its own.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Callable

from .._system.maps import aliases, read_maps, writable_executable
from . import process

INTERFACES = ("ctypes", "cffi")
CLOSURES = ("stock", "trampfd")

_TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Trial:
    """What came of one callback.

    closures: who makes it: "stock" for ctypes or cffi itself, or "trampfd".
    ok: it was made and returned the right value.
    outcome: that, or the exception, or the signal that ended the child.
    writable_executable: number of mappings that were both; aliased: number of pairs of one
        object, one writable and one executable; all in the child, after the call.
    available: False when the interface is not installed (ok is then False too).
    """

    interface: str
    closures: str
    ok: bool
    outcome: str
    writable_executable: int = 0
    aliased: int = 0
    available: bool = True

    @property
    def clean(self) -> bool:
        """It worked, and nothing was writable and executable."""
        return self.ok and not self.writable_executable and not self.aliased


def _call_ctypes() -> int:
    import ctypes

    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_double)
    return int(prototype(lambda a, b: a + int(b))(40, 2.5))


def _call_cffi() -> int:
    import cffi

    ffi = cffi.FFI()
    return int(ffi.callback("int(int, double)", lambda a, b: a + int(b))(40, 2.5))


def _measure(interface: str, closures: str) -> Trial:
    calls: dict[str, Callable[[], int]] = {"ctypes": _call_ctypes, "cffi": _call_cffi}
    if closures == "trampfd":
        from .._install import install

        install()
    try:
        value = calls[interface]()
    except ModuleNotFoundError as error:
        return Trial(interface, closures, False, f"not installed: {error}", available=False)
    except Exception as error:
        ok, outcome = False, f"{type(error).__name__}: {error}".rstrip(": ")
    else:
        ok = value == 42
        outcome = "works" if ok else f"wrong result {value}"
    maps = read_maps(os.getpid())
    return Trial(
        interface, closures, ok, outcome, len(writable_executable(maps)), len(aliases(maps))
    )


def trial(interface: str, closures: str) -> Trial:
    """Make and call one callback in a child process."""
    command = [sys.executable, "-m", __name__, interface, closures]
    try:
        return process.run_json(Trial, command, timeout=_TIMEOUT, env=process.environment())
    except process.Failure as failure:
        return Trial(interface, closures, False, str(failure))


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(*sys.argv[1:3]))))
