# SPDX-License-Identifier: MIT
"""Callbacks for ctypes and cffi without memory that is writable and executable.

>>> import trampfd
>>> trampfd.install()      # every ffi.callback() and CFUNCTYPE(...)(...) from now on

or, one callback at a time, ``trampfd.callback(type, function)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._bind import bind
from ._callback import callback
from ._install import install, installed, is_installed, uninstall
from ._native import ClosureError
from ._status import Status, status

if TYPE_CHECKING:
    from ._trampoline import Trampoline, TrampolineContext, TrampolineDifference
    from ._verify import Difference, Verdict, verify

__all__ = [
    "ClosureError",
    "Difference",
    "Status",
    "Trampoline",
    "TrampolineContext",
    "TrampolineDifference",
    "Verdict",
    "bind",
    "callback",
    "install",
    "installed",
    "is_installed",
    "status",
    "uninstall",
    "verify",
]


# What few programs use, and costs more to import than all else.
_LATER = {
    "Difference": "_verify",
    "Trampoline": "_trampoline",
    "TrampolineContext": "_trampoline",
    "TrampolineDifference": "_trampoline",
    "Verdict": "_verify",
    "verify": "_verify",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{module}", __name__), name)
