# SPDX-License-Identifier: MIT
# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""What an enabled Python does when a program first imports ctypes or cffi.

Like _start.py, which runs this text, it is copied, and must work when the package has changed or is
gone.  Whatever goes wrong, the program gets the stock modules.
"""

import _imp
import sys
from _frozen_importlib_external import PathFinder
from _thread import get_ident


class _Early:
    """A finder for what this thread imports: not from the folder of the program's script.

    That comes before the folders that Python had at its start, and programs may have files there
    with the names of modules that trampfd needs, or of trampfd.
    """

    def __init__(self, first_folder):
        self._thread = get_ident()
        self._path = list(sys.path)
        if first_folder and first_folder[0] in self._path:
            del self._path[: self._path.index(first_folder[0])]

    def find_spec(self, name, path=None, target=None):
        if path is not None or get_ident() != self._thread:
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = _ask(finder, name, self._path if finder is PathFinder else None, target)
                if spec is not None:
                    return spec
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _ask(finder, name, path, target):
    """Finders of Python before 3.4 have no find_spec()."""
    find_spec = getattr(finder, "find_spec", None)
    return None if find_spec is None else find_spec(name, path, target)


def _change_finders(added, removed):
    """A new list, as other threads go through the old one; none of them may make one meanwhile."""
    _imp.acquire_lock()
    try:
        sys.meta_path = [*added, *(finder for finder in sys.meta_path if finder is not removed)]
    finally:
        _imp.release_lock()


def install(waiting):
    early = _Early(waiting.first_folder)
    _change_finders([early], None)
    try:
        from trampfd._install import install_at_start

        install_at_start()
    except Exception as error:
        exec(_HOOK_RARE, globals())
        report(error)
    finally:
        _change_finders([], early)


def find_spec(waiting, name, path=None, target=None):
    """For the finder that waited, which is done then."""
    install(waiting)
    _change_finders([], waiting)
    for finder in sys.meta_path:
        spec = _ask(finder, name, path, target)
        if spec is not None:
            return spec
    return None
