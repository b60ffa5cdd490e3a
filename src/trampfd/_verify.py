# SPDX-License-Identifier: MIT
"""trampfd.verify(): is a callback unchanged since it was made?"""

from __future__ import annotations

import gc
from typing import Any

from . import _native
from ._report import Report, report_of


def closure_of(callback: Any) -> _native.Closure | _native.Bound:
    """The owner of a callback's closure: cffi's destructor, or what ctypes keeps alive."""
    for owner in gc.get_referents(callback):
        if isinstance(owner, (_native.Closure, _native.Bound)):
            return owner
    raise ValueError(
        "verify() takes a callback that trampfd made (by callback(), bind(), or after install()), "
        f"not {callback!r}"
    )


def verify(callback: Any) -> Report:
    """Compare a callback with what was asked for when it was made.

    callback is the cffi cdata or the ctypes object that callback() or bind() returned, or that a
    program got after install().  The record that the provider holds, the code of the slot and the
    plan of the signature are compared with what the object that owns the closure knows, the plan
    after it is compiled anew, so a store that redirected the callback is detected and named.
    What else the record points to (the Python objects themselves) is not compared.

    Raises ValueError for anything that is not a callback of trampfd, or one that was freed
    (``ffi.release()``), and OSError (ESTALE) when the program closed the descriptor by which a
    "trampfd-user" closure is read.
    """
    return report_of(closure_of(callback).verify())
