# SPDX-License-Identifier: MIT
"""The object of an argument serves the next call, unless the program could tell.

A call gets the number that C passes, in a structure, behind a pointer, or as a long double of cffi.
"""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from support import scale

import trampfd

cffi = pytest.importorskip("cffi", reason="cffi is not installed")

Call = Callable[[Callable[[Any], Any], int], Any]


def _structure() -> Any:
    return type("Number", (ctypes.Structure,), {"_fields_": [("value", ctypes.c_long)]})


def _call(cls: Any) -> Call:
    """Calls a function with an instance of the class, made of a C value."""
    prototype = ctypes.CFUNCTYPE(None, cls)
    callbacks: dict[Any, Any] = {}

    def call(function: Callable[[Any], Any], value: int) -> None:
        if function not in callbacks:
            callbacks[function] = trampfd.callback(prototype, function)
        argument = cls()
        ctypes.memmove(ctypes.addressof(argument), ctypes.byref(ctypes.c_long(value)), 8)
        callbacks[function](argument)

    return call


def _value(argument: Any) -> int:
    return int.from_bytes(bytes(argument), "little")


@pytest.fixture(params=["structure", "pointer"])
def cls(request: pytest.FixtureRequest) -> Any:
    return _structure() if request.param == "structure" else ctypes.POINTER(_structure())


@pytest.fixture
def call(cls: Any) -> Call:
    return _call(cls)


def test_the_instance_of_one_call_serves_the_next(call: Call, cls: Any) -> None:
    seen, others = [], []

    def callback(argument: Any) -> None:
        seen.append((id(argument), _value(argument)))

    for value in range(5):
        call(callback, value)
        others.append(cls())  # would take the memory of an instance that was freed
    assert [value for _, value in seen] == list(range(5))
    assert len({identity for identity, _ in seen}) == 1


def test_an_instance_that_is_kept_stays_as_it_is(call: Call) -> None:
    kept: list[Any] = []
    for value in range(3):
        call(kept.append, value)
    assert [_value(argument) for argument in kept] == [0, 1, 2]


def test_a_view_of_its_memory_keeps_it(call: Call) -> None:
    views: list[memoryview] = []

    def callback(argument: Any) -> None:
        views.append(memoryview(argument).cast("B"))

    for value in range(3):
        call(callback, value)
    assert [int.from_bytes(view, "little") for view in views] == [0, 1, 2]


def test_weak_references_die_with_the_call(call: Call) -> None:
    dead: list[Any] = []
    references = []

    def callback(argument: Any) -> None:
        references.append(weakref.ref(argument, dead.append))

    for count in range(1, 4):
        call(callback, 7)
        assert len(dead) == count
    assert dead == references


def test_attributes_do_not_reach_the_next_call(call: Call) -> None:
    seen = []

    def callback(argument: Any) -> None:
        seen.append(dict(vars(argument)))
        argument.note = object()

    for _ in range(3):
        call(callback, 7)
    assert seen == [{}, {}, {}]


def test_what_it_keeps_alive_is_freed_after_the_call() -> None:
    Number = _structure()
    call = _call(ctypes.POINTER(Number))
    seen, alive = [], []

    def callback(argument: Any) -> None:
        seen.append((argument._objects, _value(argument)))
        argument.contents = other = Number(5)
        alive.append(weakref.ref(other))

    for value in range(3):
        call(callback, value)
    assert seen == [(None, 0), (None, 1), (None, 2)]
    gc.collect()
    assert [reference() for reference in alive] == [None] * 3


@pytest.mark.parametrize("size", [12, 100], ids=["in place", "elsewhere"])
def test_a_resized_instance_is_not_used_again(call: Call, size: int) -> None:
    sizes = []

    def callback(argument: Any) -> None:
        sizes.append((ctypes.sizeof(argument), _value(argument)))
        ctypes.resize(argument, size)

    for value in range(3):
        call(callback, value)
    assert sizes == [(8, 0), (8, 1), (8, 2)]


def test_another_class_of_the_instance(call: Call) -> None:
    classes = []

    def callback(argument: Any) -> None:
        before = type(argument)
        argument.__class__ = type("Other", (before,), {"__slots__": ()})
        classes.append((before, type(argument) is before))

    for _ in range(3):
        call(callback, 7)
    assert classes == [(classes[0][0], False)] * 3


@pytest.mark.parametrize("name", ["__init__", "__del__", "__new__"])
def test_methods_that_a_class_gets_later_are_called(name: str) -> None:
    Number = _structure()
    call = _call(Number)
    calls: list[str] = []

    def method(self: Any, *_: Any) -> Any:
        calls.append(name)
        return ctypes.Structure.__new__(self) if name == "__new__" else None

    for value in range(2):
        call(id, value)
    setattr(Number, name, staticmethod(method) if name == "__new__" else method)
    call(id, 1)  # destroys the instance of the latest call
    for value in range(3):
        calls.clear()
        call(id, value)
        assert calls == [name] * 2, "of the argument of the call, and of the callback"


def test_slots_are_empty_in_each_call() -> None:
    Base = _structure()
    call = _call(type("Slotted", (Base,), {"__slots__": ("note",)}))
    seen = []

    def callback(argument: Any) -> None:
        seen.append(hasattr(argument, "note"))
        argument.note = 1

    for _ in range(3):
        call(callback, 7)
    assert seen == [False] * 3


@pytest.mark.parametrize("members", [{}, {"__slots__": ("note",)}], ids=["attribute", "slot"])
def test_a_reference_to_its_own_class(members: dict[str, Any]) -> None:
    call = _call(type("Own", (_structure(),), members))
    seen = []

    def callback(argument: Any) -> None:
        seen.append(hasattr(argument, "note"))
        argument.note = type(argument)

    for _ in range(3):
        call(callback, 7)
    assert seen == [False] * 3


def test_the_collector_does_not_find_the_spare_instance() -> None:
    Number = _structure()
    call = _call(Number)
    call(id, 1)
    assert [each for each in gc.get_objects() if type(each) is Number] == []


# A destructor in C runs after the collector has cleared what is older in the cycle.
DESTRUCTOR = """
import ctypes, gc, sys

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p] * 3
seen = []

def make_cycle(make):
    # A capsule is passed to its destructor in the register of a structure of one word.
    class Number(ctypes.Structure):
        _fields_ = [("value", ctypes.c_void_p)]
    members = {"_flags_": 5, "_restype_": None, "_argtypes_": (Number,)}
    prototype = type("Prototype", (ctypes.CFUNCTYPE(None).__base__,), members)

    def function(argument):
        seen.append("call")
    callback = make(prototype, function)
    callback(Number(3))
    box = []
    def at_end(argument):
        seen.append("destructor")
    destructor = make(prototype, at_end)
    box.append(new_capsule(1, None, ctypes.c_void_p.from_buffer_copy(destructor).value))
    function.kept = at_end.kept = [box, callback, destructor, function, at_end]
    box.append(function.kept)

if sys.argv[1] == "stock":
    make = lambda prototype, function: prototype(function)
else:
    from trampfd import callback as make
gc.collect()
make_cycle(make)
gc.collect()
print(*seen)
"""


@pytest.mark.parametrize("closures", ["stock", "trampfd"])
def test_a_destructor_calls_while_its_class_is_collected(closures: str) -> None:
    command = [sys.executable, "-c", DESTRUCTOR, closures]
    done = subprocess.run(command, capture_output=True, text=True, timeout=scale.seconds(60))
    assert (done.returncode, done.stdout, done.stderr) == (0, "call destructor\n", "")


def test_a_call_inside_the_call_gets_another(call: Call) -> None:
    def outer(argument: Any) -> None:
        if _value(argument) < 5:
            call(outer, _value(argument) + 1)
        seen.append(_value(argument))

    seen: list[int] = []
    call(outer, 0)
    call(outer, 3)
    assert seen == [5, 4, 3, 2, 1, 0, 5, 4, 3]


def test_an_exception_that_keeps_the_frame_keeps_the_instance(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: kept.append(report.exc_traceback))

    def callback(argument: Any) -> None:
        raise ValueError

    for value in range(3):
        call(callback, value)
    frames = [traceback.tb_frame for traceback in kept]
    assert [_value(frame.f_locals["argument"]) for frame in frames] == [0, 1, 2]


def test_the_class_of_a_spare_instance_can_be_freed() -> None:
    Number = _structure()
    # CFUNCTYPE() would keep the class for good.
    members = {"_flags_": 1, "_restype_": None, "_argtypes_": (Number,)}
    prototype = type("Prototype", (ctypes.CFUNCTYPE(None).__base__,), members)
    callback = trampfd.callback(prototype, id)
    callback(Number(1))
    reference = weakref.ref(Number)
    del Number, prototype, callback, members
    for _ in range(3):
        gc.collect()
    assert reference() is None


@pytest.fixture
def ffi() -> Iterator[Any]:
    ffi = cffi.FFI()
    with trampfd.installed():
        yield ffi


def test_a_long_double_that_is_kept(ffi: Any) -> None:
    kept: list[Any] = []
    dead: list[Any] = []

    def keep(argument: Any) -> int:
        kept.append(argument)
        return 1

    def refer(argument: Any) -> int:
        references.append(weakref.ref(argument, dead.append))
        return 1

    references: list[Any] = []
    callbacks = [ffi.callback("int(long double)", function) for function in (keep, refer)]
    for value in range(3):
        for callback in callbacks:
            callback(ffi.cast("long double", value))
    assert [float(argument) for argument in kept] == [0, 1, 2]
    assert dead == references


def test_a_long_double_serves_the_next_call(ffi: Any) -> None:
    seen, others = [], []

    def note(argument: Any) -> Any:
        seen.append((id(argument), float(argument)))
        return argument

    callback = ffi.callback("long double(long double)", note)
    for value in range(4):
        seen.append((0, float(callback(ffi.cast("long double", value)))))
        others.append(ffi.cast("long double", 9))
    assert [value for _, value in seen] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len({identity for identity, _ in seen[::2]}) == 1


def test_a_long_double_that_was_converted_to_another_type(ffi: Any) -> None:
    """Results that are no long double of cffi."""
    for result in (1, 1.5, ffi.cast("long double", 2), ffi.cast("double", 2.5)):
        callback = ffi.callback("long double(void)", lambda result=result: result)
        assert float(callback()) == float(result)
