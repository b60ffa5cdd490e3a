# SPDX-License-Identifier: MIT
"""Does with callbacks what test_stateful.py asks for, line by line, and answers.

A request is a JSON list, the name of a function of this file and its arguments.  The answer is
{"value": ...}, or {"error": a traceback}.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any, Callable

import trampfd
from trampfd._system.maps import aliases, read_maps, writable_executable

try:
    import cffi
except ImportError:
    pass
else:
    FFI = cffi.FFI()

try:
    import _interpreters as interpreters  # type: ignore[import-not-found]
except ImportError:
    import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]

INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
DOUBLE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
ADD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)

made: dict[int, Any] = {}


def _adder(number: int) -> Callable[[Any], Any]:
    return lambda x: x + number


class Owner:
    """Of a callback that keeps its owner alive: only the garbage collector frees them."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.callback = trampfd.callback(INT, self._add)

    def __call__(self, number: int) -> int:
        return int(self.callback(number))

    def _add(self, number: int) -> int:
        return number + self._number


def _bound(number: int) -> Any:
    """Two closures: that of the function, and the one with the argument."""
    return trampfd.bind(trampfd.callback(ADD, lambda one, other: one + other), number)


WAYS: dict[str, Callable[[int], Any]] = {
    "ctypes": lambda number: trampfd.callback(INT, _adder(number)),
    "ctypes, double": lambda number: trampfd.callback(DOUBLE, _adder(number)),
    "ctypes, own way": lambda number: INT(_adder(number)),
    "cffi": lambda number: trampfd.callback(FFI.typeof("int(*)(int)"), _adder(number)),
    "cffi, own way": lambda number: FFI.callback("int(int)", _adder(number)),
    "bound": _bound,
    "cycle": Owner,
}


def make(key: int, way: str, number: int) -> None:
    made[key] = WAYS[way](number)


def call(key: int, argument: int) -> int:
    return int(made[key](argument))


def call_in_thread(key: int, argument: int) -> int:
    """And in another one at the same time."""
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(int(made[key](argument)))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = results
    assert first == second, results
    return first


def free(key: int) -> None:
    del made[key]


def free_in_call(key: int, argument: int) -> int:
    """The call that frees the callback returns as usual."""
    holder = []

    def function(number: int) -> int:
        holder.clear()
        del made[key]
        return number + 1

    made[key] = trampfd.callback(INT, function)
    holder.append(made[key])
    return int(holder[0](argument))


def collect() -> None:
    gc.collect()


def slots_used() -> int:
    return trampfd.status().slots_used


def writable() -> list[str]:
    """What is writable and executable."""
    maps = read_maps(os.getpid())
    return [str(one) for one in (*writable_executable(maps), *aliases(maps))]


def install() -> None:
    trampfd.install()


def uninstall() -> None:
    trampfd.uninstall()


def reserve(count: int) -> None:
    trampfd.reserve(count)


def churn(count: int) -> None:
    """More than are free, with some that are freed before others."""
    many = [trampfd.callback(INT, _adder(i)) for i in range(count)]
    del many[1::2]
    many += [trampfd.callback(INT, _adder(2 * i)) for i in range(len(many))]
    for i, callback in enumerate(many):
        number = 2 * (i if i < (count + 1) // 2 else i - (count + 1) // 2)
        assert callback(1) == number + 1, (i, callback(1))


def verify(key: int) -> bool:
    return bool(trampfd.verify(made[key]))


def verify_all() -> list[str]:
    return [str(report) for report in trampfd.verify().changed]


def call_all(argument: int) -> list[int]:
    return [int(callback(argument)) for callback in made.values()]


def _status_of_child(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        signal.alarm(60)  # a deadlock
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def fork(argument: int, count: int) -> int:
    """The status of a child that uses what there is, and makes and frees its own."""
    before = call_all(argument)

    def work() -> None:
        assert call_all(argument) == before
        churn(count)
        assert not trampfd.verify().changed
        made.clear()
        gc.collect()
        assert slots_used() == 0, slots_used()

    return _status_of_child(work)


def go_on_in_child() -> None:
    """The parent does nothing any more but to end as the child does."""
    child = os.fork()
    if child == 0:
        return
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def call_freed(key: int) -> int:
    """The status of a child that calls a callback which it has freed before."""

    def work() -> None:
        address = ctypes.cast(made[key], ctypes.c_void_p).value
        del made[key]
        gc.collect()
        INT(address)(1)

    return _status_of_child(work)


IN_INTERPRETER = """
import ctypes
import trampfd
INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
many = [trampfd.callback(INT, lambda x, i=i: x + i) for i in range({count})]
assert [one(1) for one in many] == list(range(1, {count} + 1))
with trampfd.installed():
    assert INT(lambda x: 2 * x)(21) == 42
assert not trampfd.verify().changed
del many
"""


def subinterpreter(count: int) -> None:
    code = IN_INTERPRETER.format(count=count)
    if hasattr(interpreters, "exec"):
        interpreter = interpreters.create("legacy")
        failure = interpreters.exec(interpreter, code)
    else:
        interpreter = interpreters.create(isolated=False)
        failure = interpreters.run_string(interpreter, code)
    assert failure is None, failure
    interpreters.destroy(interpreter)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = {"value": globals()[name](*arguments)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
