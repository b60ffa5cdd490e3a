# SPDX-License-Identifier: MIT
"""Programs whose callbacks are called in threads that C made."""

from __future__ import annotations

import functools
import subprocess
import textwrap
from pathlib import Path

from support import core, scale

# With the word `install` the callbacks are trampfd's.  `c` makes callbacks of int(int).
PRELUDE = """
import gc, sys, threading, time
if sys.argv[2] == "install":
    import trampfd
    trampfd.install()
interface = sys.argv[3]
if interface == "cffi":
    import cffi
    ffi = cffi.FFI()
    ffi.cdef('''
        struct call *server_start(void);
        int server_call(struct call *, int (*)(int), int);
        void server_stop(struct call *);
        int call_in_thread(int (*)(int), int);
        int call_in_threads(int (*)(int), int, int);
    ''')
    lib = ffi.dlopen(sys.argv[1])
    make = ffi.callback("int(int)")
else:
    import ctypes
    lib = ctypes.CDLL(sys.argv[1])
    make = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    lib.server_start.restype = ctypes.c_void_p
    lib.server_call.argtypes = [ctypes.c_void_p, make, ctypes.c_int]
    lib.server_stop.argtypes = [ctypes.c_void_p]
    lib.call_in_thread.argtypes = [make, ctypes.c_int]
    lib.call_in_threads.argtypes = [make, ctypes.c_int, ctypes.c_int]
local = threading.local()
"""


@functools.cache
def library() -> Path:
    """c/python/threads.c, compiled; its threads outlive every handle."""
    flags = [
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-pthread",
        "-Wl,-z,nodelete",
    ]
    name = "libpython-threads.so"
    return (
        core.compiled("cc", *flags, "-o", name, core.PROGRAMS / "python/threads.c", "-ldl") / name
    )


def run(
    code: str, closures: str = "install", interface: str = "ctypes"
) -> subprocess.CompletedProcess[str]:
    command = core.python_command(PRELUDE + textwrap.dedent(code))
    return core.run(*command, library(), closures, interface, timeout=scale.seconds(60))
