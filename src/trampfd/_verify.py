# SPDX-License-Identifier: MIT
"""trampfd.verify(): is a callback unchanged since it was made, or are all of them?"""

from __future__ import annotations

import errno
import gc
from typing import Any, overload

from . import _native
from ._owner import owner_of
from ._report import Report, Verification, report_of

_ALL = object()


def _all_owners() -> list[_native.Closure | _native.Bound]:
    """By type(): isinstance() would run code of other objects."""
    return [one for one in gc.get_objects() if type(one) in (_native.Closure, _native.Bound)]


def _verify_all() -> Verification:
    owners = _all_owners()
    compared = 0
    checked, found = _native.verify_all()
    changed = {native[1]: native for native in found}
    for owner in owners:
        try:
            native = owner.verify()
        except ValueError:  # freed meanwhile
            continue
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise
            continue  # its record cannot be read, as was found already
        compared += 1
        if native[3]:
            changed[native[1]] = native
    return Verification(checked, compared, tuple(map(report_of, changed.values())))


@overload
def verify() -> Verification: ...
@overload
def verify(callback: Any) -> Report: ...
def verify(callback: Any = _ALL) -> Report | Verification:
    """Compare a callback, or all of them, with what was asked for when they were made.

    callback is the cffi cdata or the ctypes object that callback() or bind() returned, or that a
    program got after install().  The record that the provider holds, the code of the slot and the
    plan of the signature are compared with what the object that owns the closure knows, the plan
    after it is compiled anew, so a store that redirected the callback is detected and named.
    What else the record points to (the Python objects themselves) is not compared.

    Without an argument, all callbacks of the process that exist are verified, and a Verification is
    returned, with a Report of each that was changed.  Those of this interpreter are compared in
    the same way, unless ``gc.freeze()`` has hidden them.  Of the others, which are callbacks of
    other interpreters and of those that have ended, and trampolines of the backend "context", only
    what trampfd decides itself is: the code of the slot, the entry, the plan and its dispatch.
    Closures of libraries that ``install(libraries=True)`` redirected are made by a library of its
    own, and are not looked at.  A child after fork() may do it, too.  The time is proportional to
    the number of objects that the garbage collector knows, and to the number of callbacks and of
    their arguments; other threads that make callbacks wait for some of it.

    Raises ValueError for anything that is not a callback of trampfd, or one that was freed
    (``ffi.release()``), OSError (ESTALE) when the program closed the descriptor by which a
    "trampfd-user" closure is read (without an argument it is reported as changed: "record"), and
    OSError (ENOMEM) if there is no memory for a plan.
    """
    return _verify_all() if callback is _ALL else report_of(owner_of(callback).verify())
