# SPDX-License-Identifier: MIT
"""ctypes callbacks by trampfd: calls made by a C compiler, lifetime, threads, install().

What must be as with stock ctypes is in test_ctypes_parity.py. Here the other side of the call is
the measure: arguments and results of callers that the C compiler made. The few differences from
ctypes that are meant are at the end.
"""

from __future__ import annotations

import _ctypes
import ctypes
import gc
import operator
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from ctypes import CFUNCTYPE, POINTER, byref, c_int, c_long, c_void_p
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import abi, build_cache, c_types, core, scale, signatures
from support.cpu import WORD
from support.ctypes_calls import BY_LETTER, COMMAND, address, compiled, ctypes_type

import trampfd
from trampfd import _native

SOURCE = core.PROGRAMS / "python/ctypes_echo.c"
NAME = "libctypes_echo.so"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

Make = Callable[[Any, Callable[..., Any]], Any]


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return ctypes.CDLL(str(core.compiled(*COMMAND, *WARNINGS, SOURCE, "-o", NAME) / NAME))


def instance(cls: Any, function: Callable[..., Any]) -> Any:
    """By stock ctypes, unless install() is in force."""
    return cls(function)


def under_install(cls: Any, function: Callable[..., Any]) -> Any:
    with trampfd.installed():
        return cls(function)


WAYS = (trampfd.callback, under_install)


@pytest.fixture(params=WAYS, ids=["callback", "installed"])
def make(request: pytest.FixtureRequest) -> Make:
    """The two ways to get a callback from trampfd."""
    way: Make = request.param
    return way


def is_ours(callback: Any) -> bool:
    return _native.find(address(callback)) is not None


def in_child(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
        **options,
    )


# --- Calls by the C compiler -------------------------------------------------------------------


def ctypes_value(kind: Any, value: Any) -> Any:
    """What ctypes shows for a scalar of c_types.py."""
    if kind.kind == c_types.POINTER:
        return value or None
    return ord(value) if kind.kind == c_types.WIDE and kind.size == 2 else value


def plain(value: Any) -> Any:
    """A value without ctypes instances; elements and fields one by one."""
    if isinstance(value, ctypes.Array):
        return [plain(element) for element in elements(value)]
    if isinstance(value, (ctypes.Structure, ctypes.Union)):
        return [plain(field) for field in fields(value)]
    return repr(value)


def elements(array: Any) -> list[Any]:
    return [array[i] for i in range(len(array))]


def fields(instance: Any) -> Iterator[Any]:
    """Fields, arrays of characters as arrays and not as the text in them."""
    for name, kind, *bits in instance._fields_:
        if not bits and issubclass(kind, ctypes.Array):
            yield kind.from_buffer(instance, getattr(type(instance), name).offset)
        else:
            yield getattr(instance, name)


def expected(kind: Any, value: Any) -> Any:
    """What plain() gives for a value that came unharmed."""
    if isinstance(kind, c_types.Array):
        return [expected(kind.item, item) for item in value]
    if isinstance(kind, c_types.Structure):
        return [expected(member, item) for member, item in zip(kind.members, value)]
    return repr(ctypes_value(kind, value))


def run_call(function: Any, call: signatures.Call, make: Make) -> tuple[list[Any], bytes]:
    """Let C make one call; the arguments that came and the bytes that C got."""
    received: list[Any] = []
    result_type = None if call.result_type is None else ctypes_type(call.result_type)

    def callback(*arguments: Any) -> Any:
        received.append([plain(argument) for argument in arguments])
        return None if call.result_type is None else ctypes_value(call.result_type, call.result)

    cls = CFUNCTYPE(result_type, *map(ctypes_type, call.argument_types))
    closure = make(cls, callback)
    assert is_ours(closure)
    result = (result_type or c_int)()
    function(closure, byref(result))
    return received, bytes(result) if result_type else b""


def check_call(function: Any, call: signatures.Call, make: Make) -> None:
    received, result = run_call(function, call, make)
    assert received == [list(map(expected, call.argument_types, call.arguments))], call
    if call.result_type is not None:
        value = ctypes_type(call.result_type).from_buffer_copy(result).value
        assert repr(value) == expected(call.result_type, call.result), call


def check_calls(calls: Sequence[signatures.Call], folder: Path) -> None:
    # ctypes takes no structure as the result of a callback.
    calls = [
        signatures.Call(call.argument_types, call.arguments, None, None)
        if isinstance(call.result_type, c_types.Structure)
        else call
        for call in calls
    ]
    source = folder / "calls.c"
    source.write_text(signatures.definitions(calls))
    library = compiled(source, folder / "libcalls.so")
    for i, call in enumerate(calls):
        check_call(library[f"call_{i}"], call, trampfd.callback)
    with trampfd.installed():
        for i, call in enumerate(calls):
            check_call(library[f"call_{i}"], call, instance)


def test_every_scalar(tmp_path: Path) -> None:
    check_calls(signatures.every_scalar(), tmp_path)


def test_every_structure(tmp_path: Path) -> None:
    check_calls(signatures.every_structure(), tmp_path)


def generated_calls(count: int) -> list[signatures.Call]:
    """Drawn one by one, compiled together: a compiler for each would take minutes."""
    calls: list[signatures.Call] = []

    @settings(
        max_examples=scale.down("generated calls, ctypes", count, 20),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(signatures.calls(result_types=st.one_of(st.none(), signatures.scalars())))
    def collect(call: signatures.Call) -> None:
        calls.append(call)

    collect()
    return calls


def test_generated_signatures(tmp_path: Path) -> None:
    check_calls(generated_calls(300), tmp_path)


# --- Structures that ctypes has and c_types.py has not ------------------------------------------


def structure(base: Any, fields: list[Any], pack: int = 0) -> Any:
    names: dict[str, Any] = {"_fields_": fields}
    if pack:
        names["_pack_"] = pack
        names["_layout_"] = "ms"  # Python 3.14 wants it said; older versions look at _pack_ alone
    return type("Value", (base,), names)


PAIR = structure(ctypes.Structure, [("a", ctypes.c_float), ("b", ctypes.c_float)])

# Their C declarations, their classes and some values of their fields.
BY_VALUE: dict[str, tuple[str, Any, tuple[Any, ...]]] = {
    "bit fields in one int": (
        "struct { unsigned a : 3; int b : 5; unsigned c : 24; }",
        structure(
            ctypes.Structure, [("a", ctypes.c_uint, 3), ("b", c_int, 5), ("c", ctypes.c_uint, 24)]
        ),
        (5, -9, 0xABCDEF),
    ),
    "bit fields in a long long": (
        "struct { long long a : 40; unsigned long long b : 24; int c; }",
        structure(
            ctypes.Structure,
            [("a", ctypes.c_longlong, 40), ("b", ctypes.c_ulonglong, 24), ("c", c_int)],
        ),
        (-(2**39), 0xABCDEF, -1),
    ),
    "bit fields and a double": (
        "struct { int a : 4; int b : 9; double c; }",
        structure(ctypes.Structure, [("a", c_int, 4), ("b", c_int, 9), ("c", ctypes.c_double)]),
        (-8, 255, 2.5),
    ),
    "bit fields of one byte and a double": (
        "struct { unsigned char a : 1, b : 1, c : 1, d : 1, e : 1; signed char f; double g; }",
        structure(
            ctypes.Structure,
            [
                *((name, ctypes.c_ubyte, 1) for name in "abcde"),
                ("f", ctypes.c_byte),
                ("g", ctypes.c_double),
            ],
        ),
        (1, 0, 1, 1, 0, -3, 2.5),
    ),
    "bit fields in a large structure": (
        "struct { int a : 4; long b[4]; int c : 7; }",
        structure(ctypes.Structure, [("a", c_int, 4), ("b", c_long * 4), ("c", c_int, 7)]),
        (7, (1, 2, 3, -4), -64),
    ),
    "packed without effect": (
        "struct __attribute__((packed)) { int a; float b; }",
        structure(ctypes.Structure, [("a", c_int), ("b", ctypes.c_float)], pack=1),
        (-5, 0.5),
    ),
    "packed and large": (
        "struct __attribute__((packed)) { char a; double b[3]; }",
        structure(ctypes.Structure, [("a", ctypes.c_char), ("b", ctypes.c_double * 3)], pack=1),
        (b"p", (0.5, 1.5, -2.5)),
    ),
    "big-endian": (
        "struct { int a; double b; short c; }",
        structure(
            ctypes.BigEndianStructure,
            [("a", c_int), ("b", ctypes.c_double), ("c", ctypes.c_short)],
        ),
        (-2, 1.25, 258),
    ),
    "big-endian in registers": (
        "struct { int a; float b; double c; }",
        structure(
            ctypes.BigEndianStructure,
            [("a", c_int), ("b", ctypes.c_float), ("c", ctypes.c_double)],
        ),
        (77, -1.5, 1.25),
    ),
    "derived": (
        "struct { float a; float b; int c; }",
        structure(PAIR, [("c", c_int)]),
        (1.5, 2.5, 3),
    ),
    "union of int and float": (
        "union { int a; float b; }",
        structure(ctypes.Union, [("a", c_int), ("b", ctypes.c_float)]),
        (0x12345678,),
    ),
    "union of long and double": (
        "union { long a; double b; }",
        structure(ctypes.Union, [("a", c_long), ("b", ctypes.c_double)]),
        (0x123456789ABCDEF0,),
    ),
    "union of double and long": (
        "union { double a; long b; }",
        structure(ctypes.Union, [("a", ctypes.c_double), ("b", c_long)]),
        (0.1,),
    ),
    "union of doubles and a long": (
        "union { double a[2]; long b; }",
        structure(ctypes.Union, [("a", ctypes.c_double * 2), ("b", c_long)]),
        ((0.1, -0.2),),
    ),
    "union of a byte and ints": (
        "union { char a; int b[4]; }",
        structure(ctypes.Union, [("a", ctypes.c_char), ("b", c_int * 4)]),
        (b"u",),
    ),
    "union of float and double": (
        "union { float a; double b; }",
        structure(ctypes.Union, [("a", ctypes.c_float), ("b", ctypes.c_double)]),
        (0.5,),
    ),
    "union of bytes and a pointer": (
        "union { char a[3]; void *b; }",
        structure(ctypes.Union, [("a", ctypes.c_char * 3), ("b", c_void_p)]),
        (b"abc",),
    ),
    "union of a structure and an array": (
        "union { struct { float a; float b; } a; float b[2]; }",
        structure(ctypes.Union, [("a", PAIR), ("b", ctypes.c_float * 2)]),
        ((1.5, -2.5),),
    ),
    "union in memory": (
        "union { char a[40]; double b; }",
        structure(ctypes.Union, [("a", ctypes.c_char * 40), ("b", ctypes.c_double)]),
        (b"forty bytes are passed in memory, not in",),
    ),
    "union in a structure": (
        "struct { int a; union { int a; double b; } b; }",
        structure(
            ctypes.Structure,
            [
                ("a", c_int),
                ("b", structure(ctypes.Union, [("a", c_int), ("b", ctypes.c_double)])),
            ],
        ),
        (1, (2,)),
    ),
    "double and a union in a structure": (
        "struct { double a; union { double a; int b; } b; }",
        structure(
            ctypes.Structure,
            [
                ("a", ctypes.c_double),
                ("b", structure(ctypes.Union, [("a", ctypes.c_double), ("b", c_int)])),
            ],
        ),
        (0.5, (0.1,)),
    ),
    "function pointer in a structure": (
        "struct { void (*a)(void); int b; }",
        structure(ctypes.Structure, [("a", CFUNCTYPE(None)), ("b", c_int)]),
        (CFUNCTYPE(None)(), 3),
    ),
}


@pytest.fixture(scope="module")
def by_value() -> ctypes.CDLL:
    lines = [
        f"typedef {declaration} t{i};\n"
        f"void give_{i}(void (*f)(int, t{i}, double, t{i}, long), const t{i} *v)\n"
        "{ f(1, *v, 2.5, *v, -7); }\n"
        f"unsigned long size_{i}(void) {{ return sizeof(t{i}); }}"
        for i, (declaration, _, _) in enumerate(BY_VALUE.values())
    ]
    source = "\n".join(lines)

    def compile_in(folder: Path) -> None:
        (folder / "by_value.c").write_text(source)
        compiled(folder / "by_value.c", folder / "libby_value.so")

    return ctypes.CDLL(str(build_cache.folder(source, compile_in) / "libby_value.so"))


@pytest.mark.parametrize("name", BY_VALUE)
def test_structure_by_value(by_value: ctypes.CDLL, make: Make, name: str) -> None:
    index = list(BY_VALUE).index(name)
    _, cls, values = BY_VALUE[name]
    value = cls(*values)
    assert by_value[f"size_{index}"]() == ctypes.sizeof(cls)
    received: list[Any] = []

    def callback(first: int, one: Any, second: float, other: Any, third: int) -> None:
        received.append((first, type(one), shape(one), second, shape(other), third))

    closure = make(CFUNCTYPE(None, c_int, cls, ctypes.c_double, cls, c_long), callback)
    by_value[f"give_{index}"](closure, byref(value))
    assert received == [(1, cls, shape(value), 2.5, shape(value), -7)]


def shape(value: Any) -> Any:
    """The bytes that mean something: those of the fields, not those between them."""
    if isinstance(value, ctypes.Union):
        return bytes(value)
    if isinstance(value, ctypes.Structure):
        shapes = []
        for base in reversed(type(value).__mro__):
            for name, *_ in base.__dict__.get("_fields_", ()):
                shapes.append(shape(getattr(value, name)))
        return shapes
    if isinstance(value, ctypes.Array):
        return [shape(element) for element in value]
    return bool(value) if isinstance(value, _ctypes.CFuncPtr) else value


def first_argument(cls: Any, other: Any, call: Callable[[Any], None], make: Make) -> bytes:
    received: list[bytes] = []
    call(make(CFUNCTYPE(None, cls, other), lambda value, _: received.append(bytes(value))))
    return received[0]


def test_packed_structure_that_libffi_misplaces(lib: ctypes.CDLL) -> None:
    """C passes it in memory; libffi looks where the next argument is. As stock ctypes has it."""
    cls = structure(ctypes.Structure, [("tag", ctypes.c_char), ("value", c_int)], pack=1)
    value = cls(b"x", 0x01020304)

    def call(closure: Any) -> None:
        lib.give_packed(closure, byref(value), c_long(0x1112131415161718))

    by_stock = first_argument(cls, c_long, call, instance)
    for way in WAYS:
        assert first_argument(cls, c_long, call, way) in (bytes(value), by_stock)


# --- Everyday use ------------------------------------------------------------------------------

INT = CFUNCTYPE(c_int, c_int)


def test_qsort(make: Make) -> None:
    numbers = [5, 3, -2, 8, 1, 0, 7, -9, 3]
    array = (c_int * len(numbers))(*numbers)
    pointer = POINTER(c_int)
    order = make(CFUNCTYPE(c_int, pointer, pointer), lambda a, b: (a[0] > b[0]) - (a[0] < b[0]))
    ctypes.CDLL(None).qsort(array, ctypes.c_size_t(len(array)), ctypes.sizeof(c_int), order)
    assert list(array) == sorted(numbers)


def test_decorator(lib: ctypes.CDLL) -> None:
    @trampfd.callback(INT)
    def add_one(value: int) -> int:
        return value + 1

    assert type(add_one) is INT
    assert is_ours(add_one)
    assert lib.call_int(add_one, 5) == 6


def test_class_with_a_list_of_argtypes(lib: ctypes.CDLL, make: Make) -> None:
    """ctypes, too, takes any sequence, unless it is built to check itself."""

    class WithList(_ctypes.CFuncPtr):
        _argtypes_ = [c_int]  # noqa: RUF012
        _restype_ = c_int
        _flags_ = 1

    callback = make(WithList, abs)
    assert is_ours(callback)
    assert lib.call_int(callback, -5) == 5


@pytest.mark.parametrize("option", ["error", "onerror", "ffi"])
def test_options_of_cffi_are_refused(option: str) -> None:
    with pytest.raises(TypeError, match=f"{option}="):
        trampfd.callback(INT, abs, **{option: abs})


@pytest.mark.parametrize(
    "type_",
    [c_int, POINTER(c_int), INT(), ctypes.Structure, 5, None],
    ids=["scalar", "pointer", "callback", "structure", "number", "None"],
)
def test_other_types_are_refused(type_: Any) -> None:
    with pytest.raises(TypeError, match=r"the type of a callback is .* not "):
        trampfd.callback(type_, abs)


# --- Lifetime ----------------------------------------------------------------------------------


def slots_used() -> int:
    gc.collect()
    return trampfd.status().slots_used


def test_closure_lives_as_long_as_something_refers_to_it(lib: ctypes.CDLL, make: Make) -> None:
    class Table(ctypes.Structure):
        _fields_ = [("first", INT), ("second", INT)]

    before = slots_used()
    table = Table(make(INT, lambda value: value + 1), make(INT, lambda value: value * 2))
    array = (INT * 2)(make(INT, abs), make(INT, abs))
    pointer = ctypes.pointer(make(INT, abs))
    untyped = ctypes.cast(make(INT, abs), c_void_p)
    view = memoryview(make(INT, abs))
    assert slots_used() == before + 7
    assert lib.call_table(byref(table), 5) == 12
    table.first = make(INT, lambda value: value - 1)
    assert slots_used() == before + 7
    del table
    assert slots_used() == before + 5
    del array, pointer, untyped, view
    assert slots_used() == before


def test_closure_in_a_cycle_is_freed(make: Make) -> None:
    before = slots_used()
    for _ in range(10):
        cycle: list[Any] = []
        cycle.append(make(INT, lambda value, cycle=cycle: len(cycle)))
        cycle[0].itself = cycle[0]
    del cycle
    assert slots_used() == before


def test_closure_freed_in_its_own_call_is_gone_after_it(lib: ctypes.CDLL, make: Make) -> None:
    before = slots_used()
    inside: list[int] = []

    def callback(value: int) -> int:
        holder.clear()
        inside.append(slots_used())
        return value + 1

    holder = [make(INT, callback)]
    lib.remember(holder[0])
    del callback
    assert lib.call_remembered(5) == 6
    assert inside == [before + 1]
    assert slots_used() == before


def test_instance_that_was_given_another_address(lib: ctypes.CDLL, make: Make) -> None:
    before = slots_used()
    callback = make(INT, lambda value: value + 1)
    c_void_p.from_buffer(callback).value = address(ctypes.CDLL(None).abs)
    assert callback(-5) == 5
    del callback
    assert slots_used() == before


def test_failed_init_frees_the_closure(make: Make) -> None:
    class Failing(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __init__(self, function: Any) -> None:
            raise LookupError("no")

    before = slots_used()
    with pytest.raises(LookupError):
        make(Failing, print)
    assert slots_used() == before


@pytest.mark.parametrize("kind", [*BY_LETTER.values(), ctypes.py_object], ids=repr)
def test_no_leak_over_many_calls(lib: ctypes.CDLL, make: Make, kind: Any) -> None:
    value = None if kind is ctypes.py_object else kind().value
    callback = make(CFUNCTYPE(kind, kind), lambda _: value)
    function = lib[f"echo_{ {'?': 'bool', 'O': 'P'}.get(kind._type_, kind._type_) }"]
    source, target = kind(value), ctypes.create_string_buffer(16)

    def growth(calls: int) -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(calls):
            function(callback, byref(source), target)
        gc.collect()
        return sys.getallocatedblocks() - before

    # Python itself now and then keeps something; a leak would be there each time.
    calls = scale.down("calls that leak nothing", 2000, 300)
    assert min(growth(calls) for _ in range(4)) < 200


COMPLEX = [
    getattr(ctypes, f"c_{name}_complex")
    for name in ("float", "double", "longdouble")
    if hasattr(ctypes, f"c_{name}_complex")
]


def memory_of_a_call(make: Make, kind: Any) -> list[int]:
    """What is allocated for a moment to convert an argument of a callback, and its result.

    Read in the middle of calls: making the first argument resets what tracemalloc has seen.
    """
    given = kind("text") if kind is ctypes.py_object else kind()
    value = given.value
    seen = []

    class Mark(ctypes.Structure):
        _fields_ = (("x", c_int),)

        def __init__(self) -> None:
            tracemalloc.reset_peak()

    def extra() -> int:
        now, peak = tracemalloc.get_traced_memory()
        return peak - now

    def callback(*_: Any) -> Any:
        seen.append(extra())
        tracemalloc.reset_peak()
        return value

    made = make(CFUNCTYPE(kind, Mark, kind), callback)
    call = CFUNCTYPE(kind, Mark, kind)(address(made))
    mark = Mark()
    tracemalloc.start()
    try:
        for _ in range(2):  # the first warms caches
            seen.clear()
            call(mark, given)
            seen.append(extra())
    finally:
        tracemalloc.stop()
    return seen


OF_DIRECT_CONVERSION = [
    *(ctypes.c_float, ctypes.c_longdouble, ctypes.c_wchar, ctypes.c_char, ctypes.c_bool),
    *(ctypes.c_char_p, ctypes.c_wchar_p, c_void_p, ctypes.py_object, *COMPLEX),
]


@pytest.mark.parametrize("kind", OF_DIRECT_CONVERSION, ids=repr)
def test_simple_types_are_converted_without_an_instance(make: Make, kind: Any) -> None:
    """As c_double, which takes no memory but that of the float."""
    plain, spent = (memory_of_a_call(make, cls) for cls in (ctypes.c_double, kind))
    assert all(abs(more) < 64 for more in map(operator.sub, spent, plain)), (plain, spent)


@pytest.mark.parametrize("value", [("an", "object"), None, [1], "text"], ids=repr)
def test_object_result_is_owned_by_the_caller(make: Make, value: Any) -> None:
    """Also None, which ctypes gives away without a reference before Python 3.10."""
    call = ctypes.PYFUNCTYPE(ctypes.py_object)
    callback = make(call, lambda: value)
    borrowed = call(address(callback))
    before = sys.getrefcount(value)
    for _ in range(1000):
        assert borrowed() is value
    assert abs(sys.getrefcount(value) - before) < 10


def test_freed_closure_names_itself() -> None:
    child = in_child(
        "import ctypes, trampfd\n"
        "def the_callback(): pass\n"
        "callback = trampfd.callback(ctypes.CFUNCTYPE(None), the_callback)\n"
        "dangling = ctypes.CFUNCTYPE(None).from_buffer_copy(callback)\n"
        "dangling()\n"
        "del callback\n"
        "dangling()\n"
    )
    assert child.returncode == -signal.SIGABRT, child
    assert "the_callback" in child.stderr


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "dropped"])
def test_called_after_the_interpreter_ended(lib: ctypes.CDLL, kept: bool) -> None:
    child = in_child(
        "import ctypes, sys, trampfd\n"
        "lib = ctypes.CDLL(sys.argv[1])\n"
        "trampfd.install()\n"
        "def later(value): print('still called')\n"
        "callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(later)\n"
        "lib.remember(callback)\n"
        "lib.call_remembered_at_exit()\n"
        f"sys.kept = callback if {kept} else None\n",
        lib._name,
    )
    assert child.returncode == 0, child
    assert child.stdout == ""
    assert child.stderr.count("the Python interpreter was not running") == 1


# --- Threads -----------------------------------------------------------------------------------


def test_thread_of_c_keeps_no_data(lib: ctypes.CDLL, make: Make) -> None:
    """As with stock ctypes, which makes a thread state anew for each call."""
    local = threading.local()

    def callback(value: int) -> int:
        local.calls = getattr(local, "calls", 0) + 1
        return int(local.calls)

    assert lib.call_in_threads(make(INT, callback), 3, 20) == 3 * 20


def test_threads_make_call_and_free(lib: ctypes.CDLL, make: Make) -> None:
    failures: list[Any] = []
    before = slots_used()

    def work(number: int) -> None:
        for i in range(100):
            callback = make(INT, lambda value, i=i: value + i + number)
            if lib.call_int(callback, 1) != 1 + i + number:
                failures.append((number, i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert slots_used() == before


# --- install() ---------------------------------------------------------------------------------


def test_install_reaches_classes_made_before_and_after(lib: ctypes.CDLL) -> None:
    class Before(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = 1

    class BeforeWithNew(_ctypes.CFuncPtr):
        _argtypes_ = (c_int,)
        _restype_ = c_int
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            return super().__new__(cls, lambda value: 100 + function(value))

    old = [(cls(abs), cls) for cls in (Before, BeforeWithNew, INT)]
    with trampfd.installed():

        class After(_ctypes.CFuncPtr):
            _argtypes_ = (c_int,)
            _restype_ = c_int
            _flags_ = 1

        new = [(cls(abs), cls) for cls in (Before, BeforeWithNew, INT, After)]
        assert all(is_ours(callback) for callback, _ in new)
    late = [(cls(abs), cls) for cls in (Before, BeforeWithNew, INT, After)]
    assert not any(is_ours(callback) for callback, _ in [*old, *late])
    for callback, cls in [*old, *new, *late]:
        assert type(callback) is cls
        assert lib.call_int(callback, -5) == (105 if cls is BeforeWithNew else 5)


def test_install_twice_and_uninstall_once() -> None:
    try:
        trampfd.install()
        trampfd.install()
        with trampfd.installed():
            assert is_ours(INT(abs))
        assert is_ours(INT(abs))
    finally:
        trampfd.uninstall()
    assert not is_ours(INT(abs))
    trampfd.uninstall()
    assert not is_ours(INT(abs))


def test_installed_blocks_that_overlap() -> None:
    """As they do in threads."""
    first, second = trampfd.installed(), trampfd.installed()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert is_ours(INT(abs))
    second.__exit__(None, None, None)
    assert not is_ours(INT(abs))


def test_installed_block_inside_install() -> None:
    try:
        with trampfd.installed():
            trampfd.install()
        assert is_ours(INT(abs))
    finally:
        trampfd.uninstall()
    assert not is_ours(INT(abs))


@pytest.mark.parametrize("name", ["ctypes", "_ctypes"])
def test_install_before_the_import(name: str) -> None:
    child = in_child(
        "import sys, trampfd\n"
        "from trampfd import _native\n"
        "assert '_ctypes' not in sys.modules\n"
        "trampfd.install()\n"
        "assert '_ctypes' not in sys.modules\n"
        f"import {name}\n"
        "import ctypes\n"
        "callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(abs)\n"
        "assert _native.find(ctypes.cast(callback, ctypes.c_void_p).value)\n"
        "assert callback(-5) == 5\n"
        "print(ctypes.__spec__.loader.__class__.__name__, sys.modules['_ctypes'].__spec__.name)\n"
    )
    assert (child.returncode, child.stderr) == (0, ""), child.stderr
    assert child.stdout == "SourceFileLoader _ctypes\n"


def test_new_called_by_callback_leaves_nothing_installed() -> None:
    made: list[Any] = []

    class WithNew(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            made.append(ctypes.PYFUNCTYPE(c_int, c_int))
            return super().__new__(cls, function)

    assert is_ours(trampfd.callback(WithNew, print))
    assert not trampfd.is_installed()
    assert not is_ours(INT(abs))
    assert not is_ours(made[0](abs))


def test_own_new_under_callback_makes_another() -> None:
    """Python wants to find the same below any class that has a __new__ of its own."""

    class Base(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

    class Other(Base):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            return _ctypes.CFuncPtr.__new__(cls, function)

    class WithNew(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            made.append(Other(function))
            return _ctypes.CFuncPtr.__new__(cls, function)

    made: list[Any] = []
    made.append(trampfd.callback(WithNew, print))
    assert [type(callback) for callback in made] == [Other, WithNew]
    assert is_ours(made[1])
    assert not is_ours(Other(print))


def test_own_new_under_callback_in_two_threads() -> None:
    """One is made while the other, begun earlier, ends."""
    inside, go_on = threading.Event(), threading.Event()

    class First(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            inside.set()
            assert go_on.wait(60)
            return _ctypes.CFuncPtr.__new__(cls, function)

    class Second(_ctypes.CFuncPtr):
        _argtypes_ = ()
        _restype_ = None
        _flags_ = 1

        def __new__(cls, function: Any) -> Any:
            go_on.set()
            thread.join()
            return _ctypes.CFuncPtr.__new__(cls, function)

    made: list[Any] = []
    thread = threading.Thread(target=lambda: made.append(trampfd.callback(First, print)))
    thread.start()
    assert inside.wait(60)
    made.append(trampfd.callback(Second, print))
    assert [is_ours(callback) for callback in made] == [True, True]


# --- Differences from ctypes that are meant ----------------------------------------------------


def test_difference_what_the_instance_keeps(make: Make) -> None:
    callback = make(INT, abs)
    assert isinstance(callback._objects, _native.Closure)
    assert callback._b_needsfree_
    assert callback._b_base_ is None


def fail(*_: Any) -> Any:
    raise ValueError("on purpose")


@pytest.mark.parametrize("kind", BY_LETTER.values(), ids=lambda kind: kind.__name__)
def test_difference_result_of_a_failed_call_is_zero(
    lib: ctypes.CDLL, make: Make, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stock ctypes it is what happened to be on the stack."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: seen.append(report.exc_type))
    function = lib[f"echo_{'bool' if kind._type_ == '?' else kind._type_}"]
    callbacks = [make(CFUNCTYPE(kind, kind), fail)]
    if kind is not ctypes.c_bool:  # anything is true or false
        callbacks.append(make(CFUNCTYPE(kind, kind), lambda _: object()))
    for callback in callbacks:
        result = ctypes.create_string_buffer(b"\xa5" * 16, 16)
        function(callback, byref(kind()), result)
        assert not any(result.raw[: min(10, ctypes.sizeof(kind))])
    assert seen == [ValueError, TypeError][: len(callbacks)]


def test_difference_array_argument_is_filled_with_zeros(lib: ctypes.CDLL, make: Make) -> None:
    """C passes a pointer; ctypes copies it and what lies behind it on the stack."""
    received: list[bytes] = []
    cls = c_int * 8
    callback = make(CFUNCTYPE(None, cls), lambda array: received.append(bytes(array)))
    value = 0x1122334455667788 % (1 << 8 * WORD)
    lib.give_pointer(callback, c_void_p(value))
    assert received == [value.to_bytes(WORD, sys.byteorder) + bytes(32 - WORD)]


FIELDS_AFTER = """\
import ctypes, trampfd
from ctypes import CFUNCTYPE, Structure, c_byte, c_int, c_long, c_void_p
class Parent(Structure):
    _fields_ = [("a", c_byte)]
class Late(Parent):
    _pack_ = 1
    _layout_ = "ms"
callback = trampfd.callback(CFUNCTYPE(c_int, c_int, Late), print)
Late._fields_ = [("b", c_long)]
address = ctypes.cast(callback, c_void_p).value
print(CFUNCTYPE(c_int, c_int, Late)(address)(1, Late(1, 2)))
"""


def test_difference_packed_fields_between_making_and_calling() -> None:
    """Stock ctypes takes the structure from registers, where C does not pass it."""
    if abi.PACKED_HAVE_PLANS:
        pytest.skip("C passes it in registers on this CPU")
    child = in_child(FIELDS_AFTER)
    assert (child.returncode, child.stdout) == (0, "0\n"), child.stderr
    which = "a structure that is packed, or aligned to more than 16 bytes,"
    if core.port_lacks("plan"):
        which = "on this CPU, every structure"
    assert child.stderr.endswith(
        "TypeError: <class '__main__.Late'> got its _fields_ after the callback was made; "
        f"{which} needs them before\n"
    )


VECTOR_AFTER = """\
import ctypes
from ctypes import CFUNCTYPE, Structure, c_double, c_int, c_long, c_void_p
import trampfd
class Parent(Structure):
    _fields_ = [("a", c_long)]
class Late(Parent):
    pass
callback = trampfd.callback(CFUNCTYPE(c_int, Late), lambda late: print(late.a, late.x) or 7)
Late._fields_ = [("x", c_double)]
address = ctypes.cast(callback, c_void_p).value
print(CFUNCTYPE(c_int, Late)(address)(Late(1, 2.5)))
"""


@pytest.mark.needs_port_with("plan")
def test_difference_first_vector_register_between_making_and_calling() -> None:
    """Stock ctypes saves the vector registers only of callbacks that used one when made."""
    child = in_child(VECTOR_AFTER)
    assert (child.returncode, child.stdout, child.stderr) == (0, "1 2.5\n7\n", "")


STRANGE_ARGUMENT = """\
import ctypes, sys, trampfd
class Strange(ctypes.c_int):
    def __new__(cls):
        return "something else"
lib = ctypes.CDLL(sys.argv[1])
lib.call_int(trampfd.callback(ctypes.CFUNCTYPE(None, Strange), print), 5)
"""


def test_difference_argument_class_that_makes_something_else(lib: ctypes.CDLL) -> None:
    """Before Python 3.13.2 ctypes says neither which class it was nor what it made."""
    child = in_child(STRANGE_ARGUMENT, lib._name)
    assert (child.returncode, child.stdout) == (0, "")
    message = "TypeError: <class '__main__.Strange'> returned unexpected result of type str\n"
    assert child.stderr.endswith(message)


AUDIT = """import ctypes, sys, trampfd
lib = ctypes.CDLL(sys.argv[1])
class Number(ctypes.c_int): pass
class Pair(ctypes.Structure): _fields_ = [("x", ctypes.c_int)]
kinds = [ctypes.c_int, ctypes.c_char, ctypes.c_longdouble, ctypes.py_object, Number, Pair]
prototypes = [ctypes.CFUNCTYPE(None, kind) for kind in kinds]
echo = ctypes.CFUNCTYPE(ctypes.c_char, ctypes.c_char)
plain, private = ctypes.CFUNCTYPE(None), ctypes.CFUNCTYPE(None, use_errno=True)
buffer = ctypes.create_string_buffer(1)
functions = lib.echo_c, lib.call_without_arguments
events = []
# Python 3.14 tells of each call that Python makes to C, which callbacks are not.
others = "ctypes.call_function"
ours = lambda event: event.startswith("ctypes.") and event != others
sys.addaudithook(lambda event, _: events.append(event) if ours(event) else None)
def seen():
    found = sorted(set(events)), len(events)
    events.clear()
    return found
callbacks = [trampfd.callback(prototype, print) for prototype in prototypes]
print(*seen())
callback = trampfd.callback(echo, lambda value: value)
callback_plain = trampfd.callback(plain, int)
callback_private = trampfd.callback(private, int)
seen()
functions[0](callback, buffer, buffer)
functions[1](callback_plain)
print(*seen())
functions[1](callback_private)
print(*seen())
"""


def test_difference_audit_events(lib: ctypes.CDLL) -> None:
    """Stock ctypes has none; use_errno uses ctypes.set_errno()."""
    child = in_child(AUDIT, lib._name)
    assert child.stdout.splitlines() == [
        "[] 0",
        "[] 0",
        "['ctypes.set_errno'] 2",
    ], child.stderr


REFUSING_HOOK = """import ctypes, sys, trampfd
lib = ctypes.CDLL(sys.argv[1])
callback = trampfd.callback(ctypes.CFUNCTYPE(None, use_errno=True), lambda: print("called"))
function = lib.call_without_arguments
def hook(event, _):
    if event == "ctypes.set_errno":
        raise PermissionError("not here")
sys.addaudithook(hook)
function(callback)
print("after the call")
"""


def test_refused_errno_is_reported(lib: ctypes.CDLL) -> None:
    child = in_child(REFUSING_HOOK, lib._name)
    assert child.stdout == "after the call\n", child.stderr
    assert "setting error for ctypes callback function" in child.stderr
    assert "PermissionError: not here" in child.stderr
