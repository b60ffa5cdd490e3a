# SPDX-License-Identifier: MIT
"""What an enabled Python does when a program first imports ctypes or cffi.

A copy like _start.py, which imports it; it must work when trampfd has changed or is gone.  Whatever
goes wrong, the program gets the stock modules.
"""

import _imp
import os
import sys
from _frozen_importlib_external import PathFinder
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _Early:
    """A finder for what this thread imports: not from the folder of the program's script.

    That comes before the folders that Python had at its start, and programs may have files there
    with the names of modules that trampfd needs, or of trampfd.
    """

    def __init__(self, first_folder: "list[str]") -> None:
        self._thread = get_ident()
        self._path = list(sys.path)
        if first_folder and first_folder[0] in self._path:
            del self._path[: self._path.index(first_folder[0])]

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec|None":
        if path is not None or get_ident() != self._thread:
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = _ask(finder, name, self._path if finder is PathFinder else None, target)
                if spec is not None:
                    return spec
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _ask(finder: object, name: str, path: object, target: object) -> "ModuleSpec|None":
    """Finders of Python before 3.4 have no find_spec()."""
    find_spec = getattr(finder, "find_spec", None)
    return None if find_spec is None else find_spec(name, path, target)


def _change_finders(added: "list[_Early]", removed: object) -> None:
    """A new list, as other threads go through the old one; none of them may make one meanwhile."""
    _imp.acquire_lock()
    try:
        sys.meta_path = [*added, *(finder for finder in sys.meta_path if finder is not removed)]
    finally:
        _imp.release_lock()


def _install(waiting: "ModuleType") -> None:
    early = _Early(waiting.first_folder)
    _change_finders([early], None)
    try:
        from trampfd._install import install_at_start

        install_at_start()
    except Exception as error:
        _report(error, waiting.is_needed)
    finally:
        _change_finders([], early)


def _release_import_lock() -> int:
    """Returns how often this thread held it."""
    _imp.acquire_lock()  # before CPython 3.13 there is no lock until somebody acquires it
    times = -1
    try:
        while True:
            _imp.release_lock()
            times += 1
    except RuntimeError:
        return times


def find_spec(waiting: "ModuleType", name: str, path: object, target: object) -> "ModuleSpec|None":
    """For the finder that waited, which is done then.

    Python may ask finders under the lock of all imports.  To install trampfd may mean to wait for a
    module that another thread imports, and that thread may wait for the same lock.
    """
    times = _release_import_lock()
    try:
        _install(waiting)
    finally:
        for _ in range(times):
            _imp.acquire_lock()
    _change_finders([], waiting)
    for finder in sys.meta_path:
        spec = _ask(finder, name, path, target)
        if spec is not None:
            return spec
    return None


def _is_privileged() -> bool:
    """As secure_getenv(3) decides it: by the word that the kernel gives each program."""
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return True
    try:
        with open("/proc/self/auxv", "rb") as file:
            words = memoryview(file.read()).cast("P").tolist()
    except PermissionError:
        return True  # it is root's in programs that gained rights
    except OSError:
        return False
    at_secure = 23
    return bool(dict(zip(words[::2], words[1::2])).get(at_secure))


def is_disabled() -> bool:
    """Is TRAMPFD_DISABLE set?  It does not count in privileged programs."""
    return os.environ.get("TRAMPFD_DISABLE", "0") not in ("", "0") and not _is_privileged()


def _is_main_interpreter() -> bool:
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
        except ImportError:
            return True
    return bool(interpreters.get_current() == interpreters.get_main())


def _advice(is_needed: bool) -> str:
    if is_needed:
        return f"`trampfd run --harden`, which started {sys.executable}, may refuse stock ones"
    files = [os.path.join(folder, "trampfd-enable.pth") for folder in sys.path]
    files = [file for file in files if os.path.exists(file)]
    remove = f", or remove {' and '.join(files)}" if files else ""
    return f"`trampfd disable` ends this message{remove}"


def _report(error: Exception, is_needed: bool) -> None:
    if isinstance(error, ModuleNotFoundError) and error.name == "trampfd" and not is_needed:
        return  # uninstalled
    if sys.stderr is None or not _is_main_interpreter():
        return  # trampfd is for the main interpreter
    try:  # contextlib could be a file of the program's
        print(
            "trampfd: ctypes and cffi callbacks are not redirected: "
            f"{type(error).__name__}: {error} ({_advice(is_needed)})",
            file=sys.stderr,
        )
    except (OSError, ValueError):
        return  # closed: nobody to tell


def start(waiting: "ModuleType", modules: "Iterable[str]") -> None:
    """At the start, where there is more to do than to wait."""
    if is_disabled():
        return
    if any(name in sys.modules for name in modules):
        _install(waiting)
    else:
        sys.meta_path.insert(0, waiting)
