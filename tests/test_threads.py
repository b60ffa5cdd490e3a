# SPDX-License-Identifier: MIT
"""Callbacks in threads that C made: what Python code leaves there, side by side with stock.

ctypes makes a thread state for each callback and destroys it, with all that is in it, at its end;
cffi keeps one as long as the thread, and destroys it in the next thread that makes one.
"""

from __future__ import annotations

import signal
import textwrap

import pytest
from support import c_threads, core, scale


def same_as_stock(code: str, interface: str) -> str:
    """What the program prints, which is what it prints with stock callbacks."""
    stock, ours = (c_threads.run(code, closures, interface) for closures in ("stock", "install"))
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        stock.returncode,
        stock.stdout,
        stock.stderr,
    )
    assert ours.returncode == 0, ours.stderr
    return ours.stdout


# What a callback may leave in the state of its thread, and how it looks at the start of the next.
LEFT = {
    "local": ("hasattr(local, 'value')", "local.value = 1"),
    "context": ("variable.get(None)", "variable.set(1)"),
    "trace": ("sys.gettrace() is not None", "sys.settrace(lambda *_: None)"),
    "profile": ("sys.getprofile() is not None", "sys.setprofile(lambda *_: None)"),
    "origins": (
        "sys.get_coroutine_origin_tracking_depth()",
        "sys.set_coroutine_origin_tracking_depth(3)",
    ),
    "hooks": (
        "sys.get_asyncgen_hooks().finalizer is not None",
        "sys.set_asyncgen_hooks(finalizer=print)",
    ),
    "decimal": ("decimal.getcontext().prec", "decimal.getcontext().prec = 9"),
    "nothing": ("0", "0"),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_a_callback_leaves_behind(what: str, interface: str) -> None:
    look, leave = LEFT[what]
    printed = same_as_stock(
        f"""
        import contextvars, decimal
        variable = contextvars.ContextVar("variable")
        seen = []
        @make
        def callback(x):
            seen.append({look})
            {leave}
            return 0
        server = lib.server_start()
        for i in range(4):
            lib.server_call(server, callback, i)
        lib.server_stop(server)
        print(seen)
        """,
        interface,
    )
    first, *others = eval(printed)
    kept = interface == "cffi" and what != "nothing"
    assert [value != first for value in others] == [kept] * 3


@pytest.mark.parametrize("order", ["ctypes cffi ctypes", "cffi ctypes cffi", "ctypes ctypes"])
def test_both_interfaces_in_one_thread(order: str) -> None:
    pytest.importorskip("cffi")
    printed = same_as_stock(
        f"""
        import ctypes
        seen = []
        def function(x):
            seen.append(getattr(local, "value", None))
            local.value = x
            return 0
        other = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(function)
        callbacks = {{
            "cffi": make(function),
            "ctypes": ffi.cast("int(*)(int)", ctypes.cast(other, ctypes.c_void_p).value),
        }}
        server = lib.server_start()
        for i, name in enumerate({order!r}.split()):
            lib.server_call(server, callbacks[name], i)
        lib.server_stop(server)
        print(seen)
        """,
        "cffi",
    )
    assert "None" in printed


def test_callback_inside_a_callback_of_the_same_thread(interface: str) -> None:
    """The state stays as long as the outer one runs."""
    printed = same_as_stock(
        """
        @make
        def inner(x):
            seen.append(getattr(local, "value", None))
            local.value = x
            return 0
        @make
        def outer(x):
            seen.append(getattr(local, "value", None))
            local.value = "outer"
            inner(1)
            seen.append(local.value)
            return 0
        seen = []
        server = lib.server_start()
        for i in range(2):
            lib.server_call(server, outer, i)
        lib.server_stop(server)
        print(seen)
        """,
        interface,
    )
    assert printed.startswith("[None, 'outer', 1, ")


def test_errno_of_ctypes_is_new_in_each_callback() -> None:
    printed = same_as_stock(
        """
        make = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
        seen = []
        @make
        def callback(x):
            seen.append(ctypes.get_errno())
            ctypes.set_errno(42)
            return 0
        lib.call_in_thread(callback, 3)
        print(seen)
        """,
        "ctypes",
    )
    assert printed == "[0, 0, 0]\n"


# Values of threading.local whose destructors say in which thread they run.
GUEST = """
class Guest:
    def __init__(self):
        self.thread = threading.get_ident()
    def __del__(self):
        if threading.get_ident() == self.thread:
            events.append("in its thread")
        elif threading.current_thread() is threading.main_thread():
            events.append("in the main thread")
        else:
            events.append("in another thread")
events = []
@make
def callback(x):
    events.append("callback")
    local.guest = Guest()
    return 0
@make
def other(x):
    events.append("other")
    return 0
"""


def test_where_destructors_of_thread_local_values_run(interface: str) -> None:
    printed = same_as_stock(
        GUEST
        + """
server = lib.server_start()
lib.server_call(server, callback, 0)
lib.server_call(server, callback, 0)
lib.server_stop(server)
events.append("stopped")
for _ in range(1000):
    gc.isenabled()
lib.call_in_thread(other, 1)
print(events)
""",
        interface,
    )
    assert "main" not in printed
    assert printed.count("in ") == 2


def test_destructor_that_wants_a_lock_of_the_main_thread(interface: str) -> None:
    """10,000 threads end while the main thread holds the lock that destructors of theirs take."""
    threads = scale.down("short-lived threads", 10_000, 300)
    printed = same_as_stock(
        f"""
        lock, count = threading.Lock(), 0
        class Guest:
            def __del__(self):
                global count
                with lock:
                    count += 1
        @make
        def callback(x):
            local.guest = Guest()
            return x
        for i in range({threads}):
            server = lib.server_start()
            assert lib.server_call(server, callback, i) == i
            with lock:
                lib.server_stop(server)
                gc.isenabled()
        print(count >= {threads} - 1)
        """,
        interface,
    )
    assert printed == "True\n"


def test_threads_make_threads(interface: str) -> None:
    """16 threads of Python, each with threads of C that live for two callbacks."""
    rounds = scale.down("rounds of 16 threads", 20, 2)
    printed = same_as_stock(
        f"""
        total, lock = 0, threading.Lock()
        @make
        def callback(x):
            global total
            local.values = [x] * 100
            with lock:
                total += 1
            return 0
        def work():
            for _ in range({rounds}):
                assert lib.call_in_threads(callback, 5, 2) == 5
        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(total)
        """,
        interface,
    )
    assert int(printed) == 16 * rounds * 5 * 2


def test_thread_states_do_not_accumulate(interface: str) -> None:
    """Of 500 threads that have ended the last ones' states may be there, no others."""
    done = c_threads.run(
        """
        @make
        def callback(x):
            return 0
        from ctypes import c_void_p, pythonapi
        main, head, next_one = (
            getattr(pythonapi, name)
            for name in [
                "PyInterpreterState_Main", "PyInterpreterState_ThreadHead", "PyThreadState_Next"
            ]
        )
        main.restype = head.restype = next_one.restype = c_void_p
        def states():
            count, state = 0, head(c_void_p(main()))
            while state:
                count, state = count + 1, next_one(c_void_p(state))
            return count
        for _ in range(500):
            lib.call_in_thread(callback, 1)
        print(states())
        """,
        "install",
        interface,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 2


def test_freed_by_another_thread_while_a_call_waits(interface: str) -> None:
    """The call has passed the slot and waits to be attached: what it finds then is named."""
    done = c_threads.run(
        """
        import ctypes
        keeping = ctypes.PyDLL(sys.argv[1])  # does not let another thread run
        keeping.server_ask.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        def the_callback(x):
            return x
        callback = make(the_callback)
        if interface == "cffi":
            pointer = int(ffi.cast("uintptr_t", callback))
            server = int(ffi.cast("uintptr_t", lib.server_start()))
        else:
            pointer = ctypes.c_void_p.from_buffer_copy(callback).value
            server = lib.server_start()
        sys.setswitchinterval(1000)
        keeping.server_ask(server, pointer, 1)
        keeping.usleep(300_000)
        del callback
        time.sleep(30)
        """,
        "install",
        interface,
    )
    assert done.returncode == -signal.SIGABRT
    assert "call of a closure that was freed" in done.stderr
    assert "the_callback" in done.stderr


def test_threads_of_python_look_for_no_kept_state(interface: str) -> None:
    """They pay for what threads of C need once for each callback while the state of such a thread
    is kept, else nothing.  CPython itself looks for the thread's state, maybe in our name."""
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", "libcount.so"]
    counter = core.compiled("cc", *flags, core.PROGRAMS / "python/count_getspecific.c", "-ldl")
    code = """
    import ctypes
    count = ctypes.CDLL(None).getspecific_count
    count.restype = ctypes.c_ulong
    loaded = ctypes.CDLL(sys.argv[1])
    release = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t,
                               ctypes.c_void_p)(("qsort", ctypes.CDLL(None)))
    if interface == "cffi":
        compare = ffi.callback("int(void *, void *)", lambda x, y: calls.append(1) or 0)
        address = int(ffi.cast("uintptr_t", compare))
    else:
        compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            lambda x, y: calls.append(1) or 0)
        address = ctypes.cast(compare, ctypes.c_void_p).value
    calls = []
    def look():
        calls.clear()
        before = count()
        release(ctypes.create_string_buffer(100), 100, 1, address)
        return len(calls), count() - before
    made, own = look()
    assert made >= 99 and own in (0, made), (made, own)
    callback = make(lambda x: x)
    server = lib.server_start()
    lib.server_call(server, callback, 1)
    before = count()
    lib.server_call(server, callback, 1)
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        sys.exit()
    assert count() > before, "the counter counts nothing"
    made, looked = look()
    assert made >= 99 and looked == own + made, (made, own, looked)
    lib.server_stop(server)
    """
    command = core.python_command(c_threads.PRELUDE + textwrap.dedent(code))
    done = core.run(
        *command,
        c_threads.library(),
        "install",
        interface,
        environment={"LD_PRELOAD": str(counter / "libcount.so")},
        timeout=scale.seconds(60),
    )
    assert done.returncode == 0, done.stdout + done.stderr
