# SPDX-License-Identifier: MIT
"""install() and uninstall(): every callback of the process through trampfd.

Modules that are already loaded are redirected immediately, the others when they are imported, by
a finder that is first on ``sys.meta_path``.

An enabled Python imports this file and its dependencies in programs that do not know of it.  So it
uses only those modules of the standard library that are built in or that every Python has loaded:
others take time, and a file of the program may have the same name.
"""

import _imp
import sys
from _thread import RLock
from _thread import _local as Local

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader, MetaPathFinder
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable
else:
    Any = Loader = MetaPathFinder = object

_lock = RLock()  # guards what follows, and what is redirected
_installed = False  # by install()
_blocks: set[object] = set()  # of installed(), entered and not left
_in_force = False  # everything is redirected
_is_for_all = False  # install_for_all() was called
_at_start = False  # the first to install was install_at_start()


def _redirect_cffi(backend: "ModuleType") -> None:
    from . import _cffi_signature

    try:
        decorator = backend.FFI().callback("void(void)")
        _native.redirect_cffi(
            backend.callback,
            backend.FFI.callback,
            backend.FFI.typeof,
            decorator,
            backend.CType,
            _cffi_signature.owner_type(),
        )
    except (AttributeError, TypeError) as error:
        raise RuntimeError(
            "this version of cffi declares ffi.callback in a way that trampfd does not know; "
            f"use trampfd.callback() instead of install() ({error})"
        ) from error


def _redirect_ctypes(_: "ModuleType") -> None:
    from . import _ctypes_signature

    _ctypes_signature.redirect()


def _restore_ctypes() -> None:
    """What was never redirected need not be loaded to be restored."""
    ctypes_signature = sys.modules.get(f"{__package__}._ctypes_signature")
    if ctypes_signature is not None:
        ctypes_signature.restore()


_redirections: "dict[str, Callable[[ModuleType], None]]" = {
    "_cffi_backend": _redirect_cffi,
    "_ctypes": _redirect_ctypes,
}


# What Python programs make subinterpreters with: with 3.13 and later, and before.
_MAKE_INTERPRETERS = ("_interpreters", "_xxsubinterpreters")


def _redirect_module(module: "ModuleType") -> None:
    """Needs the lock.  Programs that have not asked for trampfd go on with the stock module."""
    try:
        _redirections[module.__name__](module)
    except (RuntimeError, ImportError) as error:
        if not _at_start:
            raise
        print(f"trampfd: {module.__name__} is not redirected: {error}", file=sys.stderr)


class _RedirectingLoader(Loader):
    """Loads a module as its own loader does, then redirects it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        """What else the loader offers: get_filename(), path, ..."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        return self._loader.create_module(spec)

    def exec_module(self, module: "ModuleType") -> None:
        assert module.__spec__ is not None
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        with _lock:
            if _in_force:
                _redirect_module(module)


class _Finder(MetaPathFinder):
    """Lets the other finders find; gives their result a loader that redirects."""

    def __init__(self) -> None:
        self._searching = Local()

    def find_spec(
        self, name: str, path: "Sequence[str] | None", target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if _is_for_all and name in _MAKE_INTERPRETERS:
            _native.serve_subinterpreters()
        if name not in _redirections or getattr(self._searching, "active", False):
            return None
        self._searching.active = True
        try:
            for finder in list(sys.meta_path):
                find_spec = None if finder is self else getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find_spec(name, path, target) if find_spec else None
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _RedirectingLoader(spec.loader)
                    return spec
        finally:
            self._searching.active = False
        return None


_finder = _Finder()


def _reserve_asked_for() -> None:
    """Programs that have not asked for trampfd go on without a reservation."""
    try:
        _native.reserve_asked_for()
    except _native.ClosureError as error:
        if not _at_start:
            raise
        print(f"trampfd: {error.strerror}", file=sys.stderr)


def _loaded() -> list[str]:
    """The modules to redirect immediately.  Waits for modules that another thread is importing; the
    lock must not be held, because that import takes it at its end."""
    names = [name for name in _redirections if sys.modules.get(name) is not None]
    for name in names:
        __import__(name)
    return names


def _redirect(loaded: list[str]) -> None:
    """Needs the lock."""
    global _in_force
    if _in_force:
        return
    _in_force = True
    try:
        for name in loaded:
            _redirections[name](sys.modules[name])
    except BaseException:
        _restore()
        raise
    _change_finders([_finder])


def _change_finders(added: "list[MetaPathFinder]") -> None:
    """Set our finders on sys.meta_path.  The list is a new one, because other threads may be
    iterating over the old one.  _cli/_hook.py takes the same lock, so that no change is lost."""
    _imp.acquire_lock()
    try:
        sys.meta_path = [*added, *(finder for finder in sys.meta_path if finder is not _finder)]
    finally:
        _imp.release_lock()


def _restore() -> None:
    """Needs the lock."""
    global _in_force
    _in_force = False
    _change_finders([])
    _native.restore_cffi()
    _restore_ctypes()


def _warn_without_slots() -> None:
    """Programs that have not asked for trampfd go on without a word."""
    if not (_at_start or _is_for_all):
        import warnings

        warnings.warn(
            "trampfd has no static table for this architecture: callbacks stay with stock libffi",
            RuntimeWarning,
            stacklevel=3,
        )


def install(*, libraries: bool = False, seal: bool = False) -> None:
    """Send every callback made from now on in this process through trampfd.

    That is every ``ffi.callback()`` (of ``cffi.FFI()``, of compiled ffi objects, as decorator,
    through references taken earlier) and every instance of a ctypes function pointer class that is
    made from a callable (of classes made before and after).  Existing callbacks are not changed.
    cffi and ctypes may be imported before or after.  Calling it again has no effect.

    Only this interpreter is affected: a subinterpreter that wants it calls install() itself.

    With ``libraries=True``, the libraries that are loaded now and use a shared libffi, such as
    that of PyGObject, are redirected, too: the functions that they import to make closures lead to
    the library of ``trampfd preload``.  Call it again after more of them were loaded, and before
    these free closures that others made.  trampfd.status() shows what was redirected.

    With ``seal=True``, which cannot be taken back, no store of this process, and of its children,
    changes where a callback goes: records are in memory that the process can only read.  Calls cost
    the same; to make and to drop a callback take two system calls and more.  Ask for it before the
    first callback is made.  TRAMPFD_SEAL=1 in the environment does the same for whole programs, and
    for the library of ``trampfd preload``.

    The first call also makes the reservation that the environment variable TRAMPFD_RESERVE asks
    for, see reserve().

    Raises TypeError for a value of `libraries` or `seal` that is not a bool, OSError if libraries
    cannot be redirected, RuntimeError for a version of cffi that cannot be redirected, and for
    `seal` if callbacks with other records were made or reserved already, and ClosureError if
    TRAMPFD_RESERVE is not a number or so many callbacks cannot be reserved.  Nothing is changed in
    these cases, but what was sealed or reserved stays so.

    On a CPU for which trampfd has no slots, a RuntimeWarning says so and nothing is changed.
    """
    global _installed
    for name, value in (("libraries", libraries), ("seal", seal)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be a bool, not {value!r}")
    if not _native.HAS_SLOTS:
        _warn_without_slots()
        return
    loaded = _loaded()
    if seal:
        _native.seal()
    if not _installed:
        _reserve_asked_for()
    if libraries:
        from . import _libraries

        _libraries.redirect()
    try:
        with _lock:
            _redirect(loaded)
            _installed = True
    except RuntimeError:
        if libraries:
            _libraries.restore()
        raise


def install_at_start() -> None:
    """install() for programs that do not know of it, see _cli/_hook.py: a version of cffi that
    cannot be redirected is reported on standard error when the program imports it, and so is a
    reservation that cannot be made."""
    global _at_start
    _at_start = _at_start or not _installed
    install()


def install_for_all() -> None:
    """install() for `trampfd run`, which serves the subinterpreters that the program makes, too; in
    an enabled Python each of them runs _cli/_start.py."""
    global _is_for_all
    _is_for_all = True
    install()


def uninstall() -> None:
    """Undo install().  Callbacks made by trampfd stay valid and are freed by trampfd.

    It also ends the open blocks of installed().

    Libraries make stock closures again.  The functions that they import to prepare and free
    closures stay redirected, because closures made by trampfd may still exist; stock closures are
    forwarded to libffi.  Raises OSError for libraries that cannot be restored, after everything
    else is undone.
    """
    global _installed, _at_start
    with _lock:
        _installed = _at_start = False
        _blocks.clear()
        _restore()
    from . import _libraries

    _libraries.restore()


def is_installed() -> bool:
    """Whether trampfd makes callbacks now, after install() or inside a block of installed()."""
    return _in_force


class installed:
    """``with trampfd.installed():`` has the effect of install() for the duration of the block.

    It affects all threads of the process.  Blocks may overlap; the end of the last one undoes it,
    unless install() was called before or meanwhile.
    """

    def __init__(self) -> None:
        self._open: list[object] = []  # blocks of this object, which may be entered again

    def __enter__(self) -> None:
        block = object()
        if not _native.HAS_SLOTS:
            _warn_without_slots()
            self._open.append(block)
            return
        loaded = _loaded()
        with _lock:
            _redirect(loaded)
            _blocks.add(block)
        self._open.append(block)

    def __exit__(self, *error: object) -> None:
        with _lock:
            _blocks.discard(self._open.pop())
            if not _blocks and not _installed:
                _restore()
