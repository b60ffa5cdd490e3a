# SPDX-License-Identifier: MIT
"""Cases that make ctypes callbacks, let C call them, and note what they saw.

As a script, which needs none of the other helpers: run all of them in one mode, with the C library
of c/python/ctypes_echo.c, and write what each noted to a file.
"""

from __future__ import annotations

import _ctypes
import copy
import ctypes
import functools
import gc
import io
import json
import math
import os
import pickle
import re
import sys
import tempfile
import threading
import traceback
import warnings
import weakref
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, PYFUNCTYPE, byref, c_char_p, c_int, c_long, c_void_p
from pathlib import Path
from typing import Any, Callable, ClassVar

CDECL = 0x1
USE_ERRNO = 0x8

SWAPPED = "__ctype_be__" if sys.byteorder == "little" else "__ctype_le__"


# --- What a case works with -------------------------------------------------------------------


def normalised(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x...", text)


class Bench:
    """A way to make callbacks, the C functions that call them, and a notebook."""

    def __init__(self, make: Callable[[Any, Any], Any], library: str) -> None:
        self.make = make
        self.lib = ctypes.CDLL(library, use_errno=True)
        self.notes: list[str] = []
        self.unraisable = 0

    def note(self, *values: Any) -> None:
        """Types and values."""
        self.notes.append(
            normalised(" ".join(f"{type(value).__name__} {value!r}" for value in values))
        )

    def attempt(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call it and note an exception instead of a result."""
        try:
            return function(*args, **kwargs)
        except Exception as error:
            self.note(error)
            return None

    def recorder(self, result: Any = None) -> Callable[..., Any]:
        def callback(*args: Any) -> Any:
            self.note(*args)
            return result

        return callback


Case = Callable[[Bench], None]
CASES: dict[str, Case] = {}

# Names of the cases which are about structures that get fields between making a callback and
# calling it: trampfd finds the arguments then with a plan, which not every port has.
NEED_PLANS: set[str] = set()


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def case_each(table: dict[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """One case for each entry of the table; the case gets the entry's value."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for name, value in table.items():
            CASES[f"{function.__name__}[{name}]"] = functools.partial(
                lambda bench, value: function(bench, value), value=value
            )
        return function

    return decorate


def needs_plans(function: Callable[..., None]) -> Callable[..., None]:
    """Of a case, or of all that case_each() has made with the function."""
    NEED_PLANS.update(name for name in CASES if name.partition("[")[0] == function.__name__)
    return function


# --- Simple types ------------------------------------------------------------------------------

SIMPLE: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        ctypes.c_byte, ctypes.c_ubyte, ctypes.c_short, ctypes.c_ushort, ctypes.c_int,
        ctypes.c_uint, ctypes.c_long, ctypes.c_ulong, ctypes.c_longlong, ctypes.c_ulonglong,
        ctypes.c_float, ctypes.c_double, ctypes.c_longdouble, ctypes.c_bool, ctypes.c_char,
        ctypes.c_wchar, ctypes.c_char_p, ctypes.c_wchar_p, ctypes.c_void_p, ctypes.py_object,
    )
}  # fmt: skip
# On Linux c_longlong is c_long, so that "q" and "Q" need classes of their own.
for letter in "qQ":
    SIMPLE[f"letter_{letter}"] = type(
        f"letter_{letter}", (ctypes._SimpleCData,), {"_type_": letter}
    )
SWAPPABLE: dict[str, Any] = {
    f"{name}_swapped": getattr(cls, SWAPPED)
    for name, cls in SIMPLE.items()
    if getattr(cls, SWAPPED, cls) is not cls
}

SENTINEL = ("an", "object")
INTEGERS = [0, 1, -1, 2, 127, 128, 255, 256, -128, -129, 2**15, -(2**31), 2**31, 2**63, 2**64 - 1]
INTEGERS += [2**30 - 1, 2**30, 1 - 2**30, -(2**30)]  # around ints of one digit
FLOATS = [0.0, -0.0, 1.5, -2.25, 1e-45, 3.4e38, math.inf, -math.inf, math.nan]


def inputs(cls: Any) -> Iterator[Any]:
    """Instances of a simple type whose bytes C passes."""
    letter = cls._type_
    values: list[Any]
    if letter in "fdg":
        values = FLOATS
    elif letter == "c":
        values = [b"\0", b"a", b"\xff"]
    elif letter == "u":
        values = ["\0", "a", "\N{SNOWMAN}", "\N{GRINNING FACE}"]
    elif letter == "z":
        values = [None, b"", b"bytes \xff"]
    elif letter == "Z":
        values = [None, "", "text \N{SNOWMAN}\N{GRINNING FACE}"]
    elif letter == "O":
        values = [SENTINEL, None, 5]
    elif letter == "P":
        values = [None, 0, 1, 2**64 - 1]
    elif letter == "?":
        values = [False, True]
    else:
        values = INTEGERS
    for value in values:
        yield cls(value)


def echo(bench: Bench, cls: Any) -> Any:
    letter = cls._type_
    name = {"?": "bool", "z": "P", "Z": "P", "O": "P"}.get(letter, letter)
    function = getattr(bench.lib, f"echo_{name}")
    function.restype = None
    return function


def output(cls: Any) -> Any:
    return ctypes.create_string_buffer(b"\xa5" * 16, 16)


def shown(cls: Any, raw: bytes) -> str:
    """What C got, without what differs from run to run."""
    if cls._type_ in "zZO":
        return "null" if not any(raw[:8]) else "pointer"
    return raw[: 10 if cls._type_ == "g" else ctypes.sizeof(cls)].hex()


@case_each({**SIMPLE, **SWAPPABLE})
def argument_and_result(bench: Bench, cls: Any) -> None:
    """A value goes through the callback unchanged."""
    seen: list[Any] = []

    def identity(value: Any) -> Any:
        seen.append(value)
        bench.note(value)
        return value

    callback = bench.make(CFUNCTYPE(cls, cls), identity)
    for instance in inputs(cls):
        out = output(cls)
        echo(bench, cls)(callback, byref(instance), out)
        bench.note(shown(cls, out.raw))


@case_each({str(count): count for count in (0, 1, 12, 13, 40)})
def many_arguments(bench: Bench, count: int) -> None:
    """Some on the stack, and more than converted arguments have space for in an ordinary call."""

    def weigh(*arguments: Any) -> float:
        bench.note(arguments)
        return sum(place * value for place, value in enumerate(arguments))

    for cls in (ctypes.c_long, ctypes.c_double):
        callback = bench.make(CFUNCTYPE(cls, *[cls] * count), weigh)
        bench.note(callback(*range(count)))


class Index:
    def __index__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return "Index()"


class Float:
    def __float__(self) -> float:
        return 2.5

    def __repr__(self) -> str:
        return "Float()"


class Truth:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __bool__(self) -> bool:
        if self.value is None:
            raise ValueError("no truth in it")
        return bool(self.value)

    __index__ = __bool__

    def __repr__(self) -> str:
        return f"Truth({self.value})"


class Integer(int):
    pass


class Real(float):
    pass


class Text(str):
    pass


RESULTS: list[Any] = [
    None, True, False, *INTEGERS, 2**64, 2**70, -(2**70), *FLOATS, 1e300, 1 + 2j,
    "", "a", "ab", "\N{SNOWMAN}", "\N{GRINNING FACE}", Text("t"), b"", b"x", b"xy",
    bytearray(b"z"), bytearray(b"zz"), Index(), Float(), Truth(True), Truth(False), Truth(None),
    Integer(9), Real(0.5), [], SENTINEL, ctypes.c_int(5), ctypes.c_double(5), ctypes.c_char_p(b"q"),
]  # fmt: skip


def convert_results(bench: Bench, result_type: Any, cls: Any, results: list[Any]) -> None:
    values = iter(results)
    callback = bench.make(CFUNCTYPE(result_type, cls), lambda _: next(values))
    for _ in results:
        failures, out = bench.unraisable, output(cls)
        echo(bench, cls)(callback, byref(cls()), out)
        failed = bench.unraisable > failures
        bench.note("not converted" if failed else shown(result_type, out.raw))


def conversion(bench: Bench, cls: Any) -> None:
    if cls._type_ == "O":
        convert_results(bench, cls, ctypes.c_void_p, RESULTS)
    else:
        convert_results(bench, cls, cls, RESULTS)


case_each({**SIMPLE, **SWAPPABLE})(conversion)


@case
def result_void_takes_anything(bench: Bench) -> None:
    for value in RESULTS:
        bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), lambda value=value: value))
    bench.note(bench.unraisable)


@case
def result_int_extends_to_the_register(bench: Bench) -> None:
    """C may read a narrow result with a wider type's register only after it extended it."""
    for cls in (ctypes.c_byte, ctypes.c_ubyte, ctypes.c_short, ctypes.c_ushort):
        out = ctypes.c_int(0)
        callback = bench.make(CFUNCTYPE(cls, c_int), lambda _: -1)
        bench.lib.echo_i(callback, byref(c_int(0)), byref(out))
        bench.note(cls(out.value))


@case
def result_strings_warn_of_a_leak(bench: Bench) -> None:
    for cls, value in ((c_char_p, b"kept"), (ctypes.c_wchar_p, "kept")):
        out = c_void_p()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            bench.lib.echo_P(
                bench.make(CFUNCTYPE(cls, c_void_p), lambda _, v=value: v), byref(out), byref(out)
            )
        for warning in caught:
            bench.note(warning.category, str(warning.message), warning.filename, warning.lineno)
        gc.collect()
        bench.note(ctypes.cast(out, cls).value)


@case
def result_string_with_warnings_as_errors(bench: Bench) -> None:
    out = c_void_p()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench.lib.echo_P(
            bench.make(CFUNCTYPE(c_char_p, c_void_p), lambda _: b"kept"), byref(out), byref(out)
        )


@case
def result_string_of_a_character_pointer_array(bench: Bench) -> None:
    text = ctypes.create_string_buffer(b"in memory")
    out = c_void_p()
    callback = bench.make(CFUNCTYPE(c_char_p, c_void_p), lambda _: ctypes.addressof(text))
    bench.lib.echo_P(callback, byref(out), byref(out))
    bench.note(ctypes.cast(out, c_char_p).value)


@case
def argument_object_keeps_its_references(bench: Bench) -> None:
    value = ["argument"]
    callback = bench.make(CFUNCTYPE(None, ctypes.py_object), lambda value: None)
    before = sys.getrefcount(value)
    for _ in range(100):
        bench.lib.give_pointer(callback, ctypes.py_object(value))
    bench.note(sys.getrefcount(value) - before)


@case
def argument_object_null(bench: Bench) -> None:
    bench.lib.give_pointer(bench.make(CFUNCTYPE(None, ctypes.py_object), bench.recorder()), None)
    # PyErr_Print() leaves these behind; Python 3.13 reports through the hook instead.
    bench.note(repr(getattr(sys, "last_value", None)))
    if hasattr(sys, "last_value"):
        del sys.last_value, sys.last_type, sys.last_traceback


@case
def argument_character_beyond_unicode(bench: Bench) -> None:
    callback = bench.make(CFUNCTYPE(ctypes.c_wchar, ctypes.c_wchar), bench.recorder("x"))
    for number in (0xD800, 0x10FFFF, 0x110000, -1):
        bench.lib.echo_u(callback, byref(c_int(number)), byref(c_int()))


# --- Subclasses of simple types ----------------------------------------------------------------


def subclass_of(cls: Any) -> Any:
    return type(f"My_{cls.__name__}", (cls,), {"extra": "attribute"})


SUBCLASSES = {name: subclass_of(cls) for name, cls in {**SIMPLE, **SWAPPABLE}.items()}


@case_each(SUBCLASSES)
def subclass_argument(bench: Bench, cls: Any) -> None:
    def look(instance: Any) -> None:
        bench.note(type(instance).__mro__[:3], instance.extra, bool(instance))
        bench.attempt(lambda: bench.note(instance.value))
        bench.note(instance._objects, instance._b_base_, instance._b_needsfree_)

    callback = bench.make(CFUNCTYPE(None, cls), look)
    for instance in inputs(cls):
        echo(bench, cls)(callback, byref(instance), output(cls))


@case_each(SUBCLASSES)
def subclass_result(bench: Bench, cls: Any) -> None:
    plain = c_void_p if cls._type_ == "O" else cls.__mro__[1]
    convert_results(bench, cls, plain, RESULTS)


class WithValue(c_int):
    """Its own `value` is not what ctypes converts by."""

    @property
    def value(self) -> Any:
        return "not the number"

    @value.setter
    def value(self, value: Any) -> None:
        raise ValueError("not to be set")


class CharWithValue(ctypes._SimpleCData):
    _type_ = "c"
    value = WithValue.__dict__["value"]


class DoubleWithValue(ctypes._SimpleCData):
    _type_ = "g"
    value = WithValue.__dict__["value"]


@case
def class_with_value_of_its_own(bench: Bench) -> None:
    for cls, value in ((WithValue, True), (CharWithValue, b"c"), (DoubleWithValue, 2.5)):
        plain = {"i": c_int, "c": ctypes.c_char, "g": ctypes.c_longdouble}[cls._type_]
        out = output(plain)
        callback = bench.make(CFUNCTYPE(cls, cls), bench.recorder(value))
        echo(bench, plain)(callback, byref(plain(value)), out)
        bench.note(shown(plain, out.raw))


class NoisyInt(c_int):
    def __init__(self, value: int = 17) -> None:
        c_int.__init__(self, value)
        self.made_with = value


class FailingInt(c_int):
    def __init__(self) -> None:
        raise ValueError("no instances today")


class DirectWithInit(ctypes._SimpleCData):
    """A simple type itself: no instance is made of it."""

    _type_ = "i"

    def __init__(self) -> None:
        raise ValueError("never called")


@case
def argument_instances_are_made_by_the_class(bench: Bench) -> None:
    def look(instance: Any) -> None:
        bench.note(type(instance).__name__, instance.value, instance.made_with)

    bench.lib.call_int(bench.make(CFUNCTYPE(c_int, NoisyInt), look), 5)
    bench.lib.call_int(bench.make(CFUNCTYPE(None, DirectWithInit), bench.recorder()), 5)


@case
def argument_instance_that_cannot_be_made(bench: Bench) -> None:
    callback = bench.make(CFUNCTYPE(None, c_int, FailingInt), bench.recorder())
    bench.lib.echo_l(callback, byref(c_long(1)), byref(c_long()))


# --- Pointers, arrays, function pointers -------------------------------------------------------


class Point(ctypes.Structure):
    _fields_ = [("x", c_int), ("y", ctypes.c_double)]


@case
def argument_pointer(bench: Bench) -> None:
    number = c_int(42)

    def look(pointer: Any) -> None:
        bench.note(type(pointer).__name__, bool(pointer))
        bench.attempt(lambda: bench.note(pointer.contents.value, pointer[0]))
        if pointer:
            pointer[0] = 43

    callback = bench.make(CFUNCTYPE(None, POINTER(c_int)), look)
    bench.lib.give_pointer(callback, byref(number))
    bench.note(number.value)
    bench.lib.give_pointer(callback, None)


@case
def argument_structure_by_reference(bench: Bench) -> None:
    point = Point(1, 2.5)

    def move(pointer: Any) -> None:
        bench.note(pointer.contents.x, pointer.contents.y)
        pointer.contents.x = 9

    bench.lib.give_pointer(bench.make(CFUNCTYPE(None, POINTER(Point)), move), byref(point))
    bench.note(point.x)


@case
def argument_pointer_subclass(bench: Bench) -> None:
    class IntPointer(POINTER(c_int)):
        def twice(self) -> int:
            return int(2 * self[0])

    callback = bench.make(
        CFUNCTYPE(None, IntPointer), lambda p: bench.note(type(p).__name__, p.twice())
    )
    bench.lib.give_pointer(callback, byref(c_int(21)))


@case
def argument_array_as_large_as_a_pointer(bench: Bench) -> None:
    """ctypes fills an array with the bytes of the pointer that C passes for it."""
    pointer = 0x1122334455667788

    def look(array: Any) -> None:
        bench.note(type(array).__name__, bytes(array).hex())

    for cls in (ctypes.c_char * 8, ctypes.c_ubyte * 3, c_int * 2, c_long * 1, c_int * 0):
        bench.lib.give_pointer(bench.make(CFUNCTYPE(None, cls), look), c_void_p(pointer))


@case
def argument_function_pointer(bench: Bench) -> None:
    inner_class = CFUNCTYPE(c_int, c_int)

    def outer(function: Any) -> None:
        bench.note(type(function) is inner_class, bool(function))
        if function:
            bench.note(function(20))

    callback = bench.make(CFUNCTYPE(None, inner_class), outer)
    bench.lib.give_pointer(callback, bench.make(inner_class, lambda value: value + 1))
    bench.lib.give_pointer(callback, None)
    bench.lib.give_pointer(callback, ctypes.CDLL(None).abs)


# --- Custom classes in argtypes and restype ----------------------------------------------------


class FromParam:
    @classmethod
    def from_param(cls, value: Any) -> Any:
        return c_int(value)


class FromParamInstance:
    def from_param(self, value: Any) -> Any:
        return c_int(value)

    def __repr__(self) -> str:
        return "FromParamInstance()"


@case
def argument_class_with_from_param(bench: Bench) -> None:
    for converter in (FromParam, FromParamInstance()):
        cls = CFUNCTYPE(c_int, converter)
        callback = bench.make(cls, bench.recorder(3))
        bench.lib.call_int.restype = None
        bench.lib.call_int(callback, 5)
    bench.lib.call_int.restype = c_int


@case
def argument_class_without_from_param(bench: Bench) -> None:
    bench.attempt(CFUNCTYPE, None, int)


class Number(ctypes.Union):
    _fields_ = [("i", c_int), ("l", c_long)]


@case
def result_types_that_are_refused(bench: Bench) -> None:
    for cls in (
        Point, Number, c_int * 4, POINTER(c_int), CFUNCTYPE(None), ctypes.BigEndianStructure,
        int, len, lambda value: value, FromParam,
    ):  # fmt: skip
        kind = CFUNCTYPE(cls, c_int)
        bench.attempt(bench.make, kind, bench.recorder())
        bench.note(bool(kind()))
    for cls in ("text", 5, c_int(5)):
        bench.attempt(CFUNCTYPE, cls, c_int)


@case
def not_callable(bench: Bench) -> None:
    cls = CFUNCTYPE(None)
    for value in ("text", 3.5, b"", []):
        bench.attempt(bench.make, cls, value)


# --- Classes -----------------------------------------------------------------------------------


@case
def class_made_by_hand(bench: Bench) -> None:
    class ByHand(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

    class Slotted(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL
        __slots__ = ()

    class SlottedWithNames(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL
        __slots__ = ("name",)

    for cls in (ByHand, Slotted, SlottedWithNames):
        callback = bench.make(cls, lambda value: value * 2)
        bench.note(type(callback).__name__, hasattr(callback, "__dict__"), callback(4))
        bench.note(bench.lib.call_int(callback, 4))
        bench.attempt(setattr, callback, "name", "a name")
        bench.attempt(setattr, callback, "other", "another")


@case
def class_with_init(bench: Bench) -> None:
    class WithInit(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

        def __init__(self, function: Any) -> None:
            bench.note("init", function.__name__, bool(self))
            self.function = function

    def negate(value: int) -> int:
        return -value

    callback = bench.make(WithInit, negate)
    bench.note(callback.function.__name__, bench.lib.call_int(callback, 5))
    negate.__name__ = "fails"

    class FailingInit(WithInit):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

        def __init__(self, function: Any) -> None:
            raise LookupError("no")

    bench.attempt(bench.make, FailingInit, negate)


@case
def class_with_new(bench: Bench) -> None:
    class WithNew(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

        def __new__(cls, function: Any) -> Any:
            bench.note("new", function.__name__)
            base = _ctypes.CFuncPtr
            return base.__new__(cls, lambda value: 1000 + function(value))

    def negate(value: int) -> int:
        return -value

    class DerivedWithNew(CFUNCTYPE(c_int, c_int)):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

        __new__ = WithNew.__new__

    class Derived(WithNew):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = CDECL

    for cls in (WithNew, DerivedWithNew, Derived):
        callback = bench.attempt(bench.make, cls, negate)
        if callback is not None:
            bench.note(type(callback).__name__, bench.lib.call_int(callback, 5))


@case
def class_derived_from_a_function_class(bench: Bench) -> None:
    """Whether the signature is inherited depends on the version of Python."""
    base = CFUNCTYPE(c_int, c_int)

    def derive(**names: Any) -> Any:
        return type("Derived", (base,), names)

    for names in (
        {},
        {"_flags_": CDECL},
        {"_flags_": CDECL, "_argtypes_": (c_int,), "_restype_": c_int},
        {"_flags_": CDECL, "_argtypes_": (), "_restype_": None},
    ):
        cls = bench.attempt(derive, **names)
        if cls is None:
            continue
        callback = bench.attempt(bench.make, cls, bench.recorder(6))
        if callback is not None:
            bench.note(bench.lib.call_int(callback, 5) if callback.restype else "void")


@case
def class_without_argtypes(bench: Bench) -> None:
    bench.attempt(bench.make, _ctypes.CFuncPtr, bench.recorder())
    bench.attempt(bench.make, bench.lib._FuncPtr, bench.recorder())
    bench.attempt(bench.make, ctypes.pythonapi._FuncPtr, bench.recorder())


@case
def class_changed_after_it_was_made(bench: Bench) -> None:
    cls = PYFUNCTYPE(c_int, c_int)
    cls._argtypes_ = (ctypes.c_double, ctypes.c_double)
    cls._restype_ = ctypes.c_double
    cls._flags_ = 0
    bench.note(bench.lib.call_int(bench.make(cls, bench.recorder(4)), 5))


@case
def class_is_collected(bench: Bench) -> None:
    class Argument(ctypes.Structure):
        _fields_ = [("x", c_int)]

    class Function(_ctypes.CFuncPtr):
        _argtypes_ = (Argument,)
        _restype_ = None
        _flags_ = CDECL

    Argument.callback = bench.make(Function, bench.recorder())
    seen = weakref.ref(Function)
    del Argument, Function
    gc.collect()
    bench.note(seen() is None)


@case
def python_function_class(bench: Bench) -> None:
    cls = PYFUNCTYPE(c_int, c_int)
    callback = bench.make(cls, lambda value: value + 1)
    bench.note(type(callback).__name__, callback(1), bench.lib.call_int(callback, 2))


def call_at_address(callback: Any, *arguments: Any, result: Any = None) -> Any:
    """As C calls it: the classes of the arguments say how they are passed."""
    prototype = CFUNCTYPE(result, *map(type, arguments))
    return prototype(ctypes.cast(callback, c_void_p).value)(*arguments)


def noting_fields(bench: Bench, names: list[str]) -> Callable[..., None]:
    """A callback that notes its arguments, of structures the fields."""

    def shown(value: Any) -> Any:
        by_value = isinstance(value, (ctypes.Structure, ctypes.Union))
        return [getattr(value, name) for name in names] if by_value else value

    return lambda *arguments: bench.note(*map(shown, arguments))


def structure(base: Any, *fields: tuple[str, Any]) -> Any:
    return type("Given", (base,), {"_fields_": list(fields)})


# What C passes, and with it the fields that a class gets late.
LATE_FIELDS = {
    "in_registers": [("x", c_int)],
    "in_registers_of_both_kinds": [("x", c_long), ("y", ctypes.c_double)],
    "in_memory": [("x", c_long), ("y", c_long), ("z", c_long)],
}


@case_each(LATE_FIELDS)
def structure_gets_its_fields_after_the_function_class(bench: Bench, fields: Any) -> None:
    for base in (ctypes.Structure, ctypes.Union):

        class Late(base):  # type: ignore[misc,valid-type]
            pass

        prototype = CFUNCTYPE(None, c_int, Late)
        names = [name for name, _ in fields]
        received = noting_fields(bench, names)
        bench.attempt(bench.make, prototype, received)
        Late._fields_ = fields
        given = structure(base, *fields)
        call_at_address(bench.make(prototype, received), c_int(0), given(7))


EARLY_FIELDS = {
    "in_registers": [("a", c_int)],
    "in_memory": [("a", c_long), ("b", c_long), ("c", c_long)],
    "in_memory_then": [("a", c_long), ("b", c_long)],
    "of_floats": [("a", ctypes.c_float)],
}


@case_each(EARLY_FIELDS)
def structure_gets_more_fields_after_a_callback(bench: Bench, early: Any) -> None:
    """Inherited fields make a class usable, its own ones can be set once all the same."""
    # Stock ctypes gives libffi the wrong registers for unions of floats.
    of_integers = all(cls in (c_int, c_long) for _, cls in early)
    for base in (ctypes.Structure, ctypes.Union)[: 2 if of_integers else 1]:
        parent = structure(base, *early)

        class Late(parent):  # type: ignore[misc,valid-type]
            pass

        prototype = CFUNCTYPE(None, c_int, Late, ctypes.c_double)
        names = [name for name, _ in early] + ["x"]
        received = noting_fields(bench, names)
        first = bench.make(prototype, lambda *_: None)
        Late._fields_ = [("x", c_long)]
        given = structure(base, *early, ("x", c_long))
        values = range(1, len(names) + 1) if base is ctypes.Structure else []
        argument = given(*values)
        argument.x = 11
        call_at_address(bench.make(prototype, received), c_int(1), argument, ctypes.c_double(2.5))
        del first


# What a structure inherits, and the fields of its own that it gets once the callback is made; with
# the arguments before and after it.
FIELDS_AFTER: dict[str, Any] = {
    "one_word_to_two": ([("a", c_long)], [("b", c_long)], 0, 2),
    "one_word_to_both_kinds": ([("a", c_long)], [("x", ctypes.c_double)], 0, 2),
    "vector_to_both_kinds": ([("x", ctypes.c_double)], [("a", c_long)], 0, 2),
    "vector_to_word": ([("x", ctypes.c_float)], [("a", c_int)], 0, 2),
    "vector_to_two": ([("x", ctypes.c_double)], [("y", ctypes.c_double)], 0, 2),
    "within_a_word": ([("a", c_int)], [("b", c_int)], 0, 2),
    "bit_fields": ([("a", c_int)], [("b", c_int, 3), ("c", c_int, 5), ("d", c_long)], 0, 2),
    "registers_to_memory": ([("a", c_long)], [("b", c_long), ("c", c_long)], 0, 2),
    "in_memory": ([("a", c_long), ("b", c_long), ("c", c_long)], [("d", c_long)], 0, 2),
    "into_the_last_registers": ([("a", c_long)], [("b", c_long)], 4, 3),
    "out_of_registers": ([("a", c_long)], [("b", c_long)], 5, 3),
}


@needs_plans
@case_each(FIELDS_AFTER)
def structure_gets_more_fields_between_making_and_calling(bench: Bench, row: Any) -> None:
    early, late, before, after = row
    names = [name for name, *_ in early + late]
    following = [c_long, ctypes.c_double, c_long][:after]
    for result in (c_int, ctypes.c_double, ctypes.c_longdouble, c_void_p, None):

        class Late(structure(ctypes.Structure, *early)):  # type: ignore[misc]
            pass

        received = noting_fields(bench, names)
        answer = None if result is None else 5
        callback = bench.make(
            CFUNCTYPE(result, *[c_long] * before, Late, *following),
            lambda *given, received=received, answer=answer: received(*given) or answer,
        )
        Late._fields_ = late
        given = Late(*range(1, len(names) + 1))
        numbers = [c_long(20 + i) for i in range(before)], [cls(30) for cls in following]
        for _ in range(2):
            answered = call_at_address(callback, *numbers[0], given, *numbers[1], result=result)
            bench.note(answered)


@needs_plans
@case
def aligned_structure_gets_fields_between_making_and_calling(bench: Bench) -> None:
    """ctypes looks at _align_ from Python 3.13 on."""
    for before, kind in ((0, c_long), (1, c_long), (4, c_long), (5, c_long), (1, ctypes.c_double)):

        class Late(structure(ctypes.Structure, ("a", c_long))):  # type: ignore[misc]
            _align_ = 16

        classes = [*[c_long] * before, Late, c_int, ctypes.c_double]
        callback = bench.make(CFUNCTYPE(None, *classes), noting_fields(bench, ["a", "b"]))
        Late._fields_ = [("b", kind)]
        numbers = [c_long(20 + i) for i in range(before)]
        call_at_address(callback, *numbers, Late(1, 2), c_int(3), ctypes.c_double(4.5))


@needs_plans
@case
def unions_and_several_structures_get_fields_between_making_and_calling(bench: Bench) -> None:
    class Number(structure(ctypes.Union, ("a", c_int))):  # type: ignore[misc]
        pass

    class Pair(structure(ctypes.Structure, ("b", c_long))):  # type: ignore[misc]
        pass

    class Inherited(structure(ctypes.Structure, ("c", c_long))):  # type: ignore[misc]
        pass

    names = ["a", "long", "b", "x", "c"]

    def shown(*given: Any) -> None:
        fields = [getattr(value, name, None) for value in given[:3] for name in names]
        bench.note(fields, *given[3:])

    prototype = CFUNCTYPE(None, Number, Pair, Inherited, c_int, ctypes.c_double)
    callbacks = [bench.make(prototype, shown)]
    Number._fields_ = [("long", c_long)]
    callbacks.append(bench.make(prototype, shown))
    Pair._fields_ = [("x", ctypes.c_double)]
    callbacks.append(bench.make(prototype, shown))
    number, pair, inherited = Number(), Pair(2, 2.5), Inherited(3)
    number.long = 1 << 40
    for callback in callbacks:
        call_at_address(callback, number, pair, inherited, c_int(4), ctypes.c_double(5.5))


@needs_plans
@case
def fields_are_set_by_the_callback_before_it(bench: Bench) -> None:
    """The first call, which makes instances, is what makes a class final."""

    class Late(structure(ctypes.Structure, ("a", c_long))):  # type: ignore[misc]
        pass

    prototype = CFUNCTYPE(None, Late, c_int)

    def sets() -> None:
        Late._fields_ = [("b", c_long)]

    callback = bench.make(prototype, noting_fields(bench, ["a", "b"]))
    bench.make(CFUNCTYPE(None), sets)()
    call_at_address(callback, Late(1, 2), c_int(3))
    bench.attempt(setattr, Late, "_fields_", [("c", c_long)])


@needs_plans
@case
def class_of_a_structure_that_gets_fields_is_collected(bench: Bench) -> None:
    class Late(structure(ctypes.Structure, ("a", c_long))):  # type: ignore[misc]
        pass

    class Function(_ctypes.CFuncPtr):
        _argtypes_ = (Late, c_int)
        _restype_ = None
        _flags_ = CDECL

    Late.callback = bench.make(Function, noting_fields(bench, ["a", "b"]))
    Late._fields_ = [("b", c_long)]
    Function(ctypes.cast(Late.callback, c_void_p).value)(Late(1, 2), 3)
    seen = [weakref.ref(Function), weakref.ref(Late)]
    del Late, Function
    gc.collect()
    bench.note([reference() is None for reference in seen])


@case
def complex_numbers(bench: Bench) -> None:
    """Where ctypes has them, from Python 3.14 on."""
    names = ("c_float_complex", "c_double_complex", "c_longdouble_complex")
    found = [getattr(ctypes, name) for name in names if hasattr(ctypes, name)]
    bench.note(len(found))
    for cls in found:
        for answer in (1.5 - 2j, 3, 0.25, None, Float(), "text"):
            callback = bench.make(
                CFUNCTYPE(cls, c_int, cls), lambda *given, a=answer: bench.note(*given) or a
            )
            answered = call_at_address(callback, c_int(1), cls(-1.25 + 8j), result=cls)
            bench.note(answered if answer not in (None, "text") else "not converted")


@case
def structure_without_fields_by_value(bench: Bench) -> None:
    class Empty(ctypes.Structure):
        _fields_: ClassVar[list[Any]] = []

    class Unknown(ctypes.Structure):
        pass

    class Derived(Unknown):
        pass

    for cls in (Empty, Unknown, Derived):
        bench.attempt(bench.make, CFUNCTYPE(None, cls), bench.recorder())
        bench.attempt(bench.make, CFUNCTYPE(None, c_int, cls), bench.recorder())


# --- What can be called back -------------------------------------------------------------------


class Callable_:
    def __call__(self, value: int) -> int:
        return value + 100

    def method(self, value: int) -> int:
        return value + 200

    @classmethod
    def of_class(cls, value: int) -> int:
        return value + 300

    @staticmethod
    def static(value: int) -> int:
        return value + 400


class CallableTuple(tuple):
    def __call__(self, value: int) -> int:
        return value


class CallableInt(int):
    def __call__(self, value: int) -> int:
        return value


@case
def callables(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)
    instance = Callable_()
    abs_of_libc = ctypes.CDLL(None).abs
    for function in (
        instance, instance.method, Callable_.of_class, Callable_.static, abs, int,
        functools.partial(max, 3), (-1).__add__, [0, 10, 20, 30, 40, 50].__getitem__, abs_of_libc,
        bench.make(cls, lambda value: value + 500),
    ):  # fmt: skip
        bench.note(bench.lib.call_int(bench.make(cls, function), 5))


@case
def class_called_with_other_things(bench: Bench) -> None:
    """Everything that is not one callable is left to ctypes: results and errors."""
    cls = CFUNCTYPE(c_int, c_int)
    path = bench.lib._name

    def function(value: int) -> int:
        return value

    def show(*args: Any, **kwargs: Any) -> None:
        made = bench.attempt(cls, *args, **kwargs)
        if made is not None:
            bench.note(type(made).__name__, bool(made), made._objects if not made else None)

    show()
    show(x=1)
    show(0)
    show(5)
    show(-1)
    show(2**64)
    show(2**70)
    show(True)
    show(CallableInt(5))
    show(CallableTuple())
    show(CallableTuple(("call_int", bench.lib)))
    show(3.5)
    show("call_int")
    show(None)
    show(Index())
    show(function, 1)
    show(function, function)
    show(function, x=1)
    show(function, function=function)
    show(function=function)
    show(("call_int", bench.lib))
    show(("call_int", bench.lib), ((1,), (1,)))
    show(("call_int", bench.lib), 5)
    show(("call_int",))
    show(("call_int", path))
    show(("call_int", None))
    show((None, bench.lib))
    show(("there is no such function", bench.lib))
    show(())


@case
def instances_by_other_ways(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)
    callback = bench.make(cls, lambda value: value + 1)
    address = ctypes.cast(callback, c_void_p).value
    assert address
    pointer = c_void_p(address)
    for other in (
        cls(address), cls.from_address(ctypes.addressof(callback)), cls.from_buffer(callback),
        cls.from_buffer_copy(callback), cls.from_buffer(pointer), ctypes.cast(callback, cls),
        ctypes.cast(address, cls), ctypes.pointer(callback).contents, cls.from_param(callback),
    ):  # fmt: skip
        bench.note(type(other).__name__, other(1), bench.lib.call_int(other, 2))


# --- Instances ---------------------------------------------------------------------------------


@case
def instance_like_any_other(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)

    def function(value: int) -> int:
        return value

    callback = bench.make(cls, function)
    other = bench.make(cls, function)
    bench.note(type(callback) is cls, repr(callback), str(callback))
    bench.note(bool(callback), ctypes.sizeof(callback), ctypes.alignment(callback))
    bench.note(callback == other, callback == callback, callback != other, callback == function)
    bench.attempt(hash, callback)
    bench.note(ctypes.addressof(callback) != ctypes.addressof(other))
    bench.note(ctypes.cast(callback, c_void_p).value != ctypes.cast(other, c_void_p).value)
    bench.note(c_void_p.from_buffer(callback).value == ctypes.cast(callback, c_void_p).value)
    bench.note(memoryview(callback).format, memoryview(callback).nbytes)
    bench.note(callback._b_base_, sorted(set(dir(callback)) - set(dir(cls))))
    bench.note(callback._objects is not None)
    bench.note(callback.restype, callback.argtypes, hasattr(callback, "errcheck"))
    bench.note(hasattr(callback, "__name__"), vars(callback))
    callback.note = "an attribute"
    bench.note(vars(callback), weakref.ref(callback)() is callback)
    bench.attempt(lambda: callback < other)
    bench.attempt(callback, 1, 2)
    bench.attempt(callback)
    bench.attempt(callback, "text")


@case
def instance_is_not_copied(bench: Bench) -> None:
    callback = bench.make(CFUNCTYPE(None), bench.recorder())
    bench.attempt(copy.copy, callback)
    bench.attempt(copy.deepcopy, callback)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        bench.attempt(pickle.dumps, callback, protocol)


@case
def instance_prototype_can_be_changed(bench: Bench) -> None:
    callback = bench.make(CFUNCTYPE(c_int, c_int), lambda value: value + 1)
    bench.note(callback(1))
    callback.argtypes = (ctypes.c_char,)
    bench.note(callback(b"\1"))
    callback.restype = ctypes.c_bool
    bench.note(callback(b"\1"))
    callback.errcheck = lambda result, function, arguments: (result, function is callback)
    bench.note(callback(b"\1"))
    bench.attempt(setattr, callback, "argtypes", 5)
    bench.attempt(setattr, callback, "restype", 5)
    bench.attempt(setattr, callback, "errcheck", 5)
    del callback.argtypes, callback.restype, callback.errcheck
    bench.note(callback(7))


@case
def instance_in_structures_and_arrays(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)

    class Table(ctypes.Structure):
        _fields_ = [("first", cls), ("second", cls)]

    table = Table()
    bench.note(bool(table.first))
    table.first = bench.make(cls, lambda value: value + 1)
    table.second = bench.make(cls, lambda value: value * 2)
    gc.collect()
    bench.note(bench.lib.call_table(byref(table), 5), table.first(1), type(table.second) is cls)
    table = Table(bench.make(cls, lambda value: value + 3), bench.make(cls, lambda value: value))
    gc.collect()
    bench.note(bench.lib.call_table(byref(table), 5))
    bench.note(sorted(table._objects))

    array = (cls * 3)(*[bench.make(cls, lambda value, i=i: value * 10 + i) for i in range(3)])
    gc.collect()
    bench.note(bench.lib.call_each(array, 3, 7), array[1](1))
    array[1] = bench.make(cls, lambda value: value)
    gc.collect()
    bench.note(bench.lib.call_each(array, 3, 7))

    pointer = ctypes.pointer(bench.make(cls, lambda value: value - 1))
    gc.collect()
    bench.note(bench.lib.call_each(pointer, 1, 7))

    untyped = ctypes.cast(bench.make(cls, lambda value: value - 2), c_void_p)
    gc.collect()
    bench.note(bench.lib.call_int(untyped, 7))
    bench.attempt(setattr, table, "first", bench.make(CFUNCTYPE(None), bench.recorder()))
    bench.attempt(setattr, table, "first", 5)


@case
def instance_owns_the_callable(bench: Bench) -> None:
    class Function:
        def __call__(self, value: int) -> int:
            return value

    function = Function()
    seen = weakref.ref(function)
    callback = bench.make(CFUNCTYPE(c_int, c_int), function)
    del function
    gc.collect()
    bench.note(seen() is not None)
    del callback
    bench.note(seen() is None)


@case
def instance_in_a_cycle_is_collected(bench: Bench) -> None:
    class Owner:
        def __init__(self) -> None:
            self.callback = bench.make(CFUNCTYPE(c_int, c_int), self.method)

        def method(self, value: int) -> int:
            return value

    seen = weakref.ref(Owner())
    gc.collect()
    bench.note(seen() is None)

    callback = bench.make(CFUNCTYPE(None), lambda: None)
    callback.itself = callback
    seen_callback = weakref.ref(callback)
    del callback
    gc.collect()
    bench.note(seen_callback() is None)


# --- Exceptions --------------------------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def raiser(error: BaseException) -> Callable[..., Any]:
    def deep() -> Any:
        raise error

    def callback(*args: Any) -> Any:
        return deep()

    return callback


EXCEPTIONS: dict[str, BaseException] = {
    "ValueError": ValueError("a message"),
    "no message": KeyError(),
    "unicode": RuntimeError("\N{SNOWMAN}"),
    "unspeakable": Unspeakable(),
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "MemoryError": MemoryError(),
    "StopIteration": StopIteration(1),
}


@case_each(EXCEPTIONS)
def exception_in_the_callback(bench: Bench, error: BaseException) -> None:
    bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), raiser(error)))
    bench.lib.call_int(bench.make(CFUNCTYPE(c_int, c_int), raiser(error)), 1)
    bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None, use_errno=True), raiser(error)))


@case
def exception_with_a_cause(bench: Bench) -> None:
    def callback() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), callback))


@case
def exception_for_a_wrong_number_of_arguments(bench: Bench) -> None:
    bench.lib.call_int(bench.make(CFUNCTYPE(c_int, c_int), lambda: 1), 1)
    bench.lib.call_int(bench.make(CFUNCTYPE(c_int, c_int), lambda a, b: 1), 1)
    bench.lib.call_int(bench.make(CFUNCTYPE(c_int, c_int), Callable_), 1)


@case
def exception_reaches_the_hook(bench: Bench) -> None:
    def hook(report: Any) -> None:
        trace = traceback.extract_tb(report.exc_traceback)
        bench.note(
            report.exc_type, str(report.exc_value), report.err_msg, report.object,
            [(frame.name, frame.lineno) for frame in trace],
        )  # fmt: skip

    original, sys.unraisablehook = sys.unraisablehook, hook
    try:
        callback = bench.make(CFUNCTYPE(c_int, c_int), raiser(ValueError("a message")))
        bench.lib.call_int(callback, 1)
        callback = bench.make(CFUNCTYPE(c_int, c_int), lambda _: "not a number")
        bench.lib.call_int(callback, 1)
        callback = bench.make(CFUNCTYPE(c_int, c_int, use_errno=True), raiser(OSError(2, "x")))
        bench.lib.call_int(callback, 1)
        callback = bench.make(CFUNCTYPE(None, ctypes.py_object), bench.recorder())
        bench.lib.give_pointer(callback, None)
        callback = bench.make(CFUNCTYPE(None, FailingInt), bench.recorder())
        bench.lib.call_int(callback, 1)
    finally:
        sys.unraisablehook = original
    sys.__dict__.pop("last_value", None)


@case
def exception_in_the_hook(bench: Bench) -> None:
    original = sys.unraisablehook
    try:
        sys.unraisablehook = raiser(LookupError("in the hook"))
        bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), raiser(ValueError("x"))))
        sys.unraisablehook = None
        bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), raiser(ValueError("y"))))
    finally:
        sys.unraisablehook = original


@case
def exception_without_a_standard_error(bench: Bench) -> None:
    failing = io.StringIO()
    failing.close()
    for stream in (None, failing, io.StringIO()):
        original, sys.stderr = sys.stderr, stream
        try:
            callback = bench.make(CFUNCTYPE(None), raiser(ValueError("a message")))
            bench.lib.call_without_arguments(callback)
            callback = bench.make(CFUNCTYPE(None, ctypes.py_object), bench.recorder())
            bench.lib.give_pointer(callback, None)
            callback = bench.make(CFUNCTYPE(None, FromParam), bench.recorder())
            bench.lib.give_pointer(callback, None)
        finally:
            sys.stderr = original
        if isinstance(stream, io.StringIO) and not stream.closed:
            bench.note(stream.getvalue())


class BadRepr:
    def __call__(self) -> None:
        raise ValueError("in the call")

    def __repr__(self) -> str:
        raise LookupError("no repr")


@case
def exception_of_a_callable_without_repr(bench: Bench) -> None:
    bench.lib.call_without_arguments(bench.make(CFUNCTYPE(None), BadRepr()))


# --- errno -------------------------------------------------------------------------------------


@case
def errno_is_private_with_use_errno(bench: Bench) -> None:
    def callback() -> None:
        bench.note(ctypes.get_errno())
        ctypes.set_errno(77)

    cls = CFUNCTYPE(None, use_errno=True)
    ctypes.set_errno(3)
    made = bench.make(cls, callback)
    bench.note(bench.lib.call_with_errno(made, 11), ctypes.get_errno())
    bench.note(bench.lib.call_with_errno(made, 12), ctypes.get_errno())


@case
def errno_passes_without_use_errno(bench: Bench) -> None:
    plain = ctypes.CDLL(bench.lib._name)
    ctypes.set_errno(3)

    def look() -> None:
        bench.note(ctypes.get_errno())

    def fail() -> None:
        bench.attempt(os.stat, "/there is no such file")

    bench.note(plain.call_with_errno(bench.make(CFUNCTYPE(None), look), 11), ctypes.get_errno())
    bench.note(plain.call_with_errno(bench.make(CFUNCTYPE(None), fail), 11), ctypes.get_errno())


@case
def errno_when_the_callback_fails(bench: Bench) -> None:
    def callback() -> None:
        ctypes.set_errno(55)
        raise ValueError("after set_errno")

    ctypes.set_errno(3)
    made = bench.make(CFUNCTYPE(None, use_errno=True), callback)
    bench.note(bench.lib.call_with_errno(made, 11), ctypes.get_errno())


# --- Nesting, threads, lifetime ----------------------------------------------------------------


@case
def nested_calls(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)

    def countdown(value: int) -> int:
        return value if value <= 0 else bench.lib.call_int(callback, value - 1) + 1

    callback = bench.make(cls, countdown)
    bench.note(bench.lib.call_int(callback, 50), bench.lib.call_twice(callback, 10))


@case
def made_and_called_inside_a_callback(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)

    def outer(value: int) -> int:
        return int(bench.lib.call_int(bench.make(cls, lambda inner: inner * 3), value))

    bench.note(bench.lib.call_int(bench.make(cls, outer), 5))


@case
def freed_inside_its_own_call(bench: Bench) -> None:
    cls = CFUNCTYPE(c_int, c_int)
    holder: list[Any] = []

    def callback(value: int) -> int:
        holder.clear()
        gc.collect()
        return value + 1

    holder.append(bench.make(cls, callback))
    bench.lib.remember(holder[0])
    bench.note(bench.lib.call_remembered(5), holder)


@case
def threads_of_c_and_of_python(bench: Bench) -> None:
    callback = bench.make(CFUNCTYPE(c_int, c_int), lambda value: value + 1)
    bench.note(bench.lib.call_in_threads(callback, 4, 50))
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(bench.lib.call_int(callback, 5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.note(results)


@case
def exception_in_a_thread_of_c(bench: Bench) -> None:
    bench.lib.call_in_threads(bench.make(CFUNCTYPE(None, c_int), raiser(ValueError("x"))), 1, 2)


# --- The child processes -----------------------------------------------------------------------


def maker(mode: str) -> Callable[[Any, Any], Any]:
    """How to make a callback; what it makes is checked to be of the right provenance."""
    if mode == "stock":
        return lambda cls, function: cls(function)

    import trampfd
    from trampfd import _native

    if mode == "install":
        trampfd.install()

    def make(cls: Any, function: Any) -> Any:
        made = cls(function) if mode == "install" else trampfd.callback(cls, function)
        assert _native.find(c_void_p.from_buffer(made).value), "not made by trampfd"
        return made

    return make


def run_case(bench: Bench, function: Case) -> dict[str, Any]:
    """Notes and standard error of one case, the latter from the file descriptor."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        os.dup2(caught.fileno(), 2)
        try:
            function(bench)
        except BaseException:
            bench.notes.append("the case itself failed: " + traceback.format_exc())
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
        caught.seek(0)
        text = normalised(caught.read().decode())
    return {"notes": bench.notes, "stderr": text}


def main(mode: str, library: str, results: str) -> None:
    bench = Bench(maker(mode), library)

    def count(report: Any) -> None:
        bench.unraisable += 1
        sys.__unraisablehook__(report)

    sys.unraisablehook = count
    warnings.simplefilter("always")
    gc.freeze()  # many cases collect garbage, and need not look through all modules for it
    with Path(results).open("w") as file:
        for name, function in CASES.items():
            bench.notes = []
            json.dump([name, run_case(bench, function)], file)
            file.write("\n")
            file.flush()
    assert (mode == "stock") == ("trampfd" not in sys.modules)


if __name__ == "__main__":
    main(*sys.argv[1:])
