# SPDX-License-Identifier: MIT
"""What messages call a callback: making one runs no code of the program for it."""

from __future__ import annotations

import ctypes
import signal
from typing import Any

import pytest
from support import core

import trampfd

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)


class Nosy:
    """Its attributes are code."""

    asked: tuple[str, ...] = ()

    def __getattribute__(self, name: str) -> Any:
        Nosy.asked += (name,)
        raise KeyboardInterrupt

    def __call__(self) -> int:
        return 42


def test_no_code_of_the_callable_runs() -> None:
    Nosy.asked = ()
    callback = trampfd.callback(CALLBACK, Nosy())
    assert callback() == 42
    assert Nosy.asked == ()


def test_no_code_of_the_callable_runs_with_cffi() -> None:
    ffi = pytest.importorskip("cffi").FFI()
    Nosy.asked = ()
    callback = trampfd.callback("int(void)", Nosy(), ffi=ffi)
    assert callback() == 42
    assert Nosy.asked == ()


@pytest.mark.parametrize(
    ("callable", "name"),
    [
        ("lambda: 1", "<lambda>"),
        ("Class.method", "Class.method"),
        ("Class().method", "Class.method"),
        ("Class()", "Class"),
        ("time.time", "time"),
        ("functools.partial(int, 1)", "functools.partial"),
        ("named('a' * 100)", "a" * 39),
        ("named('\\u00e4\\u00f6')", "\u00e4\u00f6"),
        ("named('\\ud800')", "function"),
    ],
)
def test_name_of_a_freed_closure(callable: str, name: str) -> None:
    code = f"""
import ctypes, functools, time, trampfd
class Class:
    def method(self=None): pass
    def __call__(self): pass
def named(name):
    def function(): pass
    function.__qualname__ = name
    return function
CALLBACK = ctypes.CFUNCTYPE(None)
callback = trampfd.callback(CALLBACK, {callable})
dangling = CALLBACK.from_buffer_copy(callback)
del callback
dangling()
"""
    done = core.run(*core.python_command(code))
    assert done.returncode == -signal.SIGABRT
    assert f"({name})" in done.stderr
