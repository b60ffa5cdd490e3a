# SPDX-License-Identifier: MIT
"""Core and extension under sanitizers and valgrind; memory that stays flat over many closures."""

from __future__ import annotations

import sys

import pytest
import sanitized
from support import core, scale

COMPILERS = ("cc", "clang")

# What a sanitizer cannot tell of an address range that is not its own is left out: resource limits
# and counts, and races that are stopwatches rather than checks.
ADDRESS = (
    ("core/abi", ""),
    ("core/all_slots", ""),
    ("core/arguments", ""),
    ("core/backend", "table"),
    ("core/backtrace", ""),
    ("core/border", ""),
    ("core/churn", ""),
    ("core/dl_iterate", ""),
    ("core/first_race", ""),
    ("core/fork_apart", ""),
    ("core/fork_handlers", "before"),
    ("core/free_in_call", ""),
    ("core/growth", "own file"),
    ("core/growth", "memfd"),
    ("core/limit_file_size", ""),
    ("core/lookup", ""),
    ("core/prep_errors", ""),
    ("core/probe", ""),
    ("core/read_back", ""),
    ("core/registers", ""),
    ("core/reprep", ""),
    ("core/reserve", "end"),
    ("core/signal", ""),
    ("core/sizes", ""),
    ("core/status", ""),
    ("core/thousand", ""),
    ("core/threads", ""),
    ("core/trail", ""),
    ("core/verify_all", ""),
)

THREAD = (
    ("core/dl_iterate", ""),
    ("core/first_race", ""),
    ("core/fork_apart", ""),
    ("core/fork_handlers", "before"),
    ("core/lookup_race", ""),
    ("core/magazines", "end"),
    ("core/magazines", "rest"),
    ("core/reserve", "race"),
    ("core/signal", ""),
    ("core/threads", ""),
    ("core/verify_all", ""),
)

VALGRIND = (
    ("core/all_slots", ""),
    ("core/arguments", ""),
    ("core/churn", ""),
    ("core/free_in_call", ""),
    ("core/lookup", ""),
    ("core/read_back", ""),
    ("core/reprep", ""),
)

OPTIONS = {
    "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=66",
}


def check(name: str, argument: str, compiler: str, *flags: str) -> None:
    program = core.executable(name, *flags, compiler=compiler)
    core.check(core.copy_of(program), *filter(None, [argument]), environment=OPTIONS)


@pytest.mark.only_table
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("name", "argument"), ADDRESS)
def test_address_and_undefined(name: str, argument: str, compiler: str) -> None:
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    # Before a call, clang since 17 reads what lies before the function: nothing, if it is the first
    # of a block.
    if compiler == "clang":
        flags.append("-fno-sanitize=function")
    check(name, argument, compiler, *flags)


def test_address_and_undefined_in_the_extension() -> None:
    """A part of what `make asan` runs."""
    files = [core.TESTS / name for name in ("test_cffi.py", "test_stateful.py")]
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-seed=1"]
    environment = {**sanitized.environment(), "TRAMPFD_SEQUENCES": "5"}
    done = core.run(sys.executable, "-m", "pytest", *options, *files, environment=environment)
    assert done.returncode == 0, done.stdout


WATCHED = """
from pathlib import Path
from trampfd import _native
assert b"__asan_report_load8" in Path(_native.__file__).read_bytes(), _native.__file__
"""


def test_the_extension_is_watched() -> None:
    core.check(sys.executable, "-c", WATCHED, environment=sanitized.environment())


@pytest.mark.only_table
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("name", "argument"), THREAD)
def test_thread(name: str, argument: str, compiler: str) -> None:
    check(name, argument, compiler, "-fsanitize=thread")


@pytest.mark.only_table
@pytest.mark.parametrize(("name", "argument"), VALGRIND)
def test_valgrind(name: str, argument: str) -> None:
    command = [core.need("valgrind"), "--quiet", "--error-exitcode=9", "--leak-check=full"]
    core.check(*command, core.executable(name), *filter(None, [argument]))


def test_a_million_closures_keep_memory_flat() -> None:
    core.check(core.executable("core/flat"))


# Kibibytes that the second half of the rounds may add.
GROWTH_MAX = 512

FLAT = """
import ctypes, sys
import trampfd

rounds, growth_max = int(sys.argv[2]), int(sys.argv[3])
if sys.argv[1] == "cffi":
    import cffi
    type = cffi.FFI().typeof("int(*)(int)")
else:
    type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def resident():
    with open("/proc/self/smaps_rollup") as file:  # statm may lack each thread's last changes
        return int(file.read().split("Rss:")[1].split()[0])


def run(count):
    callback = trampfd.callback
    function = lambda number: number + 1
    for i in range(count):
        made = callback(type, function)
        if i % 16 == 0:
            assert made(i) == i + 1


trampfd.status()  # what it imports counts for neither half
run(rounds // 2)
half, blocks = resident(), trampfd.status().blocks
run(rounds // 2)
assert resident() - half < growth_max, (half, resident())
assert trampfd.status().blocks == blocks
assert trampfd.status().slots_used <= 1, trampfd.status()
"""


@pytest.mark.parametrize("kind", ["ctypes", "cffi"])
def test_a_million_callbacks_keep_memory_flat(kind: str) -> None:
    if kind == "cffi":
        pytest.importorskip("cffi")
    core.script(FLAT, kind, scale.down("callbacks made and freed", 1_000_000, 50_000), GROWTH_MAX)


CYCLES = """
import ctypes, gc, os, sys
import trampfd

cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


class Owner:
    def __init__(self):
        self.callback = trampfd.callback(cls, self.method)

    def method(self, number):
        return number + 1


def run(count):
    for _ in range(count):
        assert Owner().callback(1) == 2


run(1000)
gc.collect()
used = trampfd.status().slots_used
run(20000)
gc.collect()
assert trampfd.status().slots_used == used, trampfd.status()
"""


def test_cycles_through_callbacks_are_collected() -> None:
    core.script(CYCLES)
