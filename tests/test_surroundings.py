# SPDX-License-Identifier: MIT
"""Callbacks of Python where something is scarce: memory, mappings, the stack."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest
from support import core, scale

WAYS = ["ctypes", "install ctypes", "cffi", "install cffi"]


def run(*words: object, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Python with these words, by a shell that has run `shell` before."""
    command = ["sh", "-c", f'{shell or ":"} && exec "$@"', "sh", sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=scale.seconds(120))


@pytest.mark.parametrize("which", ["one", "from"])
@pytest.mark.parametrize("way", WAYS)
def test_allocations_of_python_may_fail(way: str, which: str) -> None:
    """One of them, or all from one on."""
    if "cffi" in way:
        pytest.importorskip("cffi")
    if importlib.util.find_spec("_testcapi") is None:
        pytest.skip("this Python has no _testcapi, which makes allocations fail")
    done = run(core.TESTS / "programs/failing_allocations.py", way, which)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


RECURSION = """
import faulthandler, sys
import trampfd
way = sys.argv[1]
trampfd.install()
depth = deepest = 0
if way == "cffi":
    import cffi
    ffi = cffi.FFI()
    make = ffi.callback("int(int)")
else:
    import ctypes
    make = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
failures = []
sys.unraisablehook = lambda info: failures.append(info.exc_type)
@make
def down(number):
    global depth, deepest
    depth += 1
    deepest = max(deepest, depth)
    try:
        return down(number + 1)
    finally:
        depth -= 1
print(down(0), deepest, [kind.__name__ for kind in failures])
print(make(abs)(-3))
"""


@pytest.mark.parametrize("stack", ["", "ulimit -s unlimited", "ulimit -s 2048"])
@pytest.mark.parametrize("way", ["ctypes", "cffi"])
def test_recursion_ends_at_the_limit_of_python(way: str, stack: str) -> None:
    if way == "cffi":
        pytest.importorskip("cffi")
    done = run("-c", RECURSION, way, shell=stack)
    assert done.returncode == 0, done.stderr
    result, after = done.stdout.splitlines()
    assert re.fullmatch(r"0 \d+ \['(RecursionError|ArgumentError)'\]", result)
    assert int(result.split()[1]) > 50
    assert after == "3"


MAPPINGS = """
import mmap, sys
import trampfd
from trampfd import ClosureError
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *3 * [ctypes.c_int], ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
kind = ctypes.CFUNCTYPE(ctypes.c_int)
trampfd.install()
keep = [kind(int)]
limit = int(open("/proc/sys/vm/max_map_count").read())
pages = [0] * limit
for i in range(limit):
    page = libc.mmap(None, 4096, i % 2, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if page in (None, ctypes.c_void_p(-1).value):
        break
    pages[i] = page
for page in pages[i - 2 : i]:  # Python itself may need some
    libc.munmap(page, 4096)
try:
    while len(keep) < 5000:
        keep.append(kind(int))
except ClosureError as error:
    print(len(keep), error)
for page in pages[: i - 2]:
    libc.munmap(page, 4096)
while len(keep) < 10000:
    keep.append(kind(int))
print(len(keep), sum(function() for function in keep))
"""


@pytest.mark.only_table
def test_all_mappings_of_the_process_are_used_up() -> None:
    """What is there already works, growth is refused with reasons, and works again afterwards."""
    done = run("-c", MAPPINGS)
    assert done.returncode == 0, done.stderr
    refused, after = done.stdout.splitlines()
    assert refused.startswith("4096 ") and "Cannot allocate memory" in refused
    assert after == "10000 0"
