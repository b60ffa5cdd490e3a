# SPDX-License-Identifier: MIT
"""Questions and rivals, as JSON, tables and plots call them."""

from __future__ import annotations

C_HANDLER = "C handler"
PYTHON_CALLBACK = "Python callback"
PYTHON_KIND = "Python callback, by kind of argument"
MAKE = "make a Python callback"
INSTALL = "install()"
QSORT = "qsort"
CREATE_FREE = "create and free"
FILL = "create all, then free all"
THREADS = "create and free, by threads"
IMPORT = "import"
START = "start"
PROVIDER = "provider"
PROVIDER_MAKE = "provider, making"
PRELOAD = "C handler, preload"
INSTRUCTIONS = "instructions"
MEMORY = "memory"
#: Questions whose figures are counts, and of what; all others are of nanoseconds.
UNITS = {INSTRUCTIONS: "instructions", MEMORY: "bytes"}

#: What the questions are, in full.
TITLES = {
    C_HANDLER: "Calling a closure with a C handler",
    PYTHON_CALLBACK: "Calling a Python function int(int, int) from C",
    PYTHON_KIND: "Calling a Python function from C, by the kind of its arguments",
    MAKE: "Making and dropping a callback of Python, stock and after install()",
    INSTALL: "A callback of a program that knows nothing of trampfd",
    QSORT: "qsort() with a comparator in Python",
    CREATE_FREE: "Making and freeing one more closure, by how many are live",
    FILL: "Making so many closures from nothing and freeing them, for each",
    THREADS: "Making and freeing closures in so many threads, for each",
    IMPORT: "Importing",
    START: "Starting Python, importing one module and ending",
    PROVIDER: "Calling a closure, by where its slot comes from",
    PROVIDER_MAKE: "Making and freeing a closure, and a fork, by where slots come from",
    PRELOAD: "Calling a closure that libffi's functions made, with LD_PRELOAD and without",
    INSTRUCTIONS: "Instructions, counted by valgrind",
    MEMORY: "Bytes of a live callback of Python",
}

# Closures made in C.
PLAN = "trampfd"
ENTRY_LIBFFI = "trampfd, libffi entry"
STOCK = "libffi"
STATIC = "libffi static"
DIRECT = "indirect call"
PRELOADED = "trampfd, LD_PRELOAD"

#: With this signature closures are made and freed, and Python functions called.
INTS = "2 ints"
NO_ARGUMENTS = "no arguments"
#: All signatures with a C handler; for the first four there are figures to reach.
SIGNATURES = (
    INTS,
    "6 doubles",
    "16-byte struct",
    "10 mixed",
    NO_ARGUMENTS,
    "1 signed char",
    "8 longs",
    "8-byte struct of floats",
    "32-byte struct",
    "1 long double",
    "1 double complex",
)

# C functions made of Python functions.
TRAMPFD_CTYPES = "trampfd (ctypes)"
TRAMPFD_CFFI = "trampfd (cffi)"
CTYPES = "ctypes"
CALLBACK = "ffi.callback"
EXTERN = 'extern "Python"'
CYTHON = "Cython"
HAND = "hand-written C"
VECTORCALL = "vectorcall alone"

# Who calls a Python function.
HELD = "GIL held"
NOT_HELD = "GIL not held"
THREAD = "thread not made by Python"

# How a callback of Python is made.
OF_CTYPES = "ctypes"
BY_CTYPE = "cffi, ctype given"
BY_DECLARATION = "cffi, declaration given"
BY_FFI = "cffi.FFI(), ctype given"
MANY_LIVE = "100,000 live"
FIRST = "first of its type"

# How a program that knows nothing of trampfd is run.
AS_IT_IS = "as it is"
TRAMPFD_RUN = "trampfd run"
PROGRAMS = ("ctypes", "cffi")

# How Python is started.
PLAIN = "python"
ENABLED = "enabled python"
RUN_BY_MODULE = "python -m trampfd run"
#: What the program imports, which its name in the tables tells.
IMPORTS = {
    "no import": "pass",
    "import ctypes": "import ctypes",
    "import cffi": "import _cffi_backend",
}
KINDS = ("integers", "pointers")


def program_case(program: str, kind: str) -> str:
    return f"{program} program, {kind}"


def threads_case(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def live_case(count: int) -> str:
    return f"{count:,} live"


INSTRUCTIONS_PYTHON = f"Python callback, {HELD}"
INSTRUCTIONS_CREATE_FREE = CREATE_FREE
