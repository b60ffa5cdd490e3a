# SPDX-License-Identifier: MIT
"""trampfd.bind(): a C function with one argument fixed, and no Python in the call."""

from __future__ import annotations

import sys

from . import _cffi_signature, _ctypes_signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _ctypes import CFuncPtr
    from typing import Any, Literal, overload

    from _cffi_backend import _CDataBase

if TYPE_CHECKING:

    @overload
    def bind(
        function: CFuncPtr, data: Any, *, position: Literal["first", "last"] = "first"
    ) -> CFuncPtr: ...
    @overload
    def bind(
        function: _CDataBase, data: Any, *, position: Literal["first", "last"] = "first"
    ) -> Any: ...


def bind(function: Any, data: Any, *, position: str = "first") -> Any:
    """Make a C function pointer that calls a C function with one additional argument: `data`.

    This is for C interfaces that call back without user data.  A call does not involve Python and
    takes no lock.

    function
        What to call: a ctypes function with ``argtypes`` set (and ``restype``, where it is not
        int), an instance of a class made by ``CFUNCTYPE``, or a cdata of function type (of
        ``ffi.dlopen()``, ``ffi.addressof(lib, "name")``, ``ffi.cast()``, ``ffi.callback()``).
    data
        The argument, converted now by the rules of ctypes or cffi for its type, which must be
        an integer, a character, a bool or a pointer.  ``bytes`` may stand for a pointer to
        characters or void; C must not write to them.
    position
        ``"first"`` or ``"last"``: which argument of `function` is bound.

    Returns an instance of ``CFUNCTYPE(restype, *other_argtypes)``, or a cdata of the function
    type without that argument.  It keeps `function` and `data` alive; keep it as long as C may
    call the pointer.  A later call ends the process with a message.  A pointer that still exists
    when the interpreter ends can be called, with its data, until the process ends.

    It may be called from any thread.  If all arguments of `function` are passed in registers, a
    call costs a few instructions; otherwise libffi makes it.  The result has the ``restype``,
    ``errcheck`` and errno flag of a ctypes function, too; they apply to calls from Python.

    Raises TypeError if `function` is not a function, or its argument types are not known, if the
    argument is of another type, and if `data` does not fit it (OverflowError if it is too large);
    ValueError for a NULL pointer, a function without arguments, and an unknown position;
    NotImplementedError for a variadic function of cffi, and for types that libffi cannot pass (for
    ctypes RuntimeError, as for a call); ClosureError when every attempt to make a closure fails.
    A variadic function of ctypes is not recognised as such: it is called with the arguments that
    its argtypes name.
    """
    if position not in ("first", "last"):
        raise ValueError(f'position= is "first" or "last", not {position!r}')
    is_last = position == "last"
    if "_ctypes" in sys.modules and isinstance(function, _ctypes_signature.base_class()):
        return _ctypes_signature.bind(function, data, is_last)
    if _cffi_signature.is_cdata(function):
        return _cffi_signature.bind(function, data, is_last)
    raise TypeError(
        "only a ctypes function or a cdata of function type can be bound, not "
        f"{type(function).__name__}; of a compiled cffi module take "
        'ffi.addressof(lib, "name"), of a Python function functools.partial()'
    )
