# SPDX-License-Identifier: MIT
"""From a callback that a program has to the object that owns its closure."""

from __future__ import annotations

import gc

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def owner_of(callback: Any) -> _native.Closure | _native.Bound:
    """What ctypes keeps alive for it, or cffi's destructor; ValueError for anything else."""
    for owner in gc.get_referents(callback):
        if isinstance(owner, (_native.Closure, _native.Bound)):
            return owner
    raise ValueError(
        "this is no callback that trampfd made (by callback(), bind(), or after install()): "
        f"{callback!r}"
    )
