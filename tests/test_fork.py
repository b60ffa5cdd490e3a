# SPDX-License-Identifier: MIT
"""Processes that fork, threads, and signals in the middle of it."""

from __future__ import annotations

import pytest
from support import core, scale

# Programs of tests/c, and the argument that they need, if any.
PROGRAMS = (
    ("core/first_race", ""),
    ("core/first_race", "100"),
    ("core/fork_apart", ""),
    ("core/fork_early", ""),
    ("core/fork_handlers", "before"),
    ("core/fork_handlers", "after"),
    ("core/fork_handlers", "before and after"),
    ("core/fork_late", ""),
    ("core/fork_stepped", ""),
    ("core/fork_threads", ""),
    ("core/fork_workers", "early"),
    ("core/fork_workers", "join"),
    ("core/fork_workers", "start"),
    ("core/signal", ""),
    ("core/signal_free", ""),
    ("core/signal_stepped", ""),
    ("core/signal_stepped", "among threads"),
    ("core/spawn", ""),
)


@pytest.mark.parametrize(("name", "argument"), PROGRAMS)
def test_program(name: str, argument: str) -> None:
    core.check(core.executable(name), *filter(None, [argument]))


PRELUDE = """
import ctypes, functools, operator, os, signal, sys, threading, warnings
from support import scale
import trampfd

warnings.simplefilter("ignore", DeprecationWarning)  # of forks in a process with threads
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
makers = [functools.partial(trampfd.callback, cls)]
try:
    import cffi
except ImportError:
    pass
else:
    ctype = cffi.FFI().typeof("int(*)(int)")
    makers.append(functools.partial(trampfd.callback, ctype))


def make(count):
    return [makers[i % len(makers)](functools.partial(operator.add, i)) for i in range(count)]


def call(callbacks):
    for i, callback in enumerate(callbacks):
        assert callback(100) == i + 100, i


def fork(function):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.alarm(scale.seconds(60))  # a deadlock
        function()
        status = 0
    finally:
        os._exit(status)


def wait(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status
"""


def test_python_threads_while_forking() -> None:
    core.script(
        PRELUDE
        + """
stop = threading.Event()


def work():
    while not stop.is_set():
        call(make(50))


def in_child():
    call(make(200))
    call(make(5000))


threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(int(sys.argv[1])):
    wait(fork(in_child))
stop.set()
for thread in threads:
    thread.join()
""",
        scale.down("forks while threads make callbacks", 150, 5),
    )


def test_python_callbacks_are_apart_after_fork() -> None:
    core.script(
        PRELUDE
        + """
callbacks = make(5000)
number = 0
changing = trampfd.callback(cls, lambda argument: argument + number)


def in_child():
    global number
    number = 5
    assert changing(1) == 6
    call(callbacks)
    callbacks.clear()
    call(make(6000))


wait(fork(in_child))
assert changing(1) == 1
call(callbacks)
used = trampfd.status().slots_used
del callbacks[100:]
wait(fork(in_child))
call(callbacks)
assert trampfd.status().slots_used == used - 4900
"""
    )


def test_fork_while_a_callback_runs() -> None:
    """Another thread is in qsort() and its callback when the process forks."""
    core.script(
        PRELUDE
        + """
compare_type = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
libc = ctypes.CDLL(None)
stop = threading.Event()
compare = trampfd.callback(compare_type, lambda a, b: a[0] - b[0])


def sort():
    while not stop.is_set():
        array = (ctypes.c_int * 500)(*reversed(range(500)))
        libc.qsort(array, 500, 4, compare)
        assert list(array) == list(range(500))


def in_child():
    array = (ctypes.c_int * 3)(3, 1, 2)
    libc.qsort(array, 3, 4, compare)
    assert list(array) == [1, 2, 3]
    call(make(10))


thread = threading.Thread(target=sort)
thread.start()
for _ in range(50):
    wait(fork(in_child))
stop.set()
thread.join()
"""
    )
