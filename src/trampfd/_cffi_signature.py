# SPDX-License-Identifier: MIT
"""Function types of cffi: from a ctype, or a C declaration, to a signature and a cdata.

Only what cffi documents is used: the attributes of ctype objects, ``cast``, ``gcp`` (the
function behind ``ffi.gc``) and the exported C interface.
"""

import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable
else:
    Any = object

_bound: Any = None


def _backend() -> Any:
    """The module _cffi_backend, which any ctype that exists has loaded."""
    global _bound
    if _bound is None:
        # An import may wait for another thread, which waits for the lock that our caller may hold.
        backend = sys.modules.get("_cffi_backend") or __import__("_cffi_backend")
        _native.init_cffi(backend, _parameters, _make_signature, _sample(backend))
        _bound = backend
    return _bound


def _sample(backend: Any) -> "tuple[Any, Any, int, Any, Any]":
    """A cdata with a destructor, and what it was made of; see _native/cffi_make.c."""
    address = 0x10
    pointer = backend.new_pointer_type(backend.new_void_type())
    origin = backend.cast(pointer, address)
    return backend.gcp(origin, id), pointer, address, origin, id


def is_ctype(value: object) -> bool:
    return type(value).__name__ == "CType" and type(value).__module__ == "_cffi_backend"


def parse(ffi: Any, declaration: str) -> Any:
    """The function pointer type that a C declaration names, parsed by this ffi object.

    ``int(*)(int)`` and ``int(int)`` mean the same, as for ``ffi.callback()``.  Raises what that
    or ``ffi.typeof()`` raises.
    """
    if isinstance(ffi, _backend().FFI):
        # Without a function this makes no callback but a decorator, bound to (ctype, ...).
        return ffi.callback(declaration).__self__[0]
    try:
        return ffi.typeof(declaration)
    except Exception:
        pointer = _as_parameter(ffi, declaration)
        if pointer is None:
            raise
        return pointer


def _as_parameter(ffi: Any, declaration: str) -> Any:
    """C adjusts a parameter of function type to a pointer: that one, None for other types."""
    try:
        function = ffi.typeof(f"void(*)({declaration})")
    except Exception:
        return None
    return function.args[0] if len(function.args) == 1 else None


_FLOATS = {"float": "f4", "double": "f8", "long double": "f16"}
_CHARACTERS = ("char", "wchar_t", "char16_t", "char32_t")
_COMPLEX = {"float _Complex": "c8", "double _Complex": "c16"}


def _is_signed(ctype: Any) -> bool:
    return int(_backend().cast(ctype, -1)) < 0


def _scalar(ctype: Any, size: int) -> str:
    name = ctype.cname
    if name in _FLOATS:
        return _FLOATS[name]
    if name in _COMPLEX:
        return _COMPLEX[name]
    if name in _CHARACTERS or name == "_Bool":
        return f"u{size}"
    return f"{'i' if _is_signed(ctype) else 'u'}{size}"


def _layout(ctype: Any) -> Any:
    """See _native.Parameter; arrays inside structures are repeated fields."""
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


_NUMBERS = {
    "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
    "f4": "f", "f8": "d", "f16": "g", "v": "v",
}  # fmt: skip
_OTHERS = {"char": "c", "_Bool": "?"}


def _code(ctype: Any, layout: Any) -> str:
    """The letter of what is converted without cffi, "x" for all else; see _native/cffi.c."""
    if ctype.kind not in ("primitive", "void"):
        return "s" if ctype.kind == "struct" else "x"
    if ctype.cname in _CHARACTERS or ctype.cname == "_Bool":
        return _OTHERS.get(ctype.cname, "x")
    return _NUMBERS.get(layout, "x")


_KEPT = 1024  # entries of a cache, which is emptied then

_parameters: "dict[Any, _native.Parameter]" = {}  # numbers and pointers, as any function may have


def _is_number_or_pointer(ctype: Any) -> bool:
    return ctype.kind in ("pointer", "function", "enum", "void") or (
        ctype.kind == "primitive" and "_Complex" not in ctype.cname
    )


def _parameter(ctype: Any) -> _native.Parameter:
    """An argument or a result."""
    parameter = _parameters.get(ctype)
    if parameter is not None:
        return parameter
    layout = _layout(ctype)
    parameter = _native.Parameter("cffi", ctype, layout, _size(ctype), _code(ctype, layout))
    if _is_number_or_pointer(ctype):
        if len(_parameters) >= _KEPT:
            _parameters.clear()
        _parameters[ctype] = parameter
    return parameter


def _is_callable_by_value(ctype: Any) -> bool:
    """Can cffi itself call a function of this type through libffi?

    Where it cannot (variadic, bit fields, packed or partial structures, unions, complex
    numbers), its calls do not use libffi, and then report missing arguments in other words:
    "expects at least".  The address is never called, as the number of arguments is
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


def _make_signature(ctype: Any) -> _native.Signature:
    """Called for what _native/cffi_signature.c does not make of _parameters."""
    args, result = ctype.args, ctype.result
    is_simple = all(map(_is_number_or_pointer, (*args, result)))
    if ctype.ellipsis or not (is_simple or _is_callable_by_value(ctype)):
        raise NotImplementedError(
            f"{ctype.cname}: callback with unsupported argument or return type or with '...'"
        )
    return _native.Signature(ctype.abi, 0, _parameter(result), tuple(map(_parameter, args)))


def make(
    ctype: Any, function: "Callable[..., Any]", error: Any, onerror: "Callable[..., Any] | None"
) -> Any:
    """A cdata of type `ctype` that owns a closure; errors as those of ffi.callback()."""
    _backend()
    return _native.make_cffi(ctype, function, error, onerror)


def owner_type() -> Any:
    """The type of the cdata that make() gives, those that have a destructor."""
    return type(_sample(_backend())[0])


def is_cdata(value: object) -> bool:
    return "_cffi_backend" in sys.modules and isinstance(value, _backend().FFI.CData)


def _bound_argument(ctype: Any, data: Any) -> "tuple[int, Any]":
    """The word that a C function gets as an argument of this type, and what keeps it valid."""
    backend = _backend()
    layout = _layout(ctype)
    if layout != "p" and layout not in _INTEGERS:
        raise TypeError(
            "only an integer, a character, a bool or a pointer can be bound, "
            f"and the argument is of type '{ctype.cname}'"
        )
    if data is None:
        hint = " (use ffi.NULL)" if layout == "p" else ""
        raise TypeError(f"expected '{ctype.cname}', got None{hint}")
    if isinstance(data, bytes) and ctype.kind == "pointer" and ctype.item.cname in _BYTES:
        characters = backend.new_array_type(_pointer_to("char"), None)
        data = backend.cast(ctype, backend.from_buffer(characters, data))
    try:
        value = backend.newp(backend.new_pointer_type(ctype), data)
    except (TypeError, OverflowError) as error:
        raise type(error)(f"cannot convert {data!r} to '{ctype.cname}': {error}") from error
    word = bytes(backend.buffer(value))
    return int.from_bytes(word, sys.byteorder, signed=layout.startswith("i")), data


_INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
_BYTES = ("char", "signed char", "unsigned char", "void")  # what bytes may be passed as


def _pointer_to(name: str) -> Any:
    return _backend().new_pointer_type(_backend().new_primitive_type(name))


def bind(function: Any, data: Any, is_last: bool) -> Any:
    """A cdata of the function's type without its first or last argument; see _bind.py."""
    backend = _backend()
    ctype = backend.typeof(function)
    if ctype.kind != "function":
        raise TypeError(f"only a function can be bound, not a cdata of type '{ctype.cname}'")
    if ctype.ellipsis:
        raise NotImplementedError(
            f"'{ctype.cname}' is variadic: cast it to the type of one call, without '...'"
        )
    if not ctype.args:
        raise ValueError(f"'{ctype.cname}' takes no argument that could be bound")
    address = int(backend.cast(backend.new_primitive_type("uintptr_t"), function))
    if not address:
        raise ValueError(f"cannot bind a NULL pointer of type '{ctype.cname}'")
    word, kept = _bound_argument(ctype.args[-1 if is_last else 0], data)
    others = ctype.args[:-1] if is_last else ctype.args[1:]
    owner = _native.Bound(
        _native.cffi_signature(ctype), address, word, is_last, ctype.cname, (function, data, kept)
    )
    pointer = backend.new_function_type(others, ctype.result, False, ctype.abi)
    return backend.gcp(owner.cdata(pointer), owner)
