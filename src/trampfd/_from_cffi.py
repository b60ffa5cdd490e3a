# SPDX-License-Identifier: MIT
"""Function types of cffi: from a ctype, or a C declaration, to a signature and a cdata.

Only what cffi documents is used: the attributes of ctype objects, ``cast``, ``gcp`` (the
function behind ``ffi.gc``) and the exported C interface.
"""

from __future__ import annotations

import weakref
from typing import Any, Callable

from . import _native

_signatures: weakref.WeakKeyDictionary[Any, _native.Signature] = weakref.WeakKeyDictionary()
_bound: Any = None


def _backend() -> Any:
    """The module _cffi_backend, which any ctype that exists has loaded."""
    global _bound
    if _bound is None:
        import _cffi_backend

        _native.bind_cffi(_cffi_backend)
        _bound = _cffi_backend
    return _bound


def is_ctype(value: object) -> bool:
    return type(value).__name__ == "CType" and type(value).__module__ == "_cffi_backend"


def parse(ffi: Any, declaration: str) -> Any:
    """The function pointer type that a C declaration names, parsed by this ffi object.

    ``int(*)(int)`` and ``int(int)`` mean the same, as for ``ffi.callback()``: C adjusts a
    parameter of function type to a pointer.  Raises what ``ffi.typeof()`` raises.
    """
    try:
        arguments = ffi.typeof(f"void(*)({declaration})").args
    except Exception:
        ffi.typeof(declaration)  # the message then speaks of what the caller wrote
        raise
    if len(arguments) != 1:
        return ffi.typeof(declaration)
    return arguments[0]


_FLOATS = {"float": "f4", "double": "f8", "long double": "f16"}
_COMPLEX = {"float _Complex": "c8", "double _Complex": "c16"}


def _is_signed(ctype: Any) -> bool:
    return int(_backend().cast(ctype, -1)) < 0


def _scalar(ctype: Any, size: int) -> str:
    name = ctype.cname
    if name in _FLOATS:
        return _FLOATS[name]
    if name in _COMPLEX:
        return _COMPLEX[name]
    if name in ("char", "wchar_t", "char16_t", "char32_t", "_Bool"):
        return f"u{size}"
    return f"{'i' if _is_signed(ctype) else 'u'}{size}"


def _layout(ctype: Any) -> Any:
    """See _native.Signature; arrays inside structures are repeated fields."""
    kind = ctype.kind
    if kind == "void":
        return "v"
    if kind in ("pointer", "function", "array"):
        return "p"
    size = _backend().sizeof(ctype)
    if kind != "struct":
        return _scalar(ctype, size)
    elements: list[Any] = []
    for _, field in ctype.fields:
        repeat, element = 1, field.type
        while element.kind == "array":
            repeat *= element.length
            element = element.item
        elements += [_layout(element)] * repeat
    return size, _backend().alignof(ctype), tuple(elements)


def _size(ctype: Any) -> int:
    return 0 if ctype.kind == "void" else int(_backend().sizeof(ctype))


def _argument(ctype: Any) -> tuple[Any, Any, int, str]:
    return ctype, _layout(ctype), _size(ctype), "x"


def _result(ctype: Any) -> tuple[Any, Any, int, str]:
    """How a narrow result fills libffi's ffi_arg, see _native/cffi.c."""
    layout = _layout(ctype)
    size = _size(ctype)
    if layout == "v":
        code = "v"
    elif size >= 8 or layout == "f4" or not isinstance(layout, str) or layout[0] == "c":
        code = "x"
    elif layout[0] == "i" and ctype.kind == "primitive":
        code = "s"
    else:
        code = "z"
    return ctype, layout, size, code


def _is_callable_by_value(ctype: Any) -> bool:
    """Can cffi itself call a function of this type through libffi?

    Where it cannot (variadic, bit fields, packed or partial structures, unions, complex
    numbers), its calls go another way, and then complain of missing arguments with other
    words: "expects at least".  The address is never called, as the number of arguments is
    always wrong.
    """
    probe = _backend().cast(ctype, 1)
    try:
        probe(*([] if ctype.args else [None]))
    except TypeError as error:
        return " expects " in str(error) and " at least " not in str(error)
    except Exception:
        return False
    raise AssertionError(f"cffi called {ctype} with a wrong number of arguments")


def _signature(ctype: Any) -> _native.Signature:
    if ctype.ellipsis or not _is_callable_by_value(ctype):
        raise NotImplementedError(
            f"{ctype.cname}: callback with unsupported argument or return type or with '...'"
        )
    arguments = tuple(_argument(argument) for argument in ctype.args)
    return _native.Signature("cffi", ctype.abi, 0, _result(ctype.result), arguments)


def make(
    ctype: Any, function: Callable[..., Any], error: Any, onerror: Callable[..., Any] | None
) -> Any:
    """A cdata of type `ctype` that owns a closure; errors as those of ffi.callback()."""
    backend = _backend()
    if ctype.kind != "function":
        raise TypeError(f"expected a function ctype, got '{ctype.cname}'")
    if not callable(function):
        raise TypeError(f"expected a callable object, not {type(function).__name__:.200}")
    if onerror is not None and not callable(onerror):
        raise TypeError(
            f"expected a callable object for 'onerror', not {type(onerror).__name__:.200}"
        )
    signature = _signatures.get(ctype)
    if signature is None:
        signature = _signatures[ctype] = _signature(ctype)
    closure = _native.Closure(signature, function, error, onerror)
    return backend.gcp(closure.cdata(ctype), closure)
