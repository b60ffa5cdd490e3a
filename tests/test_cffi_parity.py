# SPDX-License-Identifier: MIT
"""cffi callbacks by trampfd against stock cffi: the same cases, and the same outcome.

Every case runs in three ways, each in a child process of its own: with stock cffi, with
`trampfd.installed()`, and with `trampfd.callback()`.  The transcripts must be equal: values that
Python and C receive, exceptions, and what is written to standard error.  Only addresses and the
place of a warning are left out.

There are two kinds of cases: hand-written ones (the functions below with `@case()`), which run with
each flavour of ffi object and the C functions of c/python/cffi_calls.c, and calls made of
signatures and values, whose C callers the compiler makes (see support/signatures.py).

This file is the script of the child, too:

    test_cffi_parity.py cases WAY FOLDER < names    one line of JSON for each case
    test_cffi_parity.py calls WAY FOLDER            one for each call of FOLDER/calls.pickle
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pickle
import re
import subprocess
import sys
import traceback
import warnings
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support import build_cache, scale, signatures

cffi = pytest.importorskip("cffi", reason="cffi is not installed")

C = Path(__file__).with_name("c") / "python"

STOCK, INSTALLED, CALLBACK = WAYS = ("stock", "installed", "callback")
INLINE, API, ABI = FLAVOURS = ("inline", "api", "abi")


# What a case can do, and what is written down of it.


def plain(ffi: Any, value: Any) -> Any:
    """A received value without cdata, see signatures.py."""
    if not isinstance(value, ffi.CData):
        return value
    ctype = ffi.typeof(value)
    if ctype.kind in ("pointer", "function"):
        return int(ffi.cast("uintptr_t", value))
    if ctype.kind == "array":
        return [plain(ffi, item) for item in value]
    if ctype.kind == "struct":
        return [plain(ffi, getattr(value, name)) for name, _ in ctype.fields]
    return float(value)


def without_addresses(text: str) -> str:
    return re.sub(r"\b0x[0-9a-f]{6,}", "0x...", text)


class Trial:
    """One run of a case: what it makes callbacks with, and its transcript."""

    def __init__(self, way: str, flavour: str, ffi: Any, lib: Any) -> None:
        self.way = way
        self.flavour = flavour
        self.ffi = ffi
        self.lib = lib
        self.transcript: list[str] = []

    def callback(self, type: Any, function: Any, *args: Any, **options: Any) -> Any:
        """What ``ffi.callback(...)`` gives, made in the way of this trial."""
        return self._checked(self._make(type, function, *args, **options))

    def decorator(self, type: Any, *args: Any, **options: Any) -> Callable[[Any], Any]:
        """What ``ffi.callback(...)`` without a function gives."""
        decorate = self._make(type, None, *args, **options)
        return lambda function: self._checked(decorate(function))

    def _make(self, type: Any, function: Any, *args: Any, **options: Any) -> Any:
        if self.way == CALLBACK:
            import trampfd

            return trampfd.callback(type, function, *args, ffi=self.ffi, **options)
        return self.ffi.callback(type, function, *args, **options)

    def _checked(self, callback: Any) -> Any:
        """Who made it?  A comparison of stock cffi with itself would say nothing."""
        if self.way == STOCK:
            assert "trampfd" not in sys.modules
        else:
            from trampfd import _native

            assert _native.find(int(self.ffi.cast("uintptr_t", callback)))
        return callback

    def see(self, *values: Any) -> None:
        """Write values down; pointers only as NULL or not."""
        self.transcript.append(" ".join(map(self._show, values)))

    def _show(self, value: Any) -> str:
        if not isinstance(value, self.ffi.CData):
            return f"{type(value).__name__} {without_addresses(repr(value))}"
        ctype = self.ffi.typeof(value)
        if ctype.kind in ("pointer", "function"):
            return f"{ctype} {'not ' if value else ''}NULL"
        if ctype.kind == "struct":
            fields = ((name, getattr(value, name)) for name, _ in ctype.fields)
            return f"{ctype} {' '.join(f'{name}={self._show(field)}' for name, field in fields)}"
        if ctype.kind == "array":
            return f"{ctype} {' '.join(map(self._show, value))}"
        return repr(value)

    @contextlib.contextmanager
    def refusal(self, text: bool = True) -> Iterator[None]:
        """Write the exception down that comes, without its text if that is to differ."""
        try:
            yield
        except Exception as error:
            self.see(f"{type(error).__name__}: {error}" if text else type(error).__name__)
        else:
            self.see("nothing is raised")


@dataclass(frozen=True)
class Case:
    """A function to run, and where it makes sense."""

    run: Callable[[Trial], None]
    ways: Sequence[str]
    flavours: Sequence[str]


CASES: dict[str, Case] = {}


def case(
    name: str = "", ways: Sequence[str] = WAYS, flavours: Sequence[str] = FLAVOURS
) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Register a function as a case, by its own name unless another one is given."""

    def register(run: Callable[[Trial], None]) -> Callable[[Trial], None]:
        CASES[name or run.__name__] = Case(run, ways, flavours)
        return run

    return register


def fail(*args: Any) -> Any:
    raise ValueError("no result")


# Cases: types.


@case()
def declarations(t: Trial) -> None:
    for declaration in (
        "int(*)(int)", "int(int)", "int (*)(int x)", " int ( * )( int ) ", "int_fn",
        "int_function", "int_function *", "signed int(signed)",
    ):  # fmt: skip
        callback = t.callback(declaration, lambda x: x + 1)
        t.see(declaration, t.ffi.typeof(callback), t.lib.call_int(callback, 41))


@case()
def bad_declarations(t: Trial) -> None:
    for declaration in (
        "int", "int *", "int[3]", "void", "struct pair", "struct opaque", "word", "", "nonsense",
        "int(*)(int", "int(*)(int)) x", "int(*)(int), int", "int(int), ...", "int(*)(...)",
        "int(*)(nonsense)", "int(*)(void, int)", "int(*)(int)[2]", "int(**)(int)", "...",
        "int(*f)(int)",
    ):  # fmt: skip
        with t.refusal():
            t.callback(declaration, fail)


@case(ways=(STOCK, INSTALLED))
def types_that_are_no_types(t: Trial) -> None:
    for type in (None, 42, b"int(int)", int, t.ffi, t.ffi.new("int *"), ["int(int)"]):
        with t.refusal():
            t.callback(type, fail)


class Unprintable:
    def __call__(self, x: int) -> int:
        return x

    def __repr__(self) -> str:
        raise KeyError("no repr")


class Confusing(Unprintable):
    def __repr__(self) -> str:
        return "\N{SNOWMAN}' 0x1234>"


@case(ways=(STOCK, INSTALLED))
def texts_of_callbacks(t: Trial) -> None:
    """Those that name what they call, and of other cdata that have a destructor."""
    made = t.callback("int(*)(int)", fail)
    others = [t.ffi.gc(t.ffi.new("int *"), print), t.ffi.gc(made, print), t.ffi.new("int[3]")]
    callbacks = [
        made,
        t.callback("int(*)(int)", Confusing()),
        t.callback("void(*)(int *, char)", [].append),
        t.decorator("int(int)")(abs),
    ]
    for cdata in callbacks + others + [t.ffi.cast("int(*)(int)", made), t.ffi.NULL]:
        for text in (repr(cdata), str(cdata), f"{cdata}"):
            t.see(text)
    with t.refusal():
        repr(t.callback("int(*)(int)", Unprintable()))
    for cdata in others[:2]:
        t.ffi.gc(cdata, None)


@case()
def ctype_objects(t: Trial) -> None:
    callback = t.callback(t.ffi.typeof("int(*)(int)"), lambda x: x + 1)
    t.see(t.ffi.typeof(callback) is t.ffi.typeof("int(*)(int)"), t.lib.call_int(callback, 41))
    for ctype in map(t.ffi.typeof, ("int", "struct pair", "int *", "int[3]", "void *")):
        with t.refusal():
            t.callback(ctype, fail)


REJECTED = [
    f"{result}(*)({argument})"
    for type in [
        "union either", "struct with_union", "struct with_bits", "struct with_anonymous",
        "struct with_anonymous_union", "struct flexible", "struct with_zero_length",
        "struct with_complex", "float _Complex", "double _Complex", "struct opaque",
    ]
    for result, argument in [("int", type), (type, "int")]
]  # fmt: skip


@case()
def rejected_types(t: Trial) -> None:
    for declaration in [*REJECTED, "int(*)(int, ...)", "void(*)(struct pair, struct flexible)"]:
        with t.refusal():
            t.callback(declaration, fail)


@case(flavours=(API,))
def rejected_partial_structures(t: Trial) -> None:
    for declaration in ("int(*)(struct partial)", "struct partial(*)(void)"):
        with t.refusal():
            t.callback(declaration, fail)


@case(flavours=(INLINE,))
def packed_structures(t: Trial) -> None:
    t.ffi = cffi.FFI()
    t.ffi.cdef("struct packed { char c; int i; }; struct same { int i; char c; };", packed=True)
    for declaration in (
        "int(*)(struct packed)", "struct packed(*)(void)",
        "int(*)(struct same)", "struct same(*)(void)",
    ):  # fmt: skip
        with t.refusal():
            t.callback(declaration, fail)


@case()
def pointers_to_what_is_rejected_by_value(t: Trial) -> None:
    for type in ("union either", "struct with_bits", "struct opaque", "struct flexible"):
        callback = t.callback(f"void *(*)({type} *)", lambda pointer: t.see(pointer) or pointer)
        t.see(t.lib.call_pointer(t.ffi.cast("void *(*)(void *)", callback), t.ffi.NULL))


@case()
def structures_by_value(t: Trial) -> None:
    def turn(pair: Any) -> Any:
        t.see(pair)
        return {"x": pair.y, "y": -pair.x}

    def grow(count: int, shape: Any, factor: float) -> Any:
        t.see(count, shape.area, shape.corners, t.ffi.string(shape.name), factor)
        copy = t.ffi.new("struct shape *", shape)
        copy.area *= factor
        copy.corners[2].x = count
        return copy[0]

    t.see(t.lib.call_pair(t.callback("struct pair(struct pair)", turn), [3, 4]))
    name = t.ffi.new("char[]", b"triangle")
    grown = t.lib.call_shape(
        t.callback("struct shape(int, struct shape, double)", grow),
        {"area": 5.0, "corners": [[1, 2], [3, 4], [5, 6]], "name": name},
    )
    t.see(grown.area, grown.corners, t.ffi.string(grown.name))


@case()
def structures_by_address(t: Trial) -> None:
    def change(shape: Any) -> int:
        shape.area = 9.5
        return shape.corners[1].y

    shape = t.ffi.new("struct shape *", {"corners": [[0, 0], [0, 77]]})
    t.see(t.lib.call_shape_pointer(t.callback("int(struct shape *)", change), shape), shape.area)


@case()
def pointers_and_strings(t: Trial) -> None:
    text = t.ffi.new("char[]", b"hello")
    t.see(t.lib.call_pointer(t.callback("void *(void *)", lambda p: p), text) == text)
    t.see(t.lib.call_pointer(t.callback("void *(void *)", lambda p: p), t.ffi.NULL))
    after = t.callback("char *(char *)", lambda s: t.see(s, t.ffi.string(s)) or s + 1)
    t.see(t.ffi.string(t.lib.call_string(after, text)))
    handle = t.ffi.new_handle(object)
    same = t.callback("void *(void *)", lambda p: t.see(t.ffi.from_handle(p) is object) or p)
    t.see(t.lib.call_pointer(same, handle) == handle)


@case()
def array_parameters_decay(t: Trial) -> None:
    def total(array: Any) -> int:
        t.see(t.ffi.typeof(array))
        array[0] += 1
        return array[0] + array[1] + array[2]

    for declaration in ("int(*)(int[3])", "int(int array[])", "int(*)(int *)"):
        t.see(t.lib.call_array(t.callback(declaration, total)))


@case()
def functions_as_results_and_arguments(t: Trial) -> None:
    double = t.callback("int(int)", lambda x: 2 * x)
    made = t.lib.call_maker(t.callback("int_fn(int)", lambda x: double), 1)
    t.see(made, made == double, made(21))
    none = t.callback("int(*(*)(int))(int)", lambda x: t.ffi.NULL)
    t.see(t.lib.call_maker(none, 1))
    t.see(t.lib.call_caller(t.callback("int(int_fn, int)", lambda f, x: f(x) - 1), 5))


@case()
def nothing_in_nothing_out(t: Trial) -> None:
    for declaration in ("void(*)(void)", "void(void)", "void()"):
        t.lib.call_void(t.callback(declaration, lambda: t.see("called")))


@case()
def more_precision_than_a_double_has(t: Trial) -> None:
    scale = t.ffi.cast("long double", 2.0**-60)

    def multiply(x: Any) -> Any:
        t.see(float(x), t.ffi.typeof(x))
        return x if t.ffi.typeof(x) else scale

    t.see(t.lib.call_extended(t.callback("long double(long double)", multiply)))


@case()
def registers_wider_than_the_argument(t: Trial) -> None:
    t.see(t.lib.call_raw_int8(t.callback("int(int8_t)", lambda x: x), 0x1234567890ABCD85))
    t.see(t.lib.call_raw_uint16(t.callback("int(uint16_t)", lambda x: x), 0x1234567890ABCD85))
    t.see(t.lib.call_raw_bool(t.callback("int(_Bool)", lambda x: x), 0x1234567890ABCD01))


@case()
def arguments_that_do_not_convert(t: Trial) -> None:
    for options in ({}, {"error": 5}, {"onerror": lambda *exception: t.see(*exception[:2]) or 6}):
        t.see(t.lib.call_raw_bool(t.callback("int(_Bool)", fail, **options), 2))
        t.see(t.lib.call_raw_char32(t.callback("int(char32_t)", fail, **options), 0x110000))


# Cases: results, each kind with each of these values, also as error= and from onerror.

GETTERS = {
    "schar": "signed char", "uint8": "uint8_t", "short": "short", "uint16": "uint16_t",
    "int": "int", "uint32": "uint32_t", "int64": "int64_t", "uint64": "uint64_t",
    "bool": "_Bool", "char": "char", "wchar": "wchar_t", "char16": "char16_t",
    "float": "float", "double": "double", "long_double": "long double",
    "colour": "enum colour", "step": "enum step",
    "pointer": "void *", "string": "char *", "pair_pointer": "struct pair *",
    "function": "int_fn", "pair": "struct pair", "shape": "struct shape", "void": "void",
}  # fmt: skip
NARROW = (
    "schar", "uint8", "short", "uint16", "int", "uint32", "bool", "char", "wchar", "char16",
    "colour", "step",
)  # fmt: skip


class Index:
    def __index__(self) -> int:
        return 5


class Int:
    def __int__(self) -> int:
        return 6


class Float:
    def __float__(self) -> float:
        return 7.5


class BadIndex:
    def __index__(self) -> int:
        raise RuntimeError("not today")


STEP = scale.down("results of each type, one of", 1, 5)


def results(ffi: Any) -> list[Any]:
    """Values of which each type of result takes only a few.

    None of them leaves a field of a structure out: that one would be what was on the stack.
    """
    numbers = [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 65535, 65536, 5 << 29,
               2**30 - 1, 2**30, 1 - 2**30, -(2**30),  # around ints of one digit
               2**31 - 1, 2**31, -(2**31) - 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, -(2**63),
               -(2**63) - 1, 2**64 - 1, 2**64, 10**30]  # fmt: skip
    return [
        None, True, *numbers, 1.0, 1.5, -0.0, 1e300, float("nan"), 1j,
        "", "a", "ab", "\u20ac", "\U0001f600", "RED", b"", b"a", b"ab",
        [1, 2], [1, 2, 3], ["x"], (1, 2), {"x": 1, "y": 2}, {"z": 1}, {1: 1},
        [1.5, [[1, 2], [3, 4], [5, 6]], ffi.NULL],
        object, Index(), Int(), Float(), BadIndex(),
        ffi.NULL, ffi.cast("int", 3), ffi.cast("uint64_t", -1), ffi.cast("long double", 1.5),
        ffi.cast("float", 0.1), ffi.cast("char", 65), ffi.cast("wchar_t", 65),
        ffi.cast("enum colour", 2), ffi.cast("_Bool", 1), ffi.cast("void *", 0x10000),
        ffi.cast("char *", 0x10000), ffi.cast("struct shape *", 0x10000),
        ffi.cast("int(*)(int)", 0x10000), ffi.cast("int(*)(long)", 0x10000),
        ffi.new("struct pair *", [1, 2]), ffi.new("struct pair *", [1, 2])[0],
        ffi.new("struct shape *", {"area": 2.5})[0], ffi.new("char[]", b"text"),
        ffi.new("struct pair[2]"),
    ][::STEP]  # fmt: skip


def result_cases(kind: str) -> None:
    declaration = f"{GETTERS[kind]}(*)(void)"

    def ask(t: Trial, *args: Any, **options: Any) -> None:
        callback = t.callback(declaration, *args, **options)
        t.see(getattr(t.lib, f"get_{kind}")(callback))
        if kind in NARROW:
            t.see("register", t.lib.get_raw(callback))

    @case(name=f"results_{kind}")
    def returned(t: Trial) -> None:
        for value in results(t.ffi):
            t.see("returned", value)
            ask(t, lambda value=value: value)

    @case(name=f"error_{kind}")
    def as_error(t: Trial) -> None:
        for value in results(t.ffi):
            t.see("error=", value)
            with t.refusal():
                ask(t, fail, error=value)

    @case(name=f"onerror_{kind}")
    def from_onerror(t: Trial) -> None:
        for value in results(t.ffi):
            t.see("from onerror", value)
            ask(t, fail, onerror=lambda *exception, value=value: value)


for _kind in GETTERS:
    result_cases(_kind)


@case()
def fields_left_out_of_error(t: Trial) -> None:
    for error in ([], [1], {"y": 2}, {}):
        t.see(t.lib.get_pair(t.callback("struct pair(void)", fail, error=error)))


# Cases: exceptions.


def raise_with_cause(x: int) -> int:
    try:
        raise KeyError("first")
    except KeyError as error:
        raise ValueError("second") from error


def raise_with_context(x: int) -> int:
    try:
        raise KeyError("first")
    except KeyError:
        raise ValueError("second")  # noqa: B904


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class UnprintableCallable:
    def __call__(self, x: int) -> int:
        raise ValueError("from a callable without repr")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def exiter(error: BaseException) -> Callable[[int], int]:
    def leave(x: int) -> int:
        raise error

    return leave


@case()
def exceptions(t: Trial) -> None:
    for function in (
        fail, raise_with_cause, raise_with_context, UnprintableCallable(),
        exiter(Unprintable()), exiter(SystemExit(3)), exiter(KeyboardInterrupt()),
        exiter(StopIteration(4)), exiter(SyntaxError("odd", ("file", 1, 2, "text"))),
        exiter(MemoryError()), lambda: 1, lambda x, y: 1, lambda *, x: 1,
    ):  # fmt: skip
        t.see(t.lib.call_int(t.callback("int(int)", function), 1))
        t.see(t.lib.call_int(t.callback("int(int)", function, error=-7), 1))
        seen = t.callback("int(int)", function, onerror=lambda *exception: t.see(*exception[:2]))
        t.see(t.lib.call_int(seen, 1))


@case()
def callables(t: Trial) -> None:
    class Method:
        def method(self, x: int) -> int:
            return x + 1

        @classmethod
        def of_class(cls, x: int) -> int:
            return x + 2

        @staticmethod
        def of_none(x: int) -> int:
            return x + 3

        def __call__(self, x: int) -> int:
            return x + 4

    def default(x: int, y: int = 5) -> int:
        return x + y

    instance = Method()
    for function in (
        instance.method, instance.of_class, instance.of_none, instance, Method.of_class, abs, int,
        bool, float, functools.partial(default, y=6), functools.lru_cache(None)(default),
        default, (7).__add__, [8, 9].pop, t.lib.call_int, Method, "x".__mul__,
    ):  # fmt: skip
        t.see(function, t.lib.call_int(t.callback("int(int)", function), -1))


@case()
def onerror_gets_the_exception(t: Trial) -> None:
    def onerror(type: Any, value: Any, traceback: Any) -> None:
        names = []
        while traceback is not None:
            names.append(traceback.tb_frame.f_code.co_name)
            traceback = traceback.tb_next
        t.see(type, value, value.__traceback__ is not None, value.__cause__, names)

    t.see(t.lib.call_int(t.callback("int(int)", fail, onerror=onerror), 1))
    t.see(t.lib.call_int(t.callback("int(int)", raise_with_cause, 9, onerror), 1))
    t.see(t.lib.call_int(t.callback("int(int)", lambda x: "text", onerror=onerror, error=8), 1))
    t.lib.call_void_int(t.callback("void(int)", lambda x: 5, onerror=onerror), 1)


@case()
def onerror_fails(t: Trial) -> None:
    def reraise(type: Any, value: Any, traceback: Any) -> None:
        raise RuntimeError("onerror fails") from value

    def again(type: Any, value: Any, traceback: Any) -> None:
        raise value

    for onerror in (fail, reraise, again, lambda: None, lambda *e: "text", lambda *e: 1 << 40):
        for function in (fail, lambda x: "text"):
            t.see(t.lib.call_int(t.callback("int(int)", function, onerror=onerror), 1))
            t.see(t.lib.call_int(t.callback("int(int)", function, 44, onerror), 1))


@case()
def bad_onerror(t: Trial) -> None:
    for onerror in (42, "text", False, [], t.ffi.NULL):
        with t.refusal():
            t.callback("int(int)", fail, onerror=onerror)
        with t.refusal():
            t.callback("int(int)", fail, "bad error= as well", onerror)


@case()
def reasons_for_refusal_in_order(t: Trial) -> None:
    for declaration in ("int", "int(*)(union either)", "union either(*)(int)", "int(int, ...)"):
        for onerror in (None, 42):
            with t.refusal():
                t.callback(declaration, fail, None, onerror)


@case(ways=(STOCK, INSTALLED))
def bad_functions(t: Trial) -> None:
    for function in (42, "text", False, [], t.ffi.NULL):
        with t.refusal():
            t.callback("int(int)", function)
        with t.refusal():
            t.callback("int", function)
        with t.refusal():
            t.decorator("int(int)")(function)


@case(ways=(STOCK, INSTALLED))
def wrong_numbers_of_arguments(t: Trial) -> None:
    for args, options in (
        ((), {}), (("int(int)", fail, None, None, None), {}), (("int(int)",), {"unknown": 1}),
        (("int(int)", fail), {"cdecl": "int(int)"}), ((), {"python_callable": fail}),
    ):  # fmt: skip
        with t.refusal(text=False):
            t.ffi.callback(*args, **options)


@case()
def unraisable_hook(t: Trial) -> None:
    def hook(unraisable: Any) -> None:
        t.see(unraisable.exc_type, unraisable.exc_value, unraisable.err_msg, unraisable.object)
        t.see(unraisable.exc_traceback is not None)

    before, sys.unraisablehook = sys.unraisablehook, hook
    try:
        for options in ({}, {"onerror": fail}):
            t.see(t.lib.call_int(t.callback("int(int)", fail, **options), 1))
            t.see(t.lib.call_int(t.callback("int(int)", lambda x: "text", **options), 1))
            t.see(t.lib.call_raw_bool(t.callback("int(_Bool)", fail, **options), 2))
    finally:
        sys.unraisablehook = before


@case()
def exceptions_around_a_callback(t: Trial) -> None:
    """The exception being handled where C is called is the context inside the callback."""
    callback = t.callback("int(int)", lambda x: t.see(sys.exc_info()[:2]) or 1)
    failing = t.callback("int(int)", fail)
    try:
        raise KeyError("outside")
    except KeyError as error:
        t.see(t.lib.call_int(callback, 1), t.lib.call_int(failing, 1), error)
    t.see(sys.exc_info()[:2])


# Cases: forms of the call.


@case()
def decorators(t: Trial) -> None:
    @t.decorator("int(int)")
    def plain(x: int) -> int:
        return x + 1

    @t.decorator("int(*)(int)", error=5, onerror=lambda *exception: t.see(*exception[:2]))
    def failing(x: int) -> int:
        raise ValueError("from a decorated function")

    @t.decorator(t.ffi.typeof("int(*)(int)"), 6)
    def positional(x: int) -> int:
        raise ValueError("from another")

    for decorated in (plain, failing, positional):
        t.see(t.ffi.typeof(decorated), t.lib.call_int(decorated, 1))
    decorate = t.decorator("int(int)")
    t.see([t.lib.call_int(decorate(function), 3) for function in (abs, lambda x: 2 * x)])


@case(ways=(STOCK, INSTALLED))
def keywords_of_cffi(t: Trial) -> None:
    callback = t.ffi.callback(cdecl="int(int)", python_callable=fail, error=3, onerror=None)
    t.see(t.lib.call_int(callback, 1))
    t.see(t.lib.call_int(t.ffi.callback(cdecl="int(int)", error=3)(fail), 1))


@case()
def bad_error_values_of_decorators(t: Trial) -> None:
    for options in ({"error": "text"}, {"onerror": 42}, {"error": 1 << 40}):
        with t.refusal():
            t.decorator("int(int)", **options)(fail)


# Cases: errno.


@case()
def errno_is_kept(t: Trial) -> None:
    def look(x: int) -> int:
        t.see("errno", t.ffi.errno)
        os.path.exists("/no/such/file")
        return x

    def change(x: int) -> int:
        t.ffi.errno = x
        return x

    def fail_and_change(x: int) -> int:
        t.ffi.errno = x
        raise ValueError("after a change of errno")

    for function in (look, change, fail_and_change, lambda x: "text"):
        t.ffi.errno = 3
        t.see(t.lib.call_errno(t.callback("int(int)", function), 17, 5), t.ffi.errno)
    inner = t.callback("int(int)", change)
    outer = t.callback("int(int)", lambda x: t.lib.call_errno(inner, 30, 6) - t.ffi.errno)
    t.see(t.lib.call_errno(outer, 0, 7), t.ffi.errno)


# Cases: calls inside calls.


@case()
def nested_calls(t: Trial) -> None:
    def add_up(x: int) -> int:
        return x + t.lib.call_int(callback, x - 1) if x else 0

    callback = t.callback("int(int)", add_up)
    t.see(t.lib.call_int(callback, 50))

    def fail_at_the_bottom(x: int) -> int:
        if x:
            return 1 + t.lib.call_int(failing, x - 1)
        raise ValueError("at the bottom")

    failing = t.callback("int(int)", fail_at_the_bottom, error=100)
    t.see(t.lib.call_int(failing, 5))


# Cases: the cdata.


@case()
def called_by_python(t: Trial) -> None:
    callback = t.callback("int(int)", lambda x: x + 1)
    t.see(callback(41))
    for args in ((), (1, 2), ("x",), (1.5,), (1 << 40,)):
        with t.refusal():
            callback(*args)


@case()
def operators(t: Trial) -> None:
    callback, other = (t.callback("int(int)", lambda x: x) for _ in range(2))
    address = t.ffi.cast("void *", callback)
    t.see(callback == callback, callback == other, callback != other, callback == 5)
    t.see(callback == t.ffi.cast("int_fn", address), callback == t.ffi.NULL, bool(callback))
    t.see(hash(callback) == hash(t.ffi.cast("int_fn", address)), callback in {callback, other})
    t.see((callback < other) != (callback > other), callback <= callback)
    t.see(isinstance(callback, t.ffi.CData), t.ffi.sizeof(callback), t.ffi.typeof(callback))
    t.see(t.ffi.cast("int_fn", int(t.ffi.cast("intptr_t", address)))(4))
    t.see(weakref.ref(callback)() is callback)
    for operation in (
        len, int, float, iter, t.ffi.string, t.ffi.addressof, t.ffi.buffer,
        t.ffi.from_handle, lambda c: c[0], lambda c: c + 1, lambda c: c - other,
        lambda c: c.attribute, lambda c: setattr(c, "attribute", 1),
        lambda c: t.ffi.cast("double", c),
        lambda c: t.ffi.new("void(**)(void)", c), lambda c: t.lib.call_pointer(c, t.ffi.NULL),
    ):  # fmt: skip
        with t.refusal():
            t.see(operation(callback))


@case()
def stored_in_memory(t: Trial) -> None:
    callback = t.callback("int(int)", lambda x: 10 * x)
    holder = t.ffi.new("struct holder *", {"number": 3, "function": callback})
    t.see(t.lib.call_holder(holder, 4), holder.function == callback, holder.function(5))
    holder.function = t.callback("int(int)", lambda x: -x)
    with t.refusal():
        holder.function = t.callback("int(long)", lambda x: x)
    array = t.ffi.new("int_fn[]", [callback, t.ffi.NULL])
    t.see(t.lib.call_int(array[0], 6), array[1], t.ffi.new("int_fn *", callback)[0](7))


@case()
def given_a_destructor(t: Trial) -> None:
    callback = t.callback("int(int)", lambda x: x + 1)
    guarded = t.ffi.gc(callback, lambda pointer: t.see("freed", pointer == address))
    address = t.ffi.cast("int_fn", callback)
    del callback
    t.see(t.ffi.typeof(guarded), guarded == address, t.lib.call_int(guarded, 5))
    del guarded


# The child.


def load(flavour: str, folder: Path) -> tuple[Any, Any]:
    """The ffi object and the library of c/python/cffi_calls.h that `build_calls()` made."""
    if flavour == API:
        module = importlib.import_module("calls_api")
        return module.ffi, module.lib
    if flavour == ABI:
        ffi = importlib.import_module("calls_abi").ffi
    else:
        ffi = cffi.FFI()
        ffi.cdef((C / "cffi_calls.h").read_text())
    return ffi, ffi.dlopen(str(folder / "libcalls.so"))


def run_cases(way: str, folder: Path) -> None:
    objects = {flavour: load(flavour, folder) for flavour in FLAVOURS}
    for flavour, name in json.load(sys.stdin):
        trial = Trial(way, flavour, *objects[flavour])
        failure = ""
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            try:
                CASES[name].run(trial)
            except Exception:
                failure = traceback.format_exc()
        transcript = [*trial.transcript, *without_addresses(stderr.getvalue()).splitlines()]
        print(json.dumps([flavour, name, transcript, failure]), flush=True)


def build(ffi: Any, ctype: Any, value: Any) -> Any:
    """A plain value as something that cffi converts to this type."""
    if ctype.kind in ("pointer", "function"):
        return ffi.cast(ctype, value)
    if ctype.kind == "array":
        return [build(ffi, ctype.item, item) for item in value]
    if ctype.kind == "struct":
        types = [field.type for _, field in ctype.fields]
        return [build(ffi, type, item) for type, item in zip(types, value)]
    return value


def receive(trial: Trial, received: list[Any], answer: Any, *arguments: Any) -> Any:
    trial.see(*arguments)
    received.extend(plain(trial.ffi, argument) for argument in arguments)
    return answer


def run_calls(way: str, folder: Path) -> None:
    ffi = importlib.import_module("callers").ffi
    lib = ffi.dlopen(str(folder / "libcallers.so"))
    for i, result in enumerate(pickle.loads((folder / "calls.pickle").read_bytes())):
        trial = Trial(way, ABI, ffi, lib)
        ctype = ffi.typeof(f"fn_{i}")
        is_void = ctype.result.kind == "void"
        memory = ffi.NULL if is_void else ffi.new(ffi.getctype(ctype.result, "*"))
        answer = None if is_void else build(ffi, ctype.result, result)
        received: list[Any] = []
        function = functools.partial(receive, trial, received, answer)
        getattr(lib, f"call_{i}")(trial.callback(ctype, function), memory)
        returned = None if is_void else plain(ffi, memory[0])
        print(json.dumps([repr(received), repr(returned), trial.transcript]), flush=True)


def main(what: str, way: str, folder: str) -> None:
    warnings.simplefilter("always")
    # Where a warning comes from differs: it is trampfd's file for what trampfd converts.
    warnings.showwarning = lambda message, category, *_: print(
        f"{category.__name__}: {message}", file=sys.stderr
    )
    sys.path.insert(0, folder)
    gc.freeze()  # many cases collect garbage, and need not look through all modules for it
    run = {"cases": run_cases, "calls": run_calls}[what]
    if way == INSTALLED:
        import trampfd

        with trampfd.installed():
            run(way, Path(folder))
    else:
        run(way, Path(folder))


# The tests.


def child(what: str, way: str, folder: Path, request: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, what, way, str(folder)],
        input=request,
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
    )


def compile_library(source: Path, library: Path) -> None:
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)


def build_calls(folder: Path) -> None:
    """Make what `load()` loads."""
    header = (C / "cffi_calls.h").read_text()
    compile_library(C / "cffi_calls.c", folder / "libcalls.so")
    abi = cffi.FFI()
    abi.cdef(header)
    abi.set_source("calls_abi", None)
    abi.compile(tmpdir=str(folder))
    api = cffi.FFI()
    api.cdef(header + "struct partial { long last; ...; };")
    api.set_source(
        "calls_api",
        '#include <uchar.h>\n#include "cffi_calls.h"\nstruct partial { double first; long last; };',
        sources=[str(C / "cffi_calls.c")],
        include_dirs=[str(C)],
    )
    api.compile(tmpdir=str(folder))


@dataclass(frozen=True)
class Outcome:
    """What a case saw in one way and flavour, and why it did not come to its end."""

    transcript: list[str]
    failure: str


Outcomes = dict[tuple[str, str, str], Outcome]


def outcomes_of(way: str, folder: Path) -> Outcomes:
    """By way, flavour and name.  After a case that ends the process another one goes on."""
    remaining = [
        (flavour, name)
        for name, case in CASES.items()
        if way in case.ways
        for flavour in case.flavours
    ]
    outcomes: Outcomes = {}
    while remaining:
        process = child("cases", way, folder, json.dumps(remaining))
        for line in process.stdout.splitlines():
            flavour, name, *outcome = json.loads(line)
            outcomes[way, flavour, name] = Outcome(*outcome)
            remaining.remove((flavour, name))
        assert process.returncode <= 0, process.stderr
        if remaining:
            end = f"the process ended with {process.returncode}: {process.stderr}"
            outcomes[(way, *remaining.pop(0))] = Outcome([], end)
        else:
            assert not process.stderr
    return outcomes


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    folder = build_cache.folder(("calls", sys.version, cffi.__version__), build_calls)
    return {key: outcome for way in WAYS for key, outcome in outcomes_of(way, folder).items()}


@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name, case in CASES.items() for way in case.ways if way != STOCK],
)
def test_case_as_with_stock_cffi(name: str, way: str, outcomes: Outcomes) -> None:
    for flavour in CASES[name].flavours:
        stock = outcomes[STOCK, flavour, name]
        assert not stock.failure, flavour
        assert stock.transcript, f"{name} says nothing"
        ours = outcomes[way, flavour, name]
        assert not ours.failure, flavour
        assert ours.transcript == stock.transcript, flavour


def compare(calls: Sequence[signatures.Call], folder: Path) -> None:
    """Assert that Python and C receive what was passed, in all ways, and see it alike."""
    source = folder / "callers.c"
    source.write_text(signatures.definitions(calls))
    compile_library(source, folder / "libcallers.so")
    ffi = cffi.FFI()
    ffi.cdef(signatures.declarations(calls))
    ffi.set_source("callers", None)
    ffi.compile(tmpdir=str(folder))
    (folder / "calls.pickle").write_bytes(pickle.dumps([call.result for call in calls]))
    seen_by_stock: list[list[str]] = []
    for way in WAYS:
        process = child("calls", way, folder)
        lines = [json.loads(line) for line in process.stdout.splitlines()]
        for call, (received, returned, _) in zip(calls, lines):
            assert received == repr(list(call.arguments)), f"{way}: {call}"
            assert returned == repr(call.result), f"{way}: {call}"
        assert not process.stderr, f"{way}, {calls[len(lines) :][:1]}: {process.stderr}"
        assert len(lines) == len(calls), f"{way}, {calls[len(lines)]}: {process.returncode}"
        seen = [transcript for *_, transcript in lines]
        seen_by_stock = seen_by_stock or seen
        assert seen == seen_by_stock


def test_every_scalar_type(tmp_path: Path) -> None:
    compare(signatures.every_scalar(), tmp_path)


def test_structures_of_every_size_and_make(tmp_path: Path) -> None:
    compare(signatures.every_structure(), tmp_path)


settings.register_profile(
    "fixed",
    max_examples=scale.down("generated calls, cffi", 200, 20),
    derandomize=True,
    database=None,
    deadline=None,
    # One compiler run for all examples: what fails is one call and needs no shrinking.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "random", settings.get_profile("fixed"), max_examples=2000, derandomize=False
)


def test_generated_signatures(tmp_path: Path) -> None:
    """TRAMPFD_EXAMPLES=random takes other and more examples at each run."""
    calls: list[signatures.Call] = []

    @settings.get_profile(os.environ.get("TRAMPFD_EXAMPLES", "fixed"))
    @given(signatures.calls())
    def collect(call: signatures.Call) -> None:
        calls.append(call)

    collect()
    compare(calls, tmp_path)


if __name__ == "__main__":
    main(*sys.argv[1:])
