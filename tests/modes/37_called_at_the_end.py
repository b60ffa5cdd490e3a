# SPDX-License-Identifier: MIT
"""
A callback is called while the interpreter ends, and after it

by a function of C that runs at exit, or by a thread of C that calls all the time.

Ways: at exit; a thread
Right: works
"""

import ctypes
import os
import sys
import time

import mode


def at_exit() -> None:
    libc = ctypes.CDLL(None)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    sys.kept = function(lambda _: None)  # type: ignore[attr-defined]
    libc.__cxa_atexit(sys.kept, None, None)  # type: ignore[attr-defined]


def a_thread() -> None:
    caller = ctypes.CDLL(os.environ["MODE_CALLER"])
    sys.kept = mode.make(1)  # type: ignore[attr-defined]
    caller.start_to_call(sys.kept)  # type: ignore[attr-defined]
    while caller.calls_so_far() < 100:
        time.sleep(0.001)


{"at exit": at_exit, "a thread": a_thread}[sys.argv[1]]()
