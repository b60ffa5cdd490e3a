# SPDX-License-Identifier: MIT
"""Closures from the kernel: what differs from the table, each in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support import providers

pytestmark = pytest.mark.any_provider

KERNEL = providers.KERNEL

START = """
import ctypes, os, resource, signal, sys
import trampfd
trampfd.ClosureError, trampfd.callback, trampfd.status, trampfd.verify  # while files can be opened
INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

def make(plus):
    return trampfd.callback(INT, lambda number: number + plus)

def child(function):
    pid = os.fork()
    if not pid:
        try:
            function()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
"""


@pytest.fixture
def run(tmp_path: Path):
    def run(provider: str, code: str, **keywords: object) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(START + code)
        done = providers.run(provider, str(script), **keywords)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize("provider", KERNEL)
def test_parent_and_child_own_their_callbacks(run, provider: str) -> None:
    run(
        providers.need(provider),
        """
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))  # of the user type, 101 freed slots rest
one, two = make(1), make(2)

def in_child():
    global one
    assert (one(1), two(1)) == (2, 3)
    address = trampfd.verify(one).address
    del one
    for _ in range(5000):  # freed slots rest until others were freed after them
        three = make(3)
        if trampfd.verify(three).address == address:
            break
    else:
        raise AssertionError("the slot was not used again")
    assert (three(1), two(1)) == (4, 3)
    assert trampfd.verify(two)

assert child(in_child) == 0
assert (one(1), two(1)) == (2, 3) and trampfd.verify(one) and trampfd.verify(two)
""",
    )


@pytest.mark.parametrize("provider", KERNEL)
def test_a_program_that_closes_all_descriptors(run, provider: str) -> None:
    run(
        providers.need(provider),
        """
kept, freed = make(1), make(2)
os.closerange(3, 4096)
assert (kept(1), freed(1)) == (2, 3)
strangers = [os.open("/dev/null", os.O_RDWR) for _ in range(120)]
del freed
new = [make(number) for number in range(8)]
assert kept(1) == 2 and [one(1) for one in new] == list(range(1, 9))
assert child(lambda: [one(1) for one in new] == list(range(1, 9)) or os._exit(2)) == 0
for descriptor in strangers:
    assert os.readlink(f"/proc/self/fd/{descriptor}") == "/dev/null", "a stranger's was closed"
""",
    )


@pytest.mark.parametrize("provider", KERNEL)
def test_descriptors_have_high_numbers(run, provider: str) -> None:
    done = run(
        providers.need(provider),
        """
before = set(os.listdir("/proc/self/fd"))
one = make(1)
ours = set(os.listdir("/proc/self/fd")) - before
print(len(ours), min(map(int, ours)))
assert all(not os.get_inheritable(int(fd)) for fd in ours)
del one
""",
    )
    count, lowest = map(int, done.stdout.split())
    assert count == 1 and lowest >= 100


def test_auto_falls_back_without_permission_and_says_so(run) -> None:
    providers.need("trampfd")
    run(
        "auto",
        """
os.chmod("/dev/trampfd", 0o600)
try:
    def as_nobody():
        os.setuid(65534)
        assert make(1)(1) == 2
        status = trampfd.status()
        assert status.provider == "table", status
        assert "trampfd: open /dev/trampfd: Permission denied" in map(str, status.refused), status
    assert child(as_nobody) == 0
finally:
    os.chmod("/dev/trampfd", 0o666)
""",
    )


@pytest.mark.parametrize("provider", KERNEL)
def test_no_descriptor_left(run, provider: str) -> None:
    """auto goes on with the table; who asked for the kernel gets an error that says it."""
    providers.need(provider)
    code = """
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
held = []
try:
    while len(os.listdir("/proc/self/fd")) > 0:
        held.append(os.dup(2))
except OSError:
    pass
"""
    run(
        "auto",
        code
        + """
assert make(1)(1) == 2
for descriptor in held: os.close(descriptor)
assert trampfd.status().provider == "table"
assert "Too many open files" in str(trampfd.status().refused[0])
""",
    )
    run(
        provider,
        code
        + """
try:
    make(1)
except trampfd.ClosureError as error:
    assert "Too many open files" in str(error), error
else:
    raise AssertionError("a closure without a descriptor")
for descriptor in held: os.close(descriptor)
assert make(1)(1) == 2
""",
    )


@pytest.mark.parametrize("provider", KERNEL)
def test_many_closures_are_made_and_freed(run, provider: str) -> None:
    """More than a block of a table; as many descriptors as are allowed of the user type."""
    count = 5000 if provider == "trampfd" else 800
    run(
        providers.need(provider),
        f"""
made = [make(number) for number in range({count})]
assert all(one(1) == number + 1 for number, one in enumerate(made))
del made[::2]
assert all(one(1) == 2 * number + 2 for number, one in enumerate(made))
made += [make(-1) for _ in range({count} // 2)]
assert all(trampfd.verify(one) for one in made[::50])
made.clear()
assert trampfd.status().slots_used == 0
""",
    )


def test_freed_slots_take_few_descriptors(run) -> None:
    """Callbacks that come and go one by one leave most descriptors to the program."""
    run(
        providers.need("trampfd-user"),
        """
resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
before = len(os.listdir("/proc/self/fd"))
for number in range(1000):
    assert make(number)(1) == number + 1
assert len(os.listdir("/proc/self/fd")) - before < 110, os.listdir("/proc/self/fd")
""",
    )


def test_a_freed_slot_serves_when_no_descriptor_is_left(run) -> None:
    run(
        providers.need("trampfd-user"),
        """
resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
made = []
try:
    while len(made) < 300:
        made.append(make(len(made)))
except trampfd.ClosureError as error:
    assert "Too many open files" in str(error), error
count = len(made)
assert 100 < count < 300, count
for number in range(200):  # one after the other, with nothing but what was freed
    del made[-1]
    made.append(make(number))
    assert made[-1](1) == number + 1 and made[0](1) == 1
assert len(made) == count
""",
    )


def test_call_of_a_freed_callback_is_named(run, tmp_path: Path) -> None:
    for provider in KERNEL:
        done = run(
            providers.need(provider),
            """
import subprocess
one, other = make(1), make(2)
address = trampfd.verify(one).address
del one
def call(): INT(address)(1)
status = child(call)
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status
""",
        )
        assert "trampfd: call of a closure that was freed: 0x" in done.stderr
        assert "<lambda>" in done.stderr


SEALED = """
import errno, fcntl, mmap, struct
os.environ["TRAMPFD_SEAL"] = "1"  # before the first callback
libc = ctypes.CDLL(None, use_errno=True)

def features():
    device = os.open("/dev/trampfd", os.O_RDWR)
    answer = fcntl.ioctl(device, 0xC020E900, bytes(32))  # TRAMPFD_IOC_QUERY
    os.close(device)
    return struct.unpack_from("=IIQ", answer)[2]

def mappings(address):
    '''Start and size of the slots there, and of the records above them.'''
    with open("/proc/self/maps") as file:
        ranges = [tuple(int(end, 16) for end in line.split()[0].split("-")) for line in file]
    start, end = next(one for one in ranges if one[0] <= address < one[1])
    above = next(one for one in ranges if one[0] == end)
    return (start, end - start), (above[0], above[1] - above[0])

def unmap(start, size):
    ctypes.set_errno(0)
    libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(size))
    return ctypes.get_errno()
"""


def test_sealed_blocks_cannot_be_unmapped(run) -> None:
    run(
        providers.need("trampfd"),
        SEALED
        + """
one = make(1)
if not features() & 1 << 5:
    sys.exit(0)  # sealed mappings came with Linux 6.10
for start, size in mappings(trampfd.verify(one).address):
    assert unmap(start, size) == errno.EPERM
assert one(1) == 2 and trampfd.verify(one)
""",
    )


def test_sealed_blocks_are_used_again(run) -> None:
    """They stay mapped when they are given back, and the next ones take their place."""
    run(
        providers.need("trampfd"),
        SEALED
        + """
def blocks():
    with open("/proc/self/maps") as file:
        return sum("[trampfd]" in line and "r-xp" in line for line in file)

COUNT = 2 * 4096 + 100  # one empty block is kept, others are given back
made = [make(number) for number in range(COUNT)]
most = blocks()
address = trampfd.verify(made[-1]).address
assert most >= 3
made.clear()
made = [make(number) for number in range(COUNT)]
assert all(one(1) == number + 1 for number, one in enumerate(made))
assert blocks() == most, blocks()
made.clear()
if features() & 1 << 5:
    status = child(lambda: INT(address)(1))
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status
""",
    )


def test_sealed_blocks_outlive_their_descriptors(run) -> None:
    run(
        providers.need("trampfd"),
        SEALED
        + """
kept, freed = make(1), make(2)
os.closerange(3, 4096)
strangers = [os.open("/dev/null", os.O_RDWR) for _ in range(120)]
del freed
new = [make(number) for number in range(8)]
assert kept(1) == 2 and [one(1) for one in new] == list(range(1, 9))
assert child(lambda: [make(9)(1) == 10, new.clear()]) == 0
assert trampfd.verify(kept)
""",
    )
