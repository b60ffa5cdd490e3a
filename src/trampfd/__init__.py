# SPDX-License-Identifier: MIT
"""Callbacks for ctypes and cffi without memory that is writable and executable.

>>> import trampfd
>>> trampfd.install()      # every ffi.callback() and CFUNCTYPE(...)(...) from now on

or, one callback at a time, ``trampfd.callback(type, function)``.
"""

from __future__ import annotations

from ._bind import bind
from ._callback import callback
from ._install import install, installed, is_installed, uninstall
from ._native import ClosureError
from ._status import Status, status
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
