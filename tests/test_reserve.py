# SPDX-License-Identifier: MIT
"""trampfd.reserve(): callbacks under filters that forbid to grow."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from support import core, scale

import trampfd

# With the kernel's providers a callback takes system calls of its own.
pytestmark = pytest.mark.only_table

COUNT = 10_000

# argv: what makes the callbacks, and how many are reserved by what.
UNDER_FILTER = f"""
import ctypes, functools, operator, os, sys
import trampfd
from support import hardening
way, by, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if "cffi" in way:
    import cffi
    ffi = cffi.FFI()
    ctype = ffi.typeof("int(*)(int)")
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
if "install" in way:
    trampfd.install()
make = {{
    "cffi": lambda function: trampfd.callback(ctype, function),
    "ctypes": lambda function: trampfd.callback(cls, function),
    "install cffi": lambda function: ffi.callback(ctype, function),
    "install ctypes": cls,
}}[way]
make(abs)
if by == "reserve()":
    trampfd.reserve(count)
try:
    import trampfd._system.seccomp
    hardening.kill_growth()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(77)


def use():
    for _ in range(2):
        kept = [make(functools.partial(operator.add, i)) for i in range({COUNT})]
        assert all(callback(5) == i + 5 for i, callback in enumerate(kept))
        kept.clear()


if by == "reserve()" and os.fork() == 0:
    use()
    os._exit(0)
use()
if by == "reserve()":
    assert os.wait()[1] == 0
os._exit(0)
"""


def under_filter(way: str, by: str, count: int) -> subprocess.CompletedProcess[str]:
    if "cffi" in way:
        pytest.importorskip("cffi")
    done = core.run(
        *core.python_command(UNDER_FILTER),
        *(way, by, str(count)),
        timeout=scale.seconds(240),
    )
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    return done


@pytest.mark.parametrize("way", ["cffi", "ctypes", "install cffi", "install ctypes"])
def test_reserved_callbacks_map_no_code_and_open_no_file(way: str) -> None:
    """In a child after fork(), too."""
    done = under_filter(way, "reserve()", COUNT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("way", ["cffi", "ctypes"])
def test_without_a_reservation_the_process_is_killed(way: str) -> None:
    assert under_filter(way, "nothing", 0).returncode == -signal.SIGSYS


def blocks() -> int:
    return sum(trampfd.status().blocks.values())


def test_blocks_stay_until_a_smaller_reservation() -> None:
    trampfd.reserve(1)
    trampfd.reserve(0)
    before = blocks()
    try:
        trampfd.reserve(20 * 4096)
        assert blocks() > 20
        trampfd.reserve(3 * 4096)
        assert 3 < blocks() <= max(6, before)
    finally:
        trampfd.reserve(0)
    assert blocks() <= before + 1


BEYOND_THE_LIMIT = """
import resource, trampfd
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
try:
    trampfd.reserve(10**15)
except trampfd.ClosureError as error:
    for words in ("cannot make a reservation: ", "own file: mmap ", "memfd: mmap "):
        assert words in str(error), error
    assert {source for source, _, number in error.attempts if number} == {"own file", "memfd"}
else:
    raise AssertionError
assert trampfd.status().slots_free <= 2 * 4096, trampfd.status()
trampfd.reserve(10_000)
"""


def test_every_way_that_was_refused_is_named() -> None:
    core.script(BEYOND_THE_LIMIT)


@pytest.mark.parametrize("count", [sys.maxsize, 10**30])
def test_numbers_beyond_all_memory_are_refused(count: int) -> None:
    before = blocks()
    with pytest.raises(trampfd.ClosureError, match="reserve: address space") as info:
        trampfd.reserve(count)
    assert isinstance(info.value, MemoryError)
    assert info.value.attempts[0][0] == "reserve"
    assert blocks() == before


@pytest.mark.any_provider
@pytest.mark.parametrize("count", [1.0, "10", None, b"1", [1]])
def test_rejects_what_is_not_a_number(count: object) -> None:
    with pytest.raises(TypeError, match="takes a number of callbacks, not"):
        trampfd.reserve(count)  # type: ignore[arg-type]


@pytest.mark.any_provider
@pytest.mark.parametrize("count", [-1, -(10**30)])
def test_rejects_negative_numbers(count: int) -> None:
    with pytest.raises(ValueError, match="0 or more, not -1"):
        trampfd.reserve(count)
