# SPDX-License-Identifier: MIT
"""Callbacks made in subinterpreters, called from everywhere; see programs/subinterpreters.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import c_threads, core, scale

LAST_WORDS = (
    "trampfd: the callback last_words was called while its Python interpreter was not running; "
    "it returned its error value\n"
)

# What each case prints on standard output, and on standard error if that is always the same.
CASES = {
    "each_runs_in_its_own": ("[2, 11, 101]\n114\n4 13 114\n[1, 3, 3, 3]\n", ""),
    "python_calls_with_the_lock": ("3 2\n3\n", ""),
    "threads_of_c": ("[107, 107, 207]\n" * 2 + "[307, 207, 407]\n" * 2, ""),
    "threads_of_c_one_after_another": ("True {1}\n", ""),
    "threads_of_python": ("[1, 11, 21, 31, 41, 71]\n", ""),
    "exceptions_stay_where_they_were": ("in the subinterpreter: ValueError\n0\n", ""),
    "end": ("2 2\n0 0\n6\n", LAST_WORDS),
    "end_with_an_error_value": ("2\n-7\n", LAST_WORDS),
    "end_of_many": ("True 0\n", ""),
    "end_while_threads_call": ("True\n", LAST_WORDS),
    "exit_while_threads_call": ("", None),
    "destructors_at_the_end": ("[1, 2, 3]\n[2, 3, 9]\n", ""),
    "install_is_of_one": ("True\nFalse\nNone\nTrue\n", ""),
    "bound_functions_and_verify": ("7 7\nunchanged unchanged\n7\n", ""),
    "pool": ("[42]\n", ""),
}

NEED_CFFI = ("threads_of_c", "threads_of_c_one_after_another", "end_with_an_error_value")


@pytest.fixture(scope="module")
def libraries() -> list[Path]:
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    sources = {"libthreads.so": "cffi_threads.c", "libinterpreters.so": "interpreters.c"}
    threads, ending = (
        core.compiled("cc", *flags, "-o", name, core.PROGRAMS / "python" / source, "-ldl") / name
        for name, source in sources.items()
    )
    return [threads, c_threads.library(), ending]


IN_ALL = """
import sys
try:
    import _interpreters as interpreters
    interpreter, run = interpreters.create("legacy"), interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
    interpreter, run = interpreters.create(isolated=False), interpreters.run_string
failure = run(interpreter, '''
import ctypes
function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)
from trampfd import _native
print(function(41), flush=True)
print(_native.find(ctypes.cast(function, ctypes.c_void_p).value) is not None)
''')
assert failure is None, failure
interpreters.destroy(interpreter)
"""


def test_run_serves_the_subinterpreters_of_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trampfd", "run", "-c", IN_ALL],
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    assert (done.stdout, done.stderr, done.returncode) == ("42\nTrue\n", "", 0)


MANY_CALLS = IN_ALL.replace(
    "print(function(41), flush=True)\n",
    """
import os
function(41)
os.write(1, b"begin")
for x in range(100):
    function(x)
os.write(1, b"end")
""",
)


def test_calls_read_no_file() -> None:
    """The end of the first thread's stack is in /proc/self/maps, and is asked for once."""
    command = [sys.executable, "-m", "trampfd", "run", "-c", MANY_CALLS]
    assert core.traced("openat,read", command) == []


IN_ONE = """
import sys
try:
    import _interpreters as interpreters
    interpreter, run = interpreters.create("legacy"), interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
    interpreter, run = interpreters.create(isolated=False), interpreters.run_string
failure = run(interpreter, f'''
import ctypes, threading, trampfd
trampfd.install()
lib = ctypes.CDLL({sys.argv[1]!r})
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
lib.worker_start.restype = ctypes.c_void_p
lib.worker_call.argtypes = [ctypes.c_void_p, FUNCTION, ctypes.c_int]
lib.worker_stop.argtypes = [ctypes.c_void_p]
worker, function = lib.worker_start(), FUNCTION(lambda x: x + 1)
print([lib.worker_call(worker, function, x) for x in range(3)], function(3), flush=True)
lib.worker_stop(worker)
''')
assert failure is None, failure
assert not any(name.startswith("trampfd") for name in sys.modules)
"""


def test_where_the_main_interpreter_does_not_import_trampfd(libraries: list[Path]) -> None:
    """As in mod_wsgi."""
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE, libraries[0]],
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    assert (done.stdout, done.returncode) == ("[1, 2, 3] 4\n", 0), done.stderr


@pytest.mark.parametrize("kind", ["legacy", "isolated"])
@pytest.mark.parametrize("case", CASES)
def test_case(libraries: list[Path], kind: str, case: str) -> None:
    if kind == "isolated" and sys.version_info < (3, 13):
        pytest.skip("interpreters with a lock of their own have no ctypes before CPython 3.13")
    if kind == "isolated" and case in NEED_CFFI:
        pytest.skip("interpreters with a lock of their own have no cffi")
    if case in NEED_CFFI:
        pytest.importorskip("cffi", reason="cffi is not installed")
    if case == "python_calls_with_the_lock" and sys.version_info < (3, 10):
        pytest.skip("CPython 3.9 does not tell which thread holds the lock; stock waits, too")
    if case == "pool" and (kind == "legacy" or sys.version_info < (3, 14)):
        pytest.skip("InterpreterPoolExecutor is new in CPython 3.14, and all are isolated")
    program = Path(__file__).parent / "programs" / "subinterpreters.py"
    done = subprocess.run(
        [sys.executable, "-u", program, *libraries, kind, case],
        capture_output=True,
        text=True,
        timeout=scale.seconds(120),
    )
    output, errors = CASES[case]
    assert (done.stdout, done.returncode) == (output, 0), done.stderr
    assert errors is None or done.stderr == errors
