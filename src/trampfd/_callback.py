# SPDX-License-Identifier: MIT
"""trampfd.callback(): one callback, for cffi or for ctypes."""

from __future__ import annotations

import sys

from . import _cffi_signature, _ctypes_signature, _native
from ._install import installed
from ._owner import owner_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _ctypes import CFuncPtr
    from typing import Any, Callable, Protocol, TypeVar, overload

    from _cffi_backend import CType

    _Pointer = TypeVar("_Pointer", bound=CFuncPtr)
    _Made = TypeVar("_Made", covariant=True)

    class _Decorator(Protocol[_Made]):
        """Its own class, for type checkers that cannot resolve the overload."""

        def __call__(self, function: Callable[..., Any], /) -> _Made: ...


def _is_function_class(value: object) -> bool:
    return (
        isinstance(value, type)
        and "_ctypes" in sys.modules
        and issubclass(value, _ctypes_signature.base_class())
    )


def _cffi_type(type: Any, ffi: Any) -> Any:
    if isinstance(type, str):
        if ffi is None:
            raise TypeError(
                f"a C declaration needs the ffi object that knows its types: "
                f"callback({type!r}, ..., ffi=ffi)"
            )
        if not hasattr(ffi, "typeof"):
            raise TypeError(f"ffi= is a cffi.FFI or a compiled ffi object, not {ffi!r}")
        return _cffi_signature.parse(ffi, type)
    if _cffi_signature.is_ctype(type):
        return type
    raise TypeError(
        "the type of a callback is a cffi ctype, a C declaration with ffi=, or a ctypes class "
        f"made by CFUNCTYPE() or PYFUNCTYPE(), not {type!r}"
    )


# Owners of closures that nobody frees; their callables are dropped at the end of the interpreter.
_permanent: Any = []


def _keeping(make: Callable[..., Any]) -> Callable[..., Any]:
    """As `make`, but the closures are permanent."""

    def make_permanent(function: Callable[..., Any]) -> Any:
        pointer = make(function)
        owner = owner_of(pointer)
        assert isinstance(owner, _native.Closure)
        _permanent.append(owner)
        try:
            owner.make_permanent()
        except OSError:
            _permanent.remove(owner)
            raise
        return pointer

    return make_permanent


if TYPE_CHECKING:

    @overload
    def callback(
        type: type[_Pointer], function: Callable[..., Any], *, permanent: bool = False
    ) -> _Pointer: ...
    @overload
    def callback(
        type: type[_Pointer], function: None = None, *, permanent: bool = False
    ) -> _Decorator[_Pointer]: ...
    @overload
    def callback(
        type: str | CType,
        function: Callable[..., Any],
        error: Any = None,
        onerror: Callable[..., Any] | None = None,
        *,
        ffi: Any = None,
        permanent: bool = False,
    ) -> Any: ...
    @overload
    def callback(
        type: str | CType,
        function: None = None,
        error: Any = None,
        onerror: Callable[..., Any] | None = None,
        *,
        ffi: Any = None,
        permanent: bool = False,
    ) -> _Decorator[Any]: ...


def callback(
    type: Any,
    function: Callable[..., Any] | None = None,
    error: Any = None,
    onerror: Callable[..., Any] | None = None,
    *,
    ffi: Any = None,
    permanent: bool = False,
) -> Any:
    """Make a C function pointer that calls a Python function.

    type
        What C sees: a function type of cffi (``ffi.typeof("int(*)(int)")``), a C declaration
        (``"int(*)(int)"`` or ``"int(int)"``) together with ``ffi=``, or a class made by
        ``ctypes.CFUNCTYPE`` or ``ctypes.PYFUNCTYPE``.
    function
        The callable.  Without it a decorator is returned.
    error, onerror
        For cffi: what C gets after an exception (default: zero), and a function
        ``onerror(exception_class, exception, traceback)`` that is called instead of printing
        the traceback; what it returns, unless None, is given to C.
    ffi
        For a C declaration: the ``cffi.FFI`` or compiled ``ffi`` object that parses it.
    permanent
        Never free the closure: C may call the pointer until the process ends, whatever becomes of
        what is returned (``ffi.release()`` does not free it either), and the function lives as long
        as the interpreter.  With the kernel's providers the record is final: no system call of the
        process or of its children changes where the closure goes.

    Returns a cdata of exactly that type, or an instance of that class.  Unless it is permanent, it
    owns the closure: keep it as long as C may call the pointer.  A later call ends the process with
    a message.  The function may be called from any thread, also from threads that Python did not
    create.

    The cdata is one with a destructor, as from ``ffi.gc()``.  Unlike that of
    ``ffi.callback()`` it is freed at once by ``ffi.release()``, and its repr names the function
    only while install() is in force.

    Raises TypeError for an argument of the wrong type, what cffi raises for a declaration it
    cannot parse, NotImplementedError for a function type that cannot be called back (variadic,
    unions, bit fields, packed structures), OverflowError and the like for an `error` that does
    not fit the result type, and ClosureError (an OSError and MemoryError) when every attempt to
    make a closure fails.  With permanent, OSError is raised when the kernel does not make the
    record final.
    """
    if not isinstance(permanent, bool):
        raise TypeError(f"permanent must be a bool, not {permanent!r}")
    if _is_function_class(type):
        if error is not None or onerror is not None or ffi is not None:
            raise TypeError(
                "error=, onerror= and ffi= are for cffi types; ctypes has no such thing"
            )

        def make(function: Callable[..., Any]) -> Any:
            if _ctypes_signature.has_new(type):
                with installed():
                    return type(function)
            return _ctypes_signature.make(type, function)
    else:
        ctype = _cffi_type(type, ffi)

        def make(function: Callable[..., Any]) -> Any:
            return _cffi_signature.make(ctype, function, error, onerror)

    chosen = _keeping(make) if permanent else make
    return chosen if function is None else chosen(function)
