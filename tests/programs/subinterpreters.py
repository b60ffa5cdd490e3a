# SPDX-License-Identifier: MIT
"""Callbacks of subinterpreters; the tests are in test_subinterpreters.py.

    subinterpreters.py LIBRARY LIBRARY LIBRARY KIND CASE

KIND is "legacy", for interpreters that share one lock, or "isolated", for those with their own.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import textwrap
import threading
import time
from typing import Any, Callable

import trampfd

THREADS, FOREVER, ENDING, KIND, CASE = sys.argv[1:]

try:
    import _interpreters as interpreters  # type: ignore[import-not-found]
except ImportError:
    import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]

PRELUDE = f"""
import ctypes, gc, os, sys, threading
import trampfd
trampfd.install()
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
lib = ctypes.CDLL({THREADS!r})
lib.worker_start.restype = ctypes.c_void_p
lib.worker_call.argtypes = [ctypes.c_void_p, FUNCTION, ctypes.c_int]
lib.worker_stop.argtypes = [ctypes.c_void_p]
shared = (ctypes.c_uint64 * 8).from_address(int(os.environ["SHARED"]))
def address(function):
    return ctypes.cast(function, ctypes.c_void_p).value
"""

memory = (ctypes.c_uint64 * 8)()
os.environ["SHARED"] = str(ctypes.addressof(memory))
here: dict[str, Any] = {}
exec(PRELUDE, here)
shared, FUNCTION, lib, address = (here[name] for name in ("shared", "FUNCTION", "lib", "address"))

# A number for each interpreter that its callbacks return.
trampfd.number = 1  # type: ignore[attr-defined]


alive: list[Any] = []


def create() -> Any:
    if hasattr(interpreters, "exec"):
        alive.append(interpreters.create(KIND))
    else:
        alive.append(interpreters.create(isolated=KIND == "isolated"))
    return alive[-1]


def run(interpreter: Any, code: str) -> None:
    code = PRELUDE + textwrap.dedent(code)
    if hasattr(interpreters, "exec"):
        failure = interpreters.exec(interpreter, code)
        assert failure is None, failure.formatted
    else:
        interpreters.run_string(interpreter, code)


def end(interpreter: Any) -> None:
    """Private modules refuse it before CPython 3.13 as long as the interpreter has other states."""
    alive.remove(interpreter)
    if sys.version_info >= (3, 13):
        interpreters.destroy(interpreter)
    else:
        ending = ctypes.PyDLL(ENDING)
        ending.end_interpreter.argtypes = [ctypes.c_int64]
        assert ending.end_interpreter(int(interpreter))


def case_each_runs_in_its_own() -> None:
    """From its own code, from the main interpreter, and nested over two others."""
    seen = []

    def here(x: int) -> int:
        seen.append(x)
        return x + trampfd.number  # type: ignore[attr-defined]

    mine = FUNCTION(here)
    shared[0] = address(mine)
    one, two = create(), create()
    for index, interpreter in enumerate((one, two), 1):
        run(
            interpreter,
            f"""
            trampfd.number = {10**index}
            assert trampfd._native.find(address(FUNCTION(abs)))
            def here(x):
                if x > 5:
                    other = FUNCTION(shared[{index - 1}])
                    return other(x - 5) + trampfd.number
                return x + trampfd.number
            kept = FUNCTION(here)
            assert kept(1) == 1 + trampfd.number
            shared[{index}] = address(kept)
            """,
        )
    print([FUNCTION(shared[i])(1) for i in range(3)])
    print(FUNCTION(shared[2])(13))  # two, one, main
    run(two, "print(FUNCTION(shared[0])(3), FUNCTION(shared[1])(3), kept(13))")
    print(seen)


def case_python_calls_with_the_lock() -> None:
    """PyDLL does not release the interpreter's lock for the call."""
    mine = FUNCTION(lambda x: x + 1)
    shared[0] = address(mine)
    interpreter = create()
    run(
        interpreter,
        """
        WITH_LOCK = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)
        kept = FUNCTION(lambda x: x + 2)
        print(WITH_LOCK(address(kept))(1), WITH_LOCK(shared[0])(1))
        shared[1] = address(kept)
        """,
    )
    print(ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(shared[1])(1))


def case_threads_of_c() -> None:
    """Each has one state for each interpreter, and finds what it left there."""
    interpreter = create()
    code = """
        import _cffi_backend
        local = threading.local()
        def count(x):
            local.calls = getattr(local, "calls", 0) + 1
            return local.calls * 100 + x
        ffi = _cffi_backend.FFI()
        kept = ffi.callback("int(int)", count)
        shared[NUMBER] = int(ffi.cast("intptr_t", kept))
        """
    run(interpreter, code.replace("NUMBER", "1"))
    exec(PRELUDE + textwrap.dedent(code.replace("NUMBER", "0")), {})
    workers = [lib.worker_start(), lib.worker_start()]
    for worker in workers * 2:
        print([lib.worker_call(worker, FUNCTION(shared[i]), 7) for i in (1, 0, 1)])
    for worker in workers:
        lib.worker_stop(worker)


def case_threads_of_c_one_after_another() -> None:
    """The next one may have the identity of the last one, but nothing of what that left."""
    run(
        create(),
        """
        import _cffi_backend
        local = threading.local()
        def count(x):
            local.calls = getattr(local, "calls", 0) + 1
            return local.calls
        ffi = _cffi_backend.FFI()
        kept = ffi.callback("int(int)", count)
        shared[1] = int(ffi.cast("intptr_t", kept))
        identify = FUNCTION(lambda x: threading.get_ident() % 1000003)
        shared[2] = address(identify)
        """,
    )
    count, identify = FUNCTION(shared[1]), FUNCTION(shared[2])
    identities, counts = [], []
    for _ in range(10):
        worker = lib.worker_start()
        identities.append(lib.worker_call(worker, identify, 0))
        counts.append(lib.worker_call(worker, count, 0))
        lib.worker_stop(worker)
    print(len(set(identities)) < 10, set(counts))


def case_threads_of_python() -> None:
    """threading.local is that of the thread that C code was called in."""
    run(
        create(),
        """
        local = threading.local()
        kept = FUNCTION(lambda x: x + local.number)
        seen = []
        def work(number):
            local.number = number
            seen.append(kept(1))
        threads = [threading.Thread(target=work, args=(i * 10,)) for i in range(5)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        work(70)
        print(sorted(seen))
        """,
    )


def case_exceptions_stay_where_they_were() -> None:
    interpreter = create()
    run(
        interpreter,
        """
        def broken(x):
            raise ValueError(x)
        sys.unraisablehook = lambda hook: print("in the subinterpreter:", hook.exc_type.__name__)
        kept = FUNCTION(broken)
        shared[1] = address(kept)
        """,
    )
    sys.unraisablehook = lambda hook: print("in the main one")
    print(FUNCTION(shared[1])(4))


def case_end() -> None:
    """Closures of an interpreter that has ended return their error value, with one message."""
    interpreter = create()
    run(
        interpreter,
        """
        def last_words(x):
            return x + 1
        kept = FUNCTION(last_words)
        sys.modules["kept"] = kept
        shared[1] = address(kept)
        assert kept(1) == 2
        """,
    )
    worker = lib.worker_start()
    print(FUNCTION(shared[1])(1), lib.worker_call(worker, FUNCTION(shared[1]), 1))
    end(interpreter)
    gc.collect()
    print(FUNCTION(shared[1])(1), lib.worker_call(worker, FUNCTION(shared[1]), 1))
    mine = FUNCTION(lambda x: x + 5)
    print(lib.worker_call(worker, mine, 1))
    lib.worker_stop(worker)


def case_end_with_an_error_value() -> None:
    interpreter = create()
    run(
        interpreter,
        """
        import _cffi_backend
        def last_words(x):
            return x + 1
        ffi = _cffi_backend.FFI()
        kept = ffi.callback("int(int)", last_words, error=-7)
        sys.modules["kept"] = kept
        shared[1] = int(ffi.cast("intptr_t", kept))
        """,
    )
    print(FUNCTION(shared[1])(1))
    end(interpreter)
    print(FUNCTION(shared[1])(1))


def case_end_of_many() -> None:
    """Nothing is left behind but what may still be called."""
    used = []
    for _ in range(30):
        interpreter = create()
        run(interpreter, "for i in range(100): assert FUNCTION(lambda x: x + i)(1) == 1 + i")
        end(interpreter)
        used.append(trampfd.status().slots_used)
    print(len(set(used[5:])) == 1, used[-1] - used[5])


def case_end_while_threads_call() -> None:
    """The end waits for their calls; later ones get the error value."""
    interpreter = create()
    run(
        interpreter,
        """
        def last_words(x):
            return 1
        kept = FUNCTION(last_words)
        sys.modules["kept"] = kept
        shared[1] = address(kept)
        """,
    )
    function = FUNCTION(shared[1])
    results: list[int] = []

    def call() -> None:
        worker = lib.worker_start()
        while not results or results[-1] != 0:
            results.append(lib.worker_call(worker, function, 1))
        lib.worker_stop(worker)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    while len(results) < 100:
        time.sleep(0.001)
    end(interpreter)
    for thread in threads:
        thread.join()
    print(set(results) == {0, 1})


def case_exit_while_threads_call() -> None:
    """Threads of C go on calling while interpreters, and at last the program, end."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    functions = (ctypes.c_void_p * 16).from_address(libc.malloc(16 * 8))
    for i in range(3):
        run(
            create(),
            """
            kept = [FUNCTION(lambda x: sum([x])) for _ in range(5)]
            sys.modules["kept"] = kept
            for i, one in enumerate(kept):
                shared[i] = address(one)
            """,
        )
        functions[i * 5 : i * 5 + 5] = shared[:5]
    trampfd.kept = FUNCTION(lambda x: x)  # type: ignore[attr-defined]
    functions[15] = address(trampfd.kept)  # type: ignore[attr-defined]
    forever = ctypes.CDLL(FOREVER)

    def wait_for_calls() -> None:
        before = forever.calls_so_far()
        while forever.calls_so_far() < before + 300:
            time.sleep(0.001)

    forever.call_until_the_end(4, ctypes.byref(functions), 16)
    wait_for_calls()
    # Before 3.13 none may be left, and to drop the last reference to one ends it with the state of
    # any thread, which may be one that is in a callback.
    for interpreter in alive[: 2 if sys.version_info >= (3, 13) else 3]:
        end(interpreter)
        wait_for_calls()
    alive.clear()


def case_destructors_at_the_end() -> None:
    """In the thread that ends the interpreter, callbacks work as long as there is Python code."""
    interpreter = create()
    run(
        interpreter,
        """
        import atexit
        numbers = (ctypes.c_int * 3)(3, 1, 2)
        COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.POINTER(ctypes.c_int)] * 2)
        def sort():
            ctypes.CDLL(None).qsort(numbers, 3, 4, COMPARE(lambda a, b: a[0] - b[0]))
            print(list(numbers), flush=True)
        class Late:
            def __del__(self, sort=sort):
                numbers[0] = 9
                sort()
        atexit.register(sort)
        late = Late()
        """,
    )
    end(interpreter)


def case_install_is_of_one() -> None:
    """Others, the main one too, keep what they have."""
    trampfd.uninstall()
    one = create()
    run(one, "kept = FUNCTION(abs); print(trampfd._native.find(address(kept)) is not None)")
    print(trampfd._native.find(address(FUNCTION(abs))) is not None)
    trampfd.install()
    run(one, "trampfd.uninstall(); print(trampfd._native.find(address(FUNCTION(abs))))")
    print(trampfd._native.find(address(FUNCTION(abs))) is not None)


def case_bound_functions_and_verify() -> None:
    interpreter = create()
    run(
        interpreter,
        """
        ADD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
        add = ADD(lambda a, b: a + b)
        bound = trampfd.bind(add, 3)
        kept = FUNCTION(lambda x: x + 3)
        sys.modules["kept"] = [bound, kept]
        shared[1] = address(bound)
        print(bound(4), kept(4))
        print(*(str(trampfd.verify(one)).split()[0] for one in (bound, kept)), flush=True)
        """,
    )
    print(FUNCTION(shared[1])(4))
    end(interpreter)


def case_pool() -> None:
    """Eight workers, whose interpreters all make callbacks at a time."""
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined]

    code = PRELUDE + textwrap.dedent(
        """
        function = FUNCTION(lambda x: x + 2)
        assert trampfd._native.find(address(function))
        assert all(FUNCTION(lambda x: x + i)(1) == i + 1 for i in range(1000))
        """
    )
    with InterpreterPoolExecutor(8) as pool:
        results = list(pool.map(exec, [code] * 64, [{}] * 64))
    print([42] if results == [None] * 64 else results)


cases: dict[str, Callable[[], None]] = {
    name[len("case_") :]: value for name, value in globals().items() if name.startswith("case_")
}

if __name__ == "__main__":
    cases[CASE]()
    for interpreter in list(alive):
        end(interpreter)
