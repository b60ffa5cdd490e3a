# SPDX-License-Identifier: MIT
"""cffi callbacks by trampfd: threads that C made, how long a callback lives, its own arguments.

What they convert is compared with stock cffi in test_cffi_parity.py.
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from support import core, scale

import trampfd
from trampfd import _native

cffi = pytest.importorskip("cffi", reason="cffi is not installed")

C = Path(__file__).with_name("c") / "python"
DECLARATIONS = (C / "cffi_threads.h").read_text()

Maker = Callable[..., Any]


@pytest.fixture(scope="module")
def library() -> Path:
    """c/python/cffi_threads.c, compiled."""
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    name = "libthreads.so"
    return core.compiled("cc", *flags, "-o", name, C / "cffi_threads.c") / name


@pytest.fixture(scope="module")
def ffi() -> Any:
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    return ffi


@pytest.fixture(scope="module")
def lib(ffi: Any, library: Path) -> Any:
    return ffi.dlopen(str(library))


@pytest.fixture(params=["callback", "installed"])
def make(request: pytest.FixtureRequest, ffi: Any) -> Iterator[Maker]:
    """``make(type, function, ...)`` by `trampfd.callback()`, and by a redirected ffi.callback."""
    if request.param == "installed":
        with trampfd.installed():
            yield ffi.callback
    else:
        yield lambda *args, **options: trampfd.callback(*args, ffi=ffi, **options)


@pytest.fixture
def run_script(library: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a script that finds `ffi` and `lib` ready; output and errors are those of the child."""
    start = f"import cffi, trampfd\nffi = cffi.FFI()\nffi.cdef({DECLARATIONS!r})\n"
    start += f"lib = ffi.dlopen({str(library)!r})\n"

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", start + textwrap.dedent(script)],
            capture_output=True,
            text=True,
            timeout=scale.seconds(120),
        )

    return run


def slots_used() -> int:
    gc.collect()
    return trampfd.status().slots_used


class Guest:
    """An object whose end can be noticed."""


# Threads.


def test_thread_of_c_keeps_its_state_between_callbacks(make: Maker, lib: Any) -> None:
    local = threading.local()
    idents = []

    def count(x: int) -> int:
        local.calls = getattr(local, "calls", 0) + 1
        idents.append(threading.get_ident())
        return local.calls

    callback = make("int(int)", count)
    one, two = lib.worker_start(), lib.worker_start()
    assert [lib.worker_call(one, callback, 0) for _ in range(3)] == [1, 2, 3]
    gc.collect()
    assert lib.worker_call(two, callback, 0) == 1
    assert lib.call_int(callback, 0) == 1
    assert lib.worker_call(one, callback, 0) == 4
    lib.worker_stop(one)
    lib.worker_stop(two)
    assert len(set(idents)) == 3
    assert idents.count(idents[0]) == 4


def test_thread_state_is_freed_by_the_next_thread(make: Maker, lib: Any) -> None:
    local = threading.local()
    guests = []

    def keep(x: int) -> int:
        local.guest = Guest()
        guests.append(weakref.ref(local.guest))
        return 0

    callback = make("int(int)", keep)
    worker = lib.worker_start()
    lib.worker_call(worker, callback, 0)
    gc.collect()
    assert guests[0]() is not None
    lib.worker_stop(worker)
    gc.collect()
    assert guests[0]() is not None
    other = lib.worker_start()
    lib.worker_call(other, make("int(int)", lambda x: x), 0)
    lib.worker_stop(other)
    assert guests[0]() is None


def test_thread_states_do_not_accumulate(make: Maker, lib: Any) -> None:
    before = set(sys._current_frames())
    local = threading.local()
    guests = []

    def keep(x: int) -> int:
        local.guest = Guest()
        guests.append(weakref.ref(local.guest))
        return 0

    callback = make("int(int)", keep)
    for _ in range(20):
        assert lib.threads_call(callback, 10, 2) == 0
    assert len(guests) == 400
    lib.threads_call(make("int(int)", lambda x: x), 1, 1)
    assert not any(guest() for guest in guests)
    assert set(sys._current_frames()) <= before


def test_thread_of_python_has_one_state(make: Maker, lib: Any) -> None:
    local = threading.local()
    callback = make("int(int)", lambda x: local.value + x)
    sums: list[int] = []

    def work(value: int) -> None:
        local.value = value
        sums.extend(lib.call_int(callback, x) for x in range(100))

    threads = [threading.Thread(target=work, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == [1000 * i + x for i in range(4) for x in range(100)]


def test_threads_of_c_call_at_once(make: Maker, lib: Any) -> None:
    assert lib.threads_call(make("int(int)", lambda x: x), 8, 500) == 8 * sum(range(500))


def test_callback_in_a_thread_of_c_calls_another_thread(make: Maker, lib: Any) -> None:
    inner = make("int(int)", lambda x: x + 1)
    outer = make("int(int)", lambda x: 2 * lib.threads_call(inner, 3, 4))
    worker = lib.worker_start()
    assert lib.worker_call(worker, outer, 0) == 2 * 3 * (1 + 2 + 3 + 4)
    lib.worker_stop(worker)


def test_exceptions_in_a_thread_of_c(
    make: Maker, lib: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    worker = lib.worker_start()
    failing = make("int(int)", lambda x: 1 // x, error=5)
    assert [lib.worker_call(worker, failing, x) for x in (0, 1, 0)] == [5, 1, 5]
    lib.worker_stop(worker)
    assert seen == [ZeroDivisionError] * 2


def test_fork_with_a_kept_thread_state(
    run_script: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    process = run_script("""
        import os, threading, warnings
        warnings.simplefilter("ignore")
        local = threading.local()
        def count(x):
            local.calls = getattr(local, "calls", 0) + 1
            return local.calls
        callback = trampfd.callback("int(int)", count, ffi=ffi)
        worker = lib.worker_start()
        assert [lib.worker_call(worker, callback, 0) for _ in range(2)] == [1, 2]
        child = os.fork()
        if child == 0:
            for _ in range(3):
                other = lib.worker_start()
                assert [lib.worker_call(other, callback, 0) for _ in range(2)] == [1, 2]
                lib.worker_stop(other)
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert lib.worker_call(worker, callback, 0) == 3
        lib.worker_stop(worker)
    """)
    assert (process.returncode, process.stdout, process.stderr) == (0, "7\n", "")


def test_python_ends_while_a_thread_of_c_has_a_state(
    run_script: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    process = run_script("""
        callback = trampfd.callback("int(int)", lambda x: x + 1, ffi=ffi)
        worker = lib.worker_start()
        print(lib.worker_call(worker, callback, 1))
    """)
    assert (process.returncode, process.stdout, process.stderr) == (0, "2\n", "")


def test_called_when_its_library_is_unloaded_at_the_end(
    run_script: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    process = run_script("""
        def later(x):
            return x + 1
        callback = trampfd.callback("int(int)", later, error=5, ffi=ffi)
        lib.call_at_exit(callback, 1)
    """)
    assert process.returncode == 0
    assert process.stdout == "5\n"
    assert process.stderr == (
        "trampfd: the callback later was called after Python had dropped it at the end of the "
        "program; it returned its error value\n"
    )


# How long a callback lives.


def test_callback_lives_as_long_as_its_cdata(make: Maker, lib: Any) -> None:
    before = slots_used()

    def function(x: int) -> int:
        return x + 1

    alive = weakref.ref(function)
    callback = make("int(int)", function)
    del function
    assert slots_used() == before + 1
    assert lib.call_int(callback, 1) == 2
    del callback
    assert slots_used() == before
    assert alive() is None


def test_repeated_use_does_not_leak(make: Maker, lib: Any) -> None:
    before = slots_used()
    for i in range(scale.down("rounds that leave nothing", 20_000, 1000)):
        assert lib.call_int(make("int(int)", i.__add__), 1) == i + 1
    assert slots_used() == before


def test_garbage_collection_while_c_holds_the_pointer(make: Maker, ffi: Any, lib: Any) -> None:
    callback = make("int(int)", lambda x: len([gc.collect(), x]))
    pointer = ffi.cast("int_fn", callback)
    for _ in range(scale.down("rounds of garbage collection", 10, 2)):
        gc.collect()
        assert lib.call_int(pointer, 5) == 2
        assert lib.threads_call(pointer, 2, 3) == 12


def test_keeps_alive_through_another_cdata(make: Maker, ffi: Any, lib: Any) -> None:
    before = slots_used()
    freed: list[bool] = []
    guarded = ffi.gc(make("int(int)", lambda x: x + 1), lambda pointer: freed.append(bool(pointer)))
    assert slots_used() == before + 1
    assert lib.call_int(guarded, 4) == 5
    del guarded
    assert slots_used() == before
    assert freed == [True]


def test_freed_inside_its_own_call(make: Maker, ffi: Any, lib: Any) -> None:
    before = slots_used()
    owner: list[Any] = []

    def free(x: int) -> int:
        owner.clear()
        gc.collect()
        [make("int(int)", abs) for _ in range(50)]  # which may take its slot
        return x + 1

    owner.append(make("int(int)", free))
    assert lib.call_int(ffi.cast("int_fn", owner[0]), 41) == 42
    assert slots_used() == before


def test_freed_inside_its_own_call_in_a_thread_of_c(make: Maker, ffi: Any, lib: Any) -> None:
    before = slots_used()
    worker = lib.worker_start()
    owner: list[Any] = []
    owner.append(make("int(int)", lambda x: owner.clear() or x + 1))
    assert lib.worker_call(worker, ffi.cast("int_fn", owner[0]), 41) == 42
    lib.worker_stop(worker)
    assert slots_used() == before


@pytest.mark.parametrize("through", ["function", "onerror"])
def test_cycle_is_collected(make: Maker, through: str) -> None:
    before = slots_used()

    class Node(Guest):
        callback: Any

        def method(self, *args: Any) -> int:
            return 0

    node = Node()
    if through == "function":
        node.callback = make("int(int)", node.method)
    else:
        node.callback = make("int(int)", abs, onerror=node.method)
    alive = weakref.ref(node)
    assert slots_used() == before + 1
    assert alive() is not None
    del node
    assert slots_used() == before
    assert alive() is None


def test_release_frees_at_once(make: Maker, ffi: Any, lib: Any) -> None:
    before = slots_used()

    def function(x: int) -> int:
        return x + 1

    alive = weakref.ref(function)
    callback = make("int(int)", function)
    del function
    assert lib.call_int(callback, 1) == 2
    ffi.release(callback)
    assert slots_used() == before
    assert alive() is None
    ffi.release(callback)
    del callback
    assert slots_used() == before


def test_release_inside_its_own_call(make: Maker, ffi: Any, lib: Any) -> None:
    before = slots_used()
    callback = make("int(int)", lambda x: ffi.release(callback) or x + 1)
    assert lib.call_int(callback, 41) == 42
    assert slots_used() == before


def test_with_statement(make: Maker, lib: Any) -> None:
    before = slots_used()
    with make("int(int)", lambda x: x + 1) as callback:
        assert lib.call_int(callback, 1) == 2
        assert slots_used() == before + 1
    assert slots_used() == before


def test_call_after_the_end_names_the_function(
    run_script: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    process = run_script("""
        def forgotten(x):
            return x
        pointer = ffi.cast("int_fn", trampfd.callback("int(int)", forgotten, ffi=ffi))
        lib.call_int(pointer, 1)
    """)
    assert process.returncode == -signal.SIGABRT
    assert "forgotten" in process.stderr


# The function itself.


def test_callback_is_a_slot(make: Maker, ffi: Any) -> None:
    callback = make("int(int)", abs)
    assert _native.find(int(ffi.cast("uintptr_t", callback))) is not None
    assert repr(callback).startswith("<cdata 'int(*)(int)' ")
    assert ffi.typeof(callback) is ffi.typeof("int_fn")


def test_decorator(ffi: Any, lib: Any) -> None:
    @trampfd.callback("int(int)", ffi=ffi, error=3)
    def checked(x: int) -> int:
        return {1: 2}[x]

    @trampfd.callback(ffi.typeof("int_fn"))
    def of_type(x: int) -> int:
        return 3 * x

    assert lib.call_int(checked, 1) == 2
    assert lib.call_int(of_type, 2) == 6


@pytest.mark.parametrize("type", [None, 42, b"int(int)", int, abs, object(), ["int(int)"]])
def test_none_as_type_is_refused(type: Any, ffi: Any) -> None:
    with pytest.raises(TypeError, match="the type of a callback is a cffi ctype"):
        trampfd.callback(type, abs)
    with pytest.raises(TypeError, match="the type of a callback is a cffi ctype"):
        trampfd.callback(type, abs, ffi=ffi)


def test_declaration_without_ffi() -> None:
    with pytest.raises(TypeError, match="ffi="):
        trampfd.callback("int(int)", abs)


@pytest.mark.parametrize("other", [42, "ffi", object(), cffi])
def test_declaration_with_something_else_than_ffi(other: Any) -> None:
    with pytest.raises(TypeError, match="ffi"):
        trampfd.callback("int(int)", abs, ffi=other)


@pytest.mark.parametrize("function", [42, "text", False, [], object()])
def test_function_that_is_not_callable(function: Any, ffi: Any) -> None:
    name = type(function).__name__
    with pytest.raises(TypeError, match=f"expected a callable object, not {name}"):
        trampfd.callback("int(int)", function, ffi=ffi)
    with pytest.raises(TypeError, match="expected a callable object"):
        trampfd.callback("int(int)", ffi=ffi)(function)


def test_unknown_keyword(ffi: Any) -> None:
    with pytest.raises(TypeError, match="unknown"):
        trampfd.callback("int(int)", abs, ffi=ffi, unknown=1)


def test_refused_callback_takes_no_slot(make: Maker) -> None:
    before = slots_used()
    for options in ({"error": "text"}, {"error": 1 << 40}, {"onerror": 42}):
        with pytest.raises((TypeError, OverflowError)):
            make("int(int)", abs, **options)
    with pytest.raises(NotImplementedError):
        make("int(int, ...)", abs)
    assert slots_used() == before


# --- The cdata of a callback -------------------------------------------------------------------

LIFE = """import gc, sys, weakref
import _cffi_backend
import trampfd
from trampfd import _cffi_signature, _native

_cffi_signature._backend()
if sys.argv[1] == "ffi.gc":
    sample = None
else:
    sample = _cffi_signature._sample(_cffi_backend)
    if sys.argv[1] == "unknown layout":
        sample = (*sample[:2], sample[2] + 1, *sample[3:])
make_signature = _cffi_signature._make_signature
_native.init_cffi(_cffi_backend, _cffi_signature._parameters, make_signature, sample)

ffi = _cffi_backend.FFI()
with trampfd.installed():
    callback = ffi.callback("int(*)(int)", lambda x: x + 1)
print(type(callback).__name__, ffi.typeof(callback).cname, callback(2))
is_laid_out = not any(isinstance(kept, ffi.CData) for kept in gc.get_referents(callback))
print("laid out" if is_laid_out else "made by ffi.gc()")
with trampfd.installed():
    print(repr(callback).partition("0x")[0])
print(bool(trampfd.verify(callback)), trampfd.status().slots_used)
ffi.release(callback)
print(trampfd.status().slots_used)

class Held:
    pass

def cycle():
    held = Held()
    held.callback = trampfd.callback(ffi.typeof("int(*)(int)"), lambda x: held)
    return weakref.ref(held)

held = cycle()
print(held() is not None, trampfd.status().slots_used)
gc.collect()
print(held(), trampfd.status().slots_used)
"""


@pytest.mark.parametrize(
    ("sample", "how"),
    [
        ("as it is", "laid out"),
        ("unknown layout", "made by ffi.gc()"),
        ("ffi.gc", "made by ffi.gc()"),
    ],
)
def test_cdata_of_a_callback(sample: str, how: str) -> None:
    """Where the layout of a cdata is not as expected, ffi.gc() makes it, and all else is alike."""
    child = subprocess.run(
        [sys.executable, "-c", LIFE, sample], capture_output=True, text=True, timeout=60
    )
    assert child.stderr == ""
    assert child.stdout.splitlines() == [
        "__CDataGCP int(*)(int) 3",
        how,
        "<cdata 'int(*)(int)' calling <function <lambda> at ",
        "True 1",
        "0",
        "True 1",
        "None 0",
    ]
