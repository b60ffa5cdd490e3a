# SPDX-License-Identifier: MIT
"""Each policy of support/hardening.py refuses what it says and no more; stock closures feel it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import scale

pytestmark = pytest.mark.any_provider

HERE = Path(__file__).parent

POLICIES = ("mdwe", "systemd_mdwe", "no_exec_maps", "no_memfd")

# What a child tries under the policies it is given. It prints what came of each attempt, by the
# names that REFUSED has too.
ATTEMPTS = """
import ctypes, json, mmap, os, sys, threading
from support import hardening
from trampfd._system import seccomp

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.shmat.restype = ctypes.c_void_p
READ, WRITE, EXEC = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
SIZE = mmap.PAGESIZE
FAILED = ctypes.c_void_p(-1).value


def outcome(result, failure):
    return os.strerror(ctypes.get_errno()) if result == failure else "done"


def map_anonymous(prot):
    return libc.mmap(None, SIZE, prot, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)


def map_file(prot):
    with open(sys.executable, "rb") as file:
        return libc.mmap(None, SIZE, prot, mmap.MAP_PRIVATE, file.fileno(), 0)


def protect(address, prot):
    return outcome(libc.mprotect(address, SIZE, prot), -1)


def protect_with_key(address, prot):
    number = seccomp.machine().pkey_mprotect
    arguments = (number, address, SIZE, prot, -1)
    return outcome(libc.syscall(*map(ctypes.c_long, arguments)), -1)


def python_mmap_rwx():
    try:
        mmap.mmap(-1, SIZE, prot=READ | WRITE | EXEC)
    except OSError as error:
        return os.strerror(error.errno)
    return "done"


def attach(flags):
    segment = libc.shmget(0, SIZE, 0o1700)  # IPC_PRIVATE, IPC_CREAT is 0o1000
    try:
        return outcome(libc.shmat(segment, None, flags), FAILED)
    finally:
        libc.shmctl(segment, 0, None)


def create_memfd():
    try:
        os.close(os.memfd_create("test"))
    except OSError as error:
        return os.strerror(error.errno)
    return "done"


def map_rwx_in_older_thread():
    asked.set()
    thread.join()
    return older[0]


def older_thread():
    asked.wait()
    older.append(python_mmap_rwx())


older, asked = [], threading.Event()
thread = threading.Thread(target=older_thread)
thread.start()

# Made while all is allowed, to be turned over below.
data, code = map_anonymous(READ | WRITE), map_file(READ | EXEC)

for policy in sys.argv[1:]:
    getattr(hardening, policy)()
print(json.dumps({
    "map w+x": python_mmap_rwx(),
    "map w+x in another thread": map_rwx_in_older_thread(),
    "map data": outcome(map_anonymous(READ | WRITE), FAILED),
    "map file r-x": outcome(map_file(READ | EXEC), FAILED),
    "protect data r-x": protect(data, READ | EXEC),
    "protect data r--": protect(data, READ),
    "protect data r-x with a key": protect_with_key(data, READ | EXEC),
    "protect data r-- with a key": protect_with_key(data, READ),
    "protect code r-x": protect(code, READ | EXEC),
    "protect code r--": protect(code, READ),
    "attach segment": attach(0),
    "attach segment r-x": attach(0o110000),
    "create memfd": create_memfd(),
}))
"""

PERMITTED = "done"
REFUSED = {
    "mdwe": {
        "map w+x": "Permission denied",
        "map w+x in another thread": "Permission denied",
        "protect data r-x": "Permission denied",
        "protect data r-x with a key": "Permission denied",
    },
    "systemd_mdwe": {
        "map w+x": "Operation not permitted",
        "map w+x in another thread": "Operation not permitted",
        "protect data r-x": "Operation not permitted",
        "protect data r-x with a key": "Operation not permitted",
        "protect code r-x": "Operation not permitted",
        "attach segment r-x": "Operation not permitted",
    },
    "no_exec_maps": {
        "map w+x": "Operation not permitted",
        "map w+x in another thread": "Operation not permitted",
        "map file r-x": "Operation not permitted",
        "protect data r-x": "Operation not permitted",
        "protect data r-x with a key": "Operation not permitted",
        "protect code r-x": "Operation not permitted",
        "attach segment r-x": "Operation not permitted",
    },
    "no_memfd": {"create memfd": "Operation not permitted"},
}


def run(code: str, *arguments: str) -> object:
    """What a child process prints as JSON."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
    }
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def skip_without(policy: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", f"from support import hardening; hardening.{policy}()"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    if "needs Linux" in child.stderr or "no filter is known" in child.stderr:
        pytest.skip(child.stderr.splitlines()[-1])


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    skip_without(request.param)
    name: str = request.param
    return name


def test_everything_is_permitted_without_a_policy() -> None:
    outcomes = run(ATTEMPTS)
    assert isinstance(outcomes, dict)
    assert set(outcomes.values()) == {PERMITTED}


def test_policy_refuses_exactly_its_operations(policy: str) -> None:
    outcomes = run(ATTEMPTS, policy)
    assert isinstance(outcomes, dict)
    expected = {name: REFUSED[policy].get(name, PERMITTED) for name in outcomes}
    assert outcomes == expected


HIGH_WORD = """
import ctypes, json, mmap
from support import hardening
from trampfd._system import seccomp

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
hardening.systemd_mdwe()
prot = 1 << 32 | mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
number = seccomp.machine().mmap
arguments = (number, 0, mmap.PAGESIZE, prot, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
result = libc.syscall(*map(ctypes.c_long, arguments))
print(json.dumps([result, ctypes.get_errno()]))
"""


def test_high_argument_bits_do_not_bypass_a_filter() -> None:
    skip_without("systemd_mdwe")
    assert run(HIGH_WORD) == [-1, 1]


ALIASES = """
import json, mmap, os
from support import hardening

def state():
    return [len(hardening.wx_mappings()), len(hardening.aliased())]

states = [state()]
rwx = mmap.mmap(-1, mmap.PAGESIZE, prot=7)
states.append(state())
rwx.close()
states.append(state())
fd = os.memfd_create("code")
os.ftruncate(fd, mmap.PAGESIZE)
writable = mmap.mmap(fd, mmap.PAGESIZE, flags=mmap.MAP_SHARED, prot=3)
private = mmap.mmap(fd, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=3)
states.append(state())
executable = mmap.mmap(fd, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE, prot=5)
states.append(state())
writable.close()
states.append(state())
print(json.dumps(states))
"""


def test_mappings_that_break_w_xor_x_are_found() -> None:
    assert run(ALIASES) == [[0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]]


CTYPES = """
import ctypes, json, sys
from support import hardening

for policy in sys.argv[1:]:
    getattr(hardening, policy)()
try:
    answer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 1)
    outcome = answer(41)
except MemoryError:
    outcome = "MemoryError"
print(json.dumps([outcome, bool(hardening.wx_mappings()), bool(hardening.aliased())]))
"""


def libffi_of_ctypes_has_its_own_table() -> bool:
    from trampfd._system import ffi_origin

    return bool(ffi_origin.of_module("_ctypes").static_trampolines.value)


@pytest.mark.parametrize(
    ("policies", "without_table"),
    [
        # libffi asks for memory that is writable and executable; refused, it maps a file twice.
        ((), [42, True, False]),
        (("mdwe",), [42, False, True]),
        (("systemd_mdwe",), [42, False, True]),
        (("no_exec_maps",), ["MemoryError", False, False]),
    ],
    ids=["unhardened", "mdwe", "systemd_mdwe", "no_exec_maps"],
)
def test_stock_ctypes_callbacks(policies: tuple[str, ...], without_table: list[object]) -> None:
    for policy in policies:
        skip_without(policy)
    expected = without_table
    # CPython 3.14 makes a closure when ctypes is imported: the page is mapped by then.
    mapped = policies != ("no_exec_maps",) or sys.version_info >= (3, 14)
    if libffi_of_ctypes_has_its_own_table() and mapped:
        expected = [42, False, False]
    assert run(CTYPES, *policies) == expected


CFFI = """
import cffi, json, sys
from support import hardening

ffi = cffi.FFI()
for policy in sys.argv[1:]:
    getattr(hardening, policy)()
try:
    outcome = ffi.callback("int(int)", lambda number: number + 1)(41)
except MemoryError:
    outcome = "MemoryError"
print(json.dumps([outcome, bool(hardening.wx_mappings()), bool(hardening.aliased())]))
"""


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ((), [42, True, False]),
        (("no_memfd",), [42, True, False]),
        (("mdwe",), ["MemoryError", False, False]),
        (("systemd_mdwe",), ["MemoryError", False, False]),
        (("no_exec_maps",), ["MemoryError", False, False]),
    ],
    ids=["unhardened", "no_memfd", "mdwe", "systemd_mdwe", "no_exec_maps"],
)
def test_stock_cffi_callbacks(policies: tuple[str, ...], expected: list[object]) -> None:
    if importlib.util.find_spec("cffi") is None:
        pytest.skip("cffi is not installed")
    for policy in policies:
        skip_without(policy)
    assert run(CFFI, *policies) == expected
