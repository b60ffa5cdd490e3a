# SPDX-License-Identifier: MIT
"""Function pointer classes of ctypes: from a class to a signature and an instance."""

import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable
else:
    Any = object

_bound: Any = None

_WORD = 8 if sys.maxsize > 2**32 else 4  # bytes of a pointer, and of a long

# The `_type_` letter of a simple type and its C type.  Letters that the extension does not
# convert itself are converted by ctypes, through `.value`.
_SCALARS = {
    "c": "i1", "b": "i1", "B": "u1", "?": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4",
    "l": f"i{_WORD}", "L": f"u{_WORD}", "q": "i8", "Q": "u8", "f": "f4", "d": "f8", "g": "f16",
    "u": "i4", "P": "p", "z": "p", "Z": "p", "O": "p", "F": "c8", "D": "c16", "G": "c32",
}  # fmt: skip


_COMPLEX = {"Zf": "F", "Zd": "D", "Zg": "G"}  # since Python 3.15

_SIGNATURE = "_trampfd_signature_"

_redirected = False  # redirect() is in force; guarded by its caller's lock


def _ctypes() -> Any:
    """The module _ctypes, which any class that exists has loaded."""
    global _bound
    if _bound is None:
        # An import may wait for another thread, which waits for the lock that our caller may hold.
        module = sys.modules.get("_ctypes") or __import__("_ctypes")
        _native.init_ctypes(module, _signature_of)
        _bound = module
    return _bound


def base_class() -> Any:
    """The class of all function pointers, ``_ctypes.CFuncPtr``."""
    return _ctypes().CFuncPtr


def _is_data(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, _ctypes()._SimpleCData.__mro__[1])


def _is_simple(cls: Any) -> bool:
    return _is_data(cls) and issubclass(cls, _ctypes()._SimpleCData)


def _letter(cls: Any) -> str:
    """Of a simple type; complex numbers have had two."""
    letter = str(cls._type_)
    return _COMPLEX.get(letter, letter)


def _is_swapped(cls: Any) -> bool:
    """Of the other byte order; types of one byte are of both."""
    native, other = "__ctype_le__", "__ctype_be__"
    if sys.byteorder == "big":
        native, other = other, native
    return getattr(cls, other, None) is cls and getattr(cls, native, None) is not cls


def _code(cls: Any) -> str:
    """See _native/ctypes.c."""
    if not _is_data(cls):
        return "!"
    if _is_open(cls):
        return "~"
    if not _is_simple(cls) or cls.__base__ is not _ctypes()._SimpleCData:
        return "*"
    return "=" if _is_swapped(cls) else _letter(cls)


def _fields(cls: Any) -> "Iterator[tuple[Any, ...]]":
    """The entries of _fields_, those of base classes first."""
    for base in reversed(cls.__mro__):
        yield from base.__dict__.get("_fields_", ())


def _is_aggregate(cls: Any) -> bool:
    return issubclass(cls, (_ctypes().Structure, _ctypes().Union))


def _is_plain(cls: Any) -> bool:
    """A structure without unions and bit fields: libffi places its members as C does."""
    if issubclass(cls, _ctypes().Array):
        return _is_plain(cls._type_)
    if not _is_aggregate(cls):
        return True
    return not issubclass(cls, _ctypes().Union) and all(
        len(field) == 2 and _is_plain(field[1]) for field in _fields(cls)
    )


def _members(cls: Any) -> "tuple[Any, ...]":
    """Layouts of the members in their order; arrays are repeated members."""
    members: list[Any] = []
    for field in _fields(cls):
        repeat, member = 1, field[1]
        while issubclass(member, _ctypes().Array):
            repeat *= member._length_
            member = member._type_
        members += [_layout(member)] * repeat
    return tuple(members)


def _scalars(cls: Any, offset: int) -> "Iterator[tuple[int, str]]":
    """Offset and layout of every scalar inside; members of unions overlap."""
    if issubclass(cls, _ctypes().Array):
        for i in range(cls._length_):
            yield from _scalars(cls._type_, offset + i * _ctypes().sizeof(cls._type_))
    elif _is_aggregate(cls):
        for name, member, *_ in _fields(cls):
            yield from _scalars(member, offset + getattr(cls, name).offset)
    else:
        yield offset, _layout(cls)


def _layout(cls: Any) -> Any:
    """See _native.Parameter."""
    if not _is_data(cls):
        return "i4"
    if _is_simple(cls):
        return _SCALARS[_letter(cls)]
    if _is_aggregate(cls):
        elements = _members(cls) if _is_plain(cls) else tuple(_scalars(cls, 0))
        return _ctypes().sizeof(cls), _ctypes().alignment(cls), elements
    return "p"


_STANDARD = "ctypes"  # the module whose classes are there for good

_arguments: "dict[Any, _native.Parameter]" = {}  # of standard classes
_results: "dict[Any, _native.Parameter]" = {}


def _parameter(cls: Any, layout: Any, size: int, code: str) -> _native.Parameter:
    return _native.Parameter("ctypes", cls, layout, size, code)


def _argument(cls: Any) -> _native.Parameter:
    found = _arguments.get(cls)
    if found is not None:
        return found
    code = _code(cls)  # before the layout: another thread may set the class's fields meanwhile
    layout = _layout(cls)
    size = _WORD if layout == "p" or not _is_data(cls) else _ctypes().sizeof(cls)
    parameter = _parameter(cls, layout, size, code)
    if _is_simple(cls) and cls.__module__ == _STANDARD:
        _arguments[cls] = parameter
    return parameter


def _result(cls: Any) -> _native.Parameter:
    found = _results.get(cls)
    if found is not None:
        return found
    if cls is None:
        return _parameter(None, "v", 0, "v")
    if not _is_simple(cls):
        raise TypeError("invalid result type for callback function")
    code = "=" if _is_swapped(cls) else _letter(cls)
    parameter = _parameter(cls, _layout(cls), _ctypes().sizeof(cls), code)
    if cls.__module__ == _STANDARD:
        _results[cls] = parameter
    return parameter


def _has_own_fields(cls: Any) -> bool:
    return "_fields_" in cls.__dict__


def _is_open(cls: Any) -> bool:
    """May it still get fields, in addition to inherited ones?  Once it has its own, ctypes refuses
    others, also for the classes of its fields and for its base classes.
    """
    return isinstance(cls, type) and _is_aggregate(cls) and not _has_own_fields(cls)


def _signature_of(cls: Any) -> _native.Signature:
    """Kept by the class itself, so that the two are collected together; with the argument types
    that were open, because the signature is another one when they have got their fields.  Where
    there are none, _native/ctypes_make.c finds it without this function."""
    kept: tuple[Any, ...] | None = cls.__dict__.get(_SIGNATURE)
    if kept is None or any(map(_has_own_fields, kept[1:])):
        kept = _signature(cls)
        type.__setattr__(cls, _SIGNATURE, kept)
    signature: _native.Signature = kept[0]
    return signature


def _signature(cls: Any) -> "tuple[Any, ...]":
    """What ctypes fixed when the class was made: an instance shows it, the class's attributes
    may have been changed since."""
    base = base_class()
    prototype = None if cls is base else base.__new__(cls)
    if prototype is None or prototype.argtypes is None:
        raise TypeError("cannot construct instance of this class: no argtypes")
    argtypes = prototype.argtypes
    open_types = [argument for argument in argtypes if _is_open(argument)]
    arguments = tuple(_argument(argument) for argument in argtypes)
    result = _result(prototype.restype)
    renew = (lambda: _signature_of(cls),) if open_types else ()
    signature = _native.Signature(-1, cls._flags_, result, arguments, *renew)
    return signature, *open_types


def has_new(cls: Any) -> bool:
    """Does a class have its own ``__new__``, which in the end calls that of _ctypes.CFuncPtr?"""
    return cls.__new__ is not base_class().__new__


def make(cls: Any, function: "Callable[..., Any]") -> Any:
    """What ``cls(function)`` gives for a class that has no ``__new__`` of its own."""
    _ctypes()
    instance = _native.make_ctypes(cls, function)
    instance.__init__(function)
    return instance


def _derived_classes(cls: Any) -> "Iterator[Any]":
    yield cls
    for derived in type.__subclasses__(cls):
        yield from _derived_classes(derived)


def redirect() -> None:
    """Let all classes, those made before and after, make trampfd's callbacks."""
    global _redirected
    _redirected = True
    for cls in _derived_classes(base_class()):
        _native.redirect_new(cls)
    _native.activate_new(True)


def restore() -> None:
    """Undo redirect(); without it, _ctypes need not even be loaded."""
    global _redirected
    if not _redirected:
        return
    _redirected = False
    _native.activate_new(False)
    for cls in _derived_classes(base_class()):
        _native.restore_new(cls)


_FLAG_PYTHONAPI, _FLAG_USE_ERRNO, _FLAG_USE_LASTERROR = 0x4, 0x8, 0x10

_INTEGERS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")


def _value(cls: Any) -> _native.Parameter:
    """The signature item of a type in a function that is called, not in a callback."""
    return _parameter(cls, _layout(cls), _ctypes().sizeof(cls), "*")


def _called_signature(function: Any) -> _native.Signature:
    """Of a function that C calls as its argtypes and its restype say.  A restype that is
    neither a type nor None is a function that gets an int."""
    for index, cls in enumerate(function.argtypes):
        if not _is_data(cls):
            raise TypeError(f"argtypes[{index}] is not a ctypes type: {cls!r}")
    restype = function.restype
    if _is_data(restype):
        result = _value(restype)
    elif restype is None:
        result = _parameter(None, "v", 0, "v")
    else:
        result = _parameter(restype, "i4", 4, "*")
    return _native.Signature(-1, 0, result, tuple(map(_value, function.argtypes)))


def _referent(value: Any) -> Any:
    """What byref() refers to, which the garbage collector cannot see through it."""
    return value._obj if type(value).__name__ == "CArgObject" else value


def _bound_argument(cls: Any, data: Any) -> "tuple[int, tuple[Any, ...]]":
    """The word that a C function gets as an argument of this class, and what keeps it valid.

    ctypes itself passes it, to a C function that returns it."""
    import ctypes

    layout = _layout(cls)
    if layout != "p" and layout not in _INTEGERS:
        raise TypeError(
            "only an integer, a character, a bool or a pointer can be bound, "
            f"and the argument is of type {cls.__name__}"
        )
    try:
        converted = cls.from_param(data)
    except (TypeError, OverflowError) as error:
        raise type(error)(f"cannot convert {data!r} to {cls.__name__}: {error}") from error
    identity = ctypes.CFUNCTYPE(ctypes.c_size_t)(_native.identity())
    return identity(converted), (_referent(data), _referent(converted))


def _bound_class(function: Any, argtypes: "tuple[Any, ...]") -> Any:
    """The class that CFUNCTYPE() returns, so that the result is accepted where that is declared."""
    import ctypes

    flags = type(function)._flags_
    if flags & _FLAG_PYTHONAPI:
        return ctypes.PYFUNCTYPE(function.restype, *argtypes)
    return ctypes.CFUNCTYPE(
        function.restype,
        *argtypes,
        use_errno=bool(flags & _FLAG_USE_ERRNO),
        use_last_error=bool(flags & _FLAG_USE_LASTERROR),
    )


def bind(function: Any, data: Any, is_last: bool) -> Any:
    """A function pointer without the first or last of the function's arguments; see _bind.py."""
    import ctypes

    name = getattr(function, "__name__", type(function).__name__)
    argtypes = function.argtypes
    if argtypes is None:
        raise TypeError(f"the argument types of {name} are not known: set its argtypes")
    if not argtypes:
        raise ValueError(f"{name} takes no argument that could be bound (its argtypes are empty)")
    address = ctypes.c_void_p.from_buffer(function).value
    if not address:
        raise ValueError(f"cannot bind a NULL pointer ({name})")
    signature = _called_signature(function)
    word, kept = _bound_argument(argtypes[-1 if is_last else 0], data)
    owner = _native.Bound(signature, address, word, is_last, name, (function, *kept))
    cls = _bound_class(function, argtypes[:-1] if is_last else argtypes[1:])
    bound = owner.instance(cls)
    if function.errcheck is not None:
        bound.errcheck = function.errcheck
    return bound
