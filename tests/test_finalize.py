# SPDX-License-Identifier: MIT
"""The end of a program: callbacks that C makes while Python finalises, and after it has."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from support import core, scale
from support.c_threads import run
from support.environment import Environment

PROGRAMS = core.TESTS / "programs"

# What a destructor needs it must hold: modules may be gone.
SORTS = """
import os
if interface == "cffi":
    ffi.cdef("void qsort(void *, size_t, size_t, int (*)(int *, int *));")
    qsort = ffi.dlopen(None).qsort
    compare = ffi.callback("int(int *, int *)", lambda a, b: a[0] - b[0])
    numbers = lambda: ffi.new("int[]", [5, 3, 4, 1, 2])
else:
    qsort = ctypes.CDLL(None).qsort
    pointer = ctypes.POINTER(ctypes.c_int)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(lambda a, b: a[0] - b[0])
    numbers = lambda: (ctypes.c_int * 5)(5, 3, 4, 1, 2)
class Sorts:
    def __init__(self, name):
        self.name, self.numbers, self.compare = name, numbers(), compare
        self.qsort, self.write, self.list, self.str = qsort, os.write, list, str
    def __del__(self):
        self.qsort(self.numbers, 5, 4, self.compare)
        self.write(1, f"{self.name} {self.str(self.list(self.numbers))}\\n".encode())
"""

SORTED = "[1, 2, 3, 4, 5]"


@pytest.mark.parametrize("closures", ["stock", "install"])
def test_destructors_of_globals_call_c(closures: str, interface: str) -> None:
    done = run(
        SORTS
        + """
import builtins
first = Sorts("global")
sys.second = Sorts("of sys")
builtins.third = Sorts("of builtins")
cycle = Sorts("in a cycle")
cycle.itself = cycle
""",
        closures,
        interface,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == [
        f"{name} {SORTED}" for name in ("global", "in a cycle", "of builtins", "of sys")
    ]


@pytest.mark.parametrize("closures", ["stock", "install"])
def test_destructor_in_collected_cycle_calls_c(closures: str, interface: str) -> None:
    """The garbage collector runs all destructors before it takes anything from them."""
    done = run(
        SORTS
        + """
one = Sorts("one")
one.itself = one
del one, compare
gc.collect()
print("collected")
""",
        closures,
        interface,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"one {SORTED}\ncollected\n"


def test_finalised_in_a_thread_that_is_not_the_first() -> None:
    """As in programs that embed Python: atexit functions tell which thread finalises.

    Some versions of Python do not get as far as the object in that thread.
    """
    code = (
        SORTS
        + """
sys.one = Sorts("one")
threading._shutdown = lambda: None  # waits for the main thread
lib.finalize_in_thread()
"""
    )
    stock, ours = run(code, "stock"), run(code)
    if stock.returncode < 0:
        pytest.skip("this CPython crashes there without trampfd, too")
    assert (ours.returncode, ours.stdout, ours.stderr) == (0, stock.stdout, "")
    assert stock.stdout in ("", f"one {SORTED}\n")


def test_cleared_exit_functions_are_harmless() -> None:
    """Then the first thread is taken for the one that finalises."""
    done = run(SORTS + 'import atexit\natexit._clear()\none = Sorts("one")\n')
    assert (done.returncode, done.stdout, done.stderr) == (0, f"one {SORTED}\n", "")


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "dropped"])
def test_called_after_python_has_ended(interface: str, kept: bool) -> None:
    code = """
        def the_callback(x):
            print("called")
            return x
        if interface == "cffi":
            callback = ffi.callback("int(int)", the_callback, error=5)
            ffi.cdef("void call_at_exit(int (*)(int), int);")
            lib.call_at_exit(callback, 1)
        else:
            callback = make(the_callback)
            lib.call_at_exit.argtypes = [make, ctypes.c_int]
            lib.call_at_exit(callback, 1)
    """
    done = run(code + ("        sys.kept = callback\n" if kept else ""), interface=interface)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "trampfd: the callback the_callback was called while the Python interpreter was not "
        "running; it returned its error value\n"
    )


def test_dropped_callback_is_named(interface: str) -> None:
    """The pointer outlives the callback, and is called while Python still runs."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("without the GIL, functions live until they are collected")
    done = run(
        """
        import os
        def the_callback(x):
            return x
        class File:
            def __init__(self):
                self.write = os.write
            def __del__(self):
                self.write(1, b"flushed\\n")
        the_callback.file = File()
        class Calls:
            def __init__(self):
                self.call, self.pointer, self.owner = call, pointer, [callback]
                self.write, self.str = os.write, str
            def __del__(self):
                self.owner.clear()
                self.write(1, self.str(self.call(self.pointer, 7)).encode())
        if interface == "cffi":
            callback = ffi.callback("int(int)", the_callback, error=5)
            pointer = ffi.cast("int(*)(int)", int(ffi.cast("uintptr_t", callback)))
            ffi.cdef("int call_here(int (*)(int), int);")
            call = lib.call_here
        else:
            callback = make(the_callback)
            pointer = ctypes.c_void_p.from_buffer_copy(callback)
            call = ctypes.CDLL(sys.argv[1]).call_here
        calls = Calls()
        del callback, the_callback
        """,
        interface=interface,
    )
    assert done.returncode == 0
    assert done.stdout == "flushed\n" + ("5" if interface == "cffi" else "0")
    assert done.stderr == (
        "trampfd: the callback the_callback was called after Python had dropped it at the end of "
        "the program; it returned its error value\n"
    )


def test_other_thread_gets_the_error_value(interface: str) -> None:
    """A C library may join its thread at exit: that thread must go on."""
    done = run(
        """
        import os
        def the_callback(x):
            return x
        if interface == "cffi":
            callback = ffi.callback("int(int)", the_callback, error=5)
            ffi.cdef("void server_stop_at_exit(struct call *);")
        else:
            callback = make(the_callback)
            lib.server_stop_at_exit.argtypes = [ctypes.c_void_p]
        class Calls:
            def __init__(self):
                self.call, self.server, self.callback = lib.server_call, server, callback
                self.write, self.str = os.write, str
            def __del__(self):
                self.write(1, self.str(self.call(self.server, self.callback, 7)).encode())
        server = lib.server_start()
        assert lib.server_call(server, callback, 3) == 3
        lib.server_stop_at_exit(server)
        calls = Calls()
        """,
        interface=interface,
    )
    assert (done.returncode, done.stdout) == (0, "5" if interface == "cffi" else "0")
    assert done.stderr == (
        "trampfd: the callback the_callback was called while the Python interpreter was not "
        "running; it returned its error value\n"
    )


def test_finalization_begins_while_a_thread_gets_its_state(interface: str) -> None:
    """CPython does not know that state when it marks the others, and must wait for it."""
    done = run(
        """
        def the_callback(x):
            return x
        if interface == "cffi":
            sys.callback = ffi.callback("int(int)", the_callback, error=5)
            ffi.cdef("int call_while_finalization_begins(int (*)(int), int); void go_on(void);")
        else:
            sys.callback = make(the_callback)
            lib.call_while_finalization_begins.argtypes = [make, ctypes.c_int]
        assert lib.call_while_finalization_begins(sys.callback, 7) == 0
        class Global:
            go_on = lib.go_on
            def __del__(self):
                self.go_on()
        last = Global()
        """,
        interface=interface,
    )
    assert (done.returncode, done.stdout) == (0, "5\n" if interface == "cffi" else "0\n")
    assert done.stderr == (
        "trampfd: the callback the_callback was called while the Python interpreter was not "
        "running; it returned its error value\n"
    )


CALLED_FOR_EVER = """
import ctypes
pointers = ctypes.c_void_p * 2000
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
array = pointers.from_address(libc.malloc(16000))
made = [make(lambda x, i=i: x + i) for i in range(2000)]
for i, callback in enumerate(made):
    array[i] = (
        int(ffi.cast("uintptr_t", callback)) if interface == "cffi"
        else ctypes.c_void_p.from_buffer_copy(callback).value
    )
threads = ctypes.CDLL(sys.argv[1])
assert threads.call_until_the_end(3, array, 2000) == 0
while threads.calls_so_far() < 200:
    time.sleep(0.001)
"""


def test_threads_call_2000_closures_through_finalisation(interface: str) -> None:
    for _ in range(scale.down("runs through finalisation", 25, 2)):
        done = run(CALLED_FOR_EVER, interface=interface)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr.count("\n") <= 1


# Programs that leave a file open until Python ends.

LEFT_OPEN = {
    "soundfile": "left_open_soundfile.py",
    "cairocffi": "left_open_cairo.py",
    "sqlite": "left_open_sqlite.py",
}


@pytest.fixture(params=LEFT_OPEN)
def program(request: pytest.FixtureRequest) -> Path:
    if request.param != "sqlite" and importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return PROGRAMS / LEFT_OPEN[request.param]


def digest(path: Path, *command: object) -> str:
    """Of the file that a program writes to `path`."""
    core.check(*command)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@functools.cache
def stock_digest(program: Path) -> str:
    path = core.new_folder() / "stock"
    return digest(path, sys.executable, program, path)


@pytest.mark.parametrize("how", ["install", "run", "harden", "enable"])
def test_file_left_open_is_written_as_by_stock(program: Path, how: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if how == "install":
        found = digest(path, sys.executable, program, path, "install")
    elif how == "enable":
        environment = Environment(tmp_path / "environment")
        environment.trampfd("enable")
        environment.run(program, path)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        if how == "harden":
            core.need_policy("mdwe")
        harden = ["--harden"] if how == "harden" else []
        found = digest(path, sys.executable, "-m", "trampfd", "run", *harden, program, path)
    assert found == stock_digest(program)


def finalised(*command: object, source: bytes) -> list[str]:
    """What finalised.py tells; `source` is its text, for those that read standard input."""
    done = subprocess.run(
        [os.fspath(word) for word in command],
        input=source,
        env={**os.environ, "PYTHONPATH": os.fspath(PROGRAMS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=scale.seconds(60),
    )
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize("end", ["last line", "function", "exit", "raise", "hook"])
@pytest.mark.parametrize("kind", ["script", "-m", "-c", "-", "archive"])
def test_run_finalises_in_the_order_of_python(kind: str, end: str, tmp_path: Path) -> None:
    program = PROGRAMS / "finalised.py"
    source = program.read_bytes()
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", source)
    words = {
        "script": [program],
        "-m": ["-m", program.stem],
        "-c": ["-c", source.decode()],
        "-": ["-"],
        "archive": [archive],
    }[kind]
    stock = finalised(sys.executable, *words, end, source=source)
    ours = finalised(sys.executable, "-m", "trampfd", "run", *words, end, source=source)
    assert {"first", "in the cycle", "file", "called by ctypes", "last"} < set(stock)
    assert ("hook" in stock) == (end == "hook")
    assert ours == stock
