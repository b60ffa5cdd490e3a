# SPDX-License-Identifier: MIT
"""trampfd.reserve() and TRAMPFD_RESERVE: callbacks under filters that forbid to grow."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from support import core, preload, scale

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
if "install" in way or by == "TRAMPFD_RESERVE":
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
is_child = by == "reserve()" and os.fork() == 0  # fork() of newer Pythons opens a file
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


use()
if by == "reserve()" and not is_child:
    assert os.wait()[1] == 0
os._exit(0)
"""


def under_filter(
    way: str, by: str, count: int, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    if "cffi" in way:
        pytest.importorskip("cffi")
    done = core.run(
        *core.python_command(UNDER_FILTER),
        *(way, by, str(count)),
        environment=environment,
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


def test_install_reserves_what_the_environment_asks_for() -> None:
    environment = {"TRAMPFD_RESERVE": str(COUNT)}
    done = under_filter("install ctypes", "TRAMPFD_RESERVE", 0, environment)
    assert done.returncode == 0, done.stderr


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
trampfd.reserve(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28), resource.RLIM_INFINITY))
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


WRONG = ["x", "-1", "1.5", "10 ", " 10", "+5", "0x10", "1e4"]
REFUSED = "cannot make a reservation: TRAMPFD_RESERVE: number of closures: Invalid argument"


@pytest.mark.any_provider
@pytest.mark.parametrize("value", WRONG)
def test_a_wrong_value_of_the_variable_is_refused(value: str) -> None:
    code = "import trampfd\ntrampfd.install()"
    done = core.run(sys.executable, "-c", code, environment={"TRAMPFD_RESERVE": value})
    assert done.returncode == 1
    assert f"trampfd.ClosureError: [Errno 22] {REFUSED}" in done.stderr


@pytest.mark.any_provider
@pytest.mark.parametrize("value", ["", "0", "00"])
def test_no_value_has_no_effect(value: str) -> None:
    code = "import trampfd\ntrampfd.install()\nassert not trampfd.status().slots_free"
    core.check(sys.executable, "-c", code, environment={"TRAMPFD_RESERVE": value})


@pytest.mark.any_provider
def test_run_says_that_the_value_is_wrong() -> None:
    command = (sys.executable, "-m", "trampfd", "run", "-c", "print(1)")
    done = core.run(*command, environment={"TRAMPFD_RESERVE": "many"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"trampfd run: {REFUSED}\n"


@pytest.mark.any_provider
def test_a_program_that_has_not_asked_for_trampfd_goes_on() -> None:
    code = (
        "import ctypes\n"
        "from trampfd import _install\n"
        "_install.install_at_start()\n"
        "print(_install.is_installed())"
    )
    done = core.run(sys.executable, "-c", code, environment={"TRAMPFD_RESERVE": "many"})
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert done.stderr == f"trampfd: {REFUSED}\n"


def preloaded(value: str) -> subprocess.CompletedProcess[str]:
    done = preload.run("preload/reserve", environment={"TRAMPFD_RESERVE": value})
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    return done


def test_the_preload_library_reserves_what_the_environment_asks_for() -> None:
    done = preloaded(str(COUNT))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("value", ["", "100", *WRONG])
def test_the_preload_library_says_that_the_value_is_wrong(value: str) -> None:
    done = preloaded(value)
    assert done.returncode == -signal.SIGSYS, "the filter did not strike"
    refused = "trampfd: cannot reserve closures: TRAMPFD_RESERVE: number of closures: "
    assert done.stderr == (f"{refused}Invalid argument\n" if value in WRONG else "")
