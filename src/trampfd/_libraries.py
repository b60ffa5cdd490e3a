# SPDX-License-Identifier: MIT
"""install(libraries=True): the libraries of this process that use a shared libffi.

What they import from libffi to make closures is redirected to the library for LD_PRELOAD, which
also finds the libffi that each of them would have used.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import NamedTuple

from . import _native
from ._errors import Refusal

# Modules whose callbacks install() redirects itself.
_SERVED = ("_ctypes", "_cffi_backend", _native.__name__)

_lock = threading.Lock()  # over each call that changes or reads the list of redirections


class Redirected(NamedTuple):
    """A pointer to a function of libffi in the data of a loaded library.

    library: path of its file, "" for the program itself.
    symbol: the function.
    origin: the address it led to, 0 if it was not bound yet.
    target: the address it leads to now.
    refusal: why it could not be redirected; None if it was.
    """

    library: str
    symbol: str
    origin: int
    target: int
    refusal: Refusal | None


def _list() -> tuple[Redirected, ...]:
    """Needs the lock."""
    return tuple(
        Redirected(
            library,
            symbol,
            origin,
            target,
            None if call is None else Refusal(library or "the program", call, errno),
        )
        for library, symbol, origin, target, call, errno in _native.redirected_libraries()
    )


def redirected() -> tuple[Redirected, ...]:
    """The current redirections, and those that were refused in the last attempt."""
    with _lock:
        return _list()


def _explain(error: OSError, what: str) -> OSError:
    """Needs the lock."""
    refused = "; ".join(
        f"{one.symbol}: {one.refusal}" for one in _list() if one.refusal is not None
    )
    return OSError(error.errno, f"{what}: {refused or error.strerror or error}")


def _paths_served() -> tuple[bytes, ...]:
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _SERVED)
    return tuple(os.fsencode(file) for file in files if file)


def redirect() -> None:
    """Redirect all libraries loaded now; raises OSError, and nothing is changed then."""
    from ._system import preload_library

    library = preload_library.find()
    if library is None:
        raise OSError(
            "install(libraries=True) needs the library of `trampfd preload`, which was not found; "
            "install the package that has it (libtrampfd-ffi)"
        )
    with _lock:
        try:
            _native.redirect_libraries(os.fsencode(library), _paths_served())
        except OSError as error:
            raise _explain(error, "cannot redirect loaded libraries") from None


def restore() -> None:
    """Let libraries make stock closures again; raises OSError for those that cannot be restored.

    The functions for closures that exist stay redirected.
    """
    with _lock:
        try:
            _native.restore_libraries()
        except OSError as error:
            raise _explain(error, "cannot restore loaded libraries") from None
