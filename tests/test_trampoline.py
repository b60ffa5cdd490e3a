# SPDX-License-Identifier: MIT
"""trampfd.Trampoline, and programs of ``tests/c`` for the C interface below it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gc
import os
import re
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import core

import trampfd
from trampfd import Difference, Trampoline, TrampolineContext, _native

pytestmark = [pytest.mark.any_provider, pytest.mark.needs_port_with("context")]

NO_DEVICE = "trampfd: no /dev/trampfd"
BACKENDS = ("context", "trampfd-user")
COMPILERS = ("cc", "clang")
PROGRAMS = (
    "trampoline/errors",
    "trampoline/life",
    "trampoline/registers",
    "trampoline/signals",
    "trampoline/stack",
    "trampoline/verify",
)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "trampfd-user" and not os.path.exists("/dev/trampfd"):
        pytest.skip(NO_DEVICE)
    return str(request.param)


def need_x86_64() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the probe is written for x86-64")


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str, compiler: str, backend: str) -> None:
    need_x86_64()
    core.check(core.executable(name, compiler=compiler), backend)


def test_every_program_is_run() -> None:
    assert core.programs("trampoline") == {*PROGRAMS, "trampoline/abort"}


# What is misused, and the message, where {} is the address that the program announces.
ABORTS = {
    "call destroyed": r"call of a closure that was freed: {} \(trampoline\) \(slot .*\)",
    "free as a closure": "free of an address that is not a live closure: it is a"
    r" trampoline's or a nested function's \(closure {}\)",
}


@pytest.mark.parametrize("way", ABORTS)
def test_misuse_aborts_and_says_why(way: str) -> None:
    need_x86_64()
    done = core.run(core.executable("trampoline/abort"), way)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert re.fullmatch(f"trampfd: {ABORTS[way].format(done.stdout.strip())}\n", done.stderr)


@pytest.mark.parametrize("flags", ["address", "undefined"])
def test_under_sanitizers(flags: str) -> None:
    need_x86_64()
    sanitize = (f"-fsanitize={flags}", "-fno-sanitize-recover=all")
    for name in ("trampoline/errors", "trampoline/life", "trampoline/verify"):
        core.check(core.executable(name, *sanitize), "context")


libc = ctypes.CDLL(None)


def address_of(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address
    return address


LABS = address_of(libc.labs)
ABORT = address_of(libc.abort)


def call(trampoline: Trampoline) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_long)(trampoline.address)())


def test_it_calls_with_its_registers(backend: str) -> None:
    with Trampoline(LABS, {"rdi": -42}, backend=backend) as trampoline:
        assert trampoline.backend == backend
        assert call(trampoline) == 42
        assert repr(trampoline) == f"<trampfd.Trampoline at {trampoline.address:#x}, {backend}>"


def test_it_calls_a_python_function(backend: str) -> None:
    prototype = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_long)
    add = prototype(lambda a, b: a + b)
    with Trampoline(address_of(add), {"rsi": 30}, backend=backend) as trampoline:
        assert ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long)(trampoline.address)(12) == 42


def test_context_reads_back(backend: str) -> None:
    registers = {"rdi": 1, "r10": 2, "r11": -1, "rcx": (1 << 64) - 2}
    stack = bytes(range(1, 65))
    trampoline = Trampoline(
        LABS, registers, bytearray(stack), stack_offset=128, set_sp=True, backend=backend
    )
    assert trampoline.read() == TrampolineContext(
        LABS, {**registers, "r11": (1 << 64) - 1}, stack, 128, True
    )
    assert trampoline.verify()
    plain = Trampoline(LABS, backend=backend)
    assert plain.read() == TrampolineContext(LABS, {}, b"", 0, False)
    assert plain.verify()


def test_auto_takes_the_kernel_where_it_can() -> None:
    expected = "trampfd-user" if os.access("/dev/trampfd", os.R_OK | os.W_OK) else "context"
    assert Trampoline(LABS).backend == expected
    assert Trampoline(LABS, backend="auto").backend == expected


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """A limit under which nothing can be opened; a free slot is at hand."""
    Trampoline(LABS, backend="context").close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_error_lists_every_attempt() -> None:
    with pytest.raises(trampfd.ClosureError) as caught, no_descriptor_left():
        Trampoline(LABS, backend="trampfd-user")
    assert caught.value.errno == errno.EMFILE
    assert caught.value.attempts == [("trampfd-user", "open /dev/trampfd", errno.EMFILE)]
    assert str(caught.value).endswith(
        "cannot make a trampoline: trampfd-user: open /dev/trampfd: Too many open files"
    )


def test_auto_does_without_the_kernel_where_it_cannot() -> None:
    with no_descriptor_left():
        trampoline = Trampoline(LABS, backend="auto")
    assert trampoline.backend == "context"


def test_descriptor(backend: str) -> None:
    with Trampoline(LABS, backend=backend) as trampoline:
        descriptor = trampoline.descriptor
        if backend == "context":
            assert descriptor is None
            return
        assert descriptor is not None
        assert not os.get_inheritable(descriptor)
        info = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        assert "TRAMPFD_USER" in info
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


class Memory:
    """Where the entry "context" reads, see cbackend/trampoline/steps.h; changed by memmove."""

    def __init__(self, trampoline: Trampoline) -> None:
        slot = _native.find(trampoline.address)
        assert slot is not None
        self.provider = slot["provider"]
        self.record = slot["record"]
        self.steps = self.word(self.record + 8)
        self.stack = self.word(self.steps + 8)

    @staticmethod
    def word(address: int) -> int:
        return int(ctypes.c_uint64.from_address(address).value)


PROT_READ, PROT_WRITE = 1, 2


def overwrite(address: int, data: bytes) -> bytes:
    """What only somebody can do who makes the page writable."""
    page = address - address % resource.getpagesize()
    if not is_writable(address):
        size = ctypes.c_size_t(resource.getpagesize())
        assert not libc.mprotect(ctypes.c_void_p(page), size, PROT_READ | PROT_WRITE)
    old = ctypes.string_at(address, len(data))
    ctypes.memmove(address, data, len(data))
    return old


def protection(address: int) -> str:
    """As in /proc/self/maps; empty where nothing is mapped."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if start <= address < end:
            return line.split()[1]
    return ""


def is_writable(address: int) -> bool:
    assert protection(address), f"{address:#x} is not mapped"
    return "w" in protection(address)


STACK = b"stack data"


@pytest.fixture
def emulated() -> Iterator[Trampoline]:
    """Steps: stack data, rdi, rax, the PC, r10."""
    need_x86_64()
    registers = {"rdi": 5, "r10": 6, "rax": 7}
    with Trampoline(LABS, registers, STACK, backend="context") as trampoline:
        yield trampoline
        assert trampoline.verify()
        assert call(trampoline) == 5


def test_steps_and_stack_data_cannot_be_written(emulated: Trampoline) -> None:
    memory = Memory(emulated)
    assert not is_writable(memory.steps)
    assert not is_writable(memory.stack)


def test_steps_are_unmapped_with_their_trampoline() -> None:
    need_x86_64()
    with Trampoline(LABS, backend="context") as trampoline:
        steps = Memory(trampoline).steps
        assert protection(steps)
    assert not protection(steps)


# What is overwritten, at which offset from what, with which word; and what must be told.
TAMPERED = {
    "entry": ("record", 0, ABORT, "entry", 0),
    "steps": ("record", 8, ABORT, "steps", 0),
    "code of stack": ("steps", 0, ABORT, "step", 0),
    "place of stack": ("steps", 8, ABORT, "stack", 0),
    "code of rdi": ("steps", 16, ABORT, "step", 1),
    "rdi": ("steps", 24, 99, "rdi", 0),
    "rax": ("steps", 40, 99, "rax", 0),
    "code of the PC": ("steps", 48, ABORT, "step", 3),
    "PC": ("steps", 56, ABORT, "pc", 0),
    "r10": ("steps", 72, 99, "r10", 0),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_overwritten_memory_is_named(emulated: Trampoline, what: str) -> None:
    base, offset, value, name, index = TAMPERED[what]
    memory = Memory(emulated)
    place = getattr(memory, base) + offset
    if base == "record" and memory.provider in ("sealed", "trampfd"):
        assert not is_writable(place)
        return
    wanted = memory.word(place)
    old = overwrite(place, struct.pack("Q", value))
    try:
        if what == "entry" and memory.provider == "trampfd-user":
            assert emulated.verify(), "the kernel knows the entry"
            return
        (difference,) = emulated.verify().differences
        assert difference == Difference(name, index, wanted, value)
        assert str(difference).endswith(f" is {value:#x}, should be {wanted:#x}")
        if name in ("entry", "steps", "step", "stack"):
            with pytest.raises(OSError, match=r"was overwritten .*: verify\(\) reports what"):
                emulated.read()
        else:
            assert emulated.read() != TrampolineContext(
                LABS, {"rdi": 5, "r10": 6, "rax": 7}, STACK, 0, False
            )
    finally:
        overwrite(place, old)


def test_overwritten_stack_data_is_named(emulated: Trampoline) -> None:
    memory = Memory(emulated)
    flags, offset, size, data = memory.stack, memory.stack + 4, memory.stack + 8, memory.stack + 12
    for place, value, text in (
        (flags, b"\x01", "stack flags is 0x1, should be 0x0"),
        (offset, b"\x09", "stack offset is 0x9, should be 0x0"),
        (size, b"\x09", "stack size is 0x9, should be 0xa"),
        (data + 3, b"\xee", "stack data, byte 3 is 0xee, should be 0x63"),
    ):
        old = overwrite(place, value)
        assert [str(difference) for difference in emulated.verify().differences] == [text]
        overwrite(place, old)


def need_device() -> None:
    if not os.path.exists("/dev/trampfd"):
        pytest.skip(NO_DEVICE)


def registers_context(*registers: tuple[int, int]) -> bytes:
    """A struct trampfd_regs."""
    parts = [struct.pack("IIQ", name, 0, value) for name, value in registers]
    return struct.pack("II", len(registers), 0) + b"".join(parts)


RDI, R15, RIP = 13, 22, 23

# Requests of uapi/linux/trampfd.h.
SET_ALLOWED, SET_REGS = 0x4010E904, 0x4010E905


def set_in_kernel(trampoline: Trampoline, request: int, data: bytes) -> None:
    """By the descriptor of the trampoline; the argument is a struct trampfd_set."""
    assert trampoline.descriptor is not None
    kept = ctypes.create_string_buffer(data, len(data))
    argument = struct.pack("QII", ctypes.addressof(kept), len(data), 0)
    fcntl.ioctl(trampoline.descriptor, request, argument)


def test_what_is_set_by_the_descriptor_is_reported() -> None:
    need_device()
    with Trampoline(LABS, {"rdi": 5}, backend="trampfd-user") as trampoline:
        set_in_kernel(trampoline, SET_REGS, registers_context((RDI, 6), (RIP, LABS)))
        assert trampoline.verify().differences == (Difference("rdi", 0, 5, 6),)
        assert call(trampoline) == 6
        set_in_kernel(trampoline, SET_REGS, registers_context((R15, 1), (RIP, ABORT)))
        assert {str(difference) for difference in trampoline.verify().differences} == {
            f"pc is {ABORT:#x}, should be {LABS:#x}",
            "rdi is missing, should be 0x5",
            "r15 is 0x1, should be absent",
        }


def test_allowed_is_locked_in_the_kernel() -> None:
    need_device()
    arguments = {"allowed": [LABS], "backend": "trampfd-user"}
    with Trampoline(LABS, {"rdi": -5}, **arguments) as trampoline:  # type: ignore[arg-type]
        with pytest.raises(PermissionError):
            set_in_kernel(trampoline, SET_REGS, registers_context((RIP, ABORT)))
        with pytest.raises(PermissionError):
            set_in_kernel(trampoline, SET_ALLOWED, struct.pack("II", 0, 0))
        assert trampoline.verify()
        assert call(trampoline) == 5


def test_a_descriptor_that_somebody_closed() -> None:
    need_device()
    with Trampoline(LABS, {"rdi": -5}, backend="trampfd-user") as trampoline:
        assert trampoline.descriptor is not None
        os.close(trampoline.descriptor)
        for method in (trampoline.read, trampoline.verify):
            with pytest.raises(OSError, match="closed the trampoline's file descriptor"):
                method()
        assert call(trampoline) == 5


def test_child_of_a_fork(backend: str) -> None:
    trampoline = Trampoline(LABS, {"rdi": -5}, backend=backend)
    child = os.fork()
    if not child:
        status = 1
        try:
            if backend == "context":
                assert call(trampoline) == 5
                assert trampoline.verify()
            else:
                for method in (trampoline.read, trampoline.verify):
                    with pytest.raises(OSError, match="child of a fork"):
                        method()
            trampoline.close()
            assert call(Trampoline(LABS, {"rdi": -6}, backend=backend)) == 6
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert call(trampoline) == 5
    assert trampoline.verify()


def test_use_after_close(backend: str) -> None:
    trampoline = Trampoline(LABS, backend=backend)
    assert not trampoline.closed
    trampoline.close()
    trampoline.close()
    assert trampoline.closed
    assert repr(trampoline) == "<trampfd.Trampoline, closed>"
    for use in (
        lambda: trampoline.address,
        lambda: trampoline.backend,
        lambda: trampoline.descriptor,
        trampoline.read,
        trampoline.verify,
    ):
        with pytest.raises(ValueError, match="the trampoline is closed"):
            use()


def test_the_last_reference_frees_the_slot() -> None:
    used = trampfd.status().slots_used
    trampolines = [Trampoline(LABS, backend="context") for _ in range(20)]
    assert trampfd.status().slots_used == used + 20
    del trampolines
    gc.collect()
    assert trampfd.status().slots_used == used


def test_nothing_is_leaked(backend: str) -> None:
    def make() -> None:
        with Trampoline(LABS, {"rdi": 1}, b"data", allowed=[LABS], backend=backend) as made:
            made.read()
            made.verify()
        for arguments in ({"pc": 0}, {"pc": LABS, "registers": {"no": 1}}):
            with pytest.raises(ValueError, match=r"."):
                Trampoline(**arguments, backend=backend)  # type: ignore[arg-type]

    def count() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), trampfd.status().slots_used, len(gc.get_objects())

    for _ in range(3):
        make()
    gc.collect()
    none = sys.getrefcount(None)
    before = count()
    for _ in range(200):
        make()
    gc.collect()
    descriptors, slots, objects = count()
    assert (descriptors, slots) == before[:2]
    assert objects < before[2] + 100
    assert abs(sys.getrefcount(None) - none) < 150


# Arguments, the exception, and what its text has.
REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "PC is 0": ({"pc": 0}, ValueError, "pc must be a non-zero address of 64 bits, not 0x0"),
    "PC is negative": ({"pc": -1}, ValueError, "pc must be a non-zero address"),
    "PC is too large": ({"pc": 1 << 64}, ValueError, "pc must be a non-zero address"),
    "PC is a function": ({"pc": libc.labs}, TypeError, "ctypes.cast(function, ctypes.c_void_p)"),
    "PC is None": ({"pc": None}, TypeError, "pc must be an address, an int, not None"),
    "no mapping": ({"registers": [("rdi", 1)]}, TypeError, "registers must be a mapping"),
    "32-bit register": ({"registers": {"edi": 1}}, ValueError, "no register 'edi' can be given"),
    "stack pointer": ({"registers": {"rsp": 1}}, ValueError, "set_sp=True moves the stack pointer"),
    "PC as register": ({"registers": {"rip": 1}}, ValueError, "is the argument pc"),
    "no name": ({"registers": {1: 1}}, ValueError, "no register 1 can be given"),
    "float": ({"registers": {"rdi": 1.0}}, TypeError, "register rdi must be an int, not 1.0"),
    "65 bits": ({"registers": {"rdi": 1 << 64}}, ValueError, "register rdi: 0x10000000000000000"),
    "negative": ({"registers": {"rdi": -(1 << 63) - 1}}, ValueError, "does not fit 64 bits"),
    "stack is text": ({"stack": "data"}, TypeError, "stack must be bytes, not 'data'"),
    "stack too large": ({"stack": bytes(65)}, ValueError, "64 bytes at most, not 65"),
    "offset too large": (
        {"stack": b"1", "stack_offset": 257}, ValueError, "stack_offset must be 0 to 256, not 257",
    ),
    "offset negative": ({"stack": b"1", "stack_offset": -1}, ValueError, "must be 0 to 256"),
    "offset is a float": ({"stack": b"1", "stack_offset": 1.0}, TypeError, "must be an int"),
    "offset of nothing": ({"stack_offset": 8}, ValueError, "give stack="),
    "SP of nothing": ({"set_sp": True}, ValueError, "give stack="),
    "not allowed": (
        {"allowed": [ABORT]}, ValueError, f"pc {LABS:#x} is not in allowed: {ABORT:#x}",
    ),
    "allowed is 0": ({"allowed": [0]}, ValueError, "each address in allowed must be a non-zero"),
    "allowed is an int": ({"allowed": LABS}, TypeError, "allowed must be a list of addresses"),
    "17 allowed": ({"allowed": range(1, 18)}, ValueError, "16 addresses at most, not 17"),
    "backend": (
        {"backend": "table"}, ValueError,
        "backend must be one of auto, trampfd-user, context, not 'table'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_bad_arguments_say_what_is_wrong(what: str) -> None:
    arguments, exception, text = REFUSED[what]
    with pytest.raises(exception, match=re.escape(text)):
        Trampoline(**{"pc": LABS, **arguments})


def test_the_kernel_refuses_its_own_addresses() -> None:
    need_device()
    for backend in ("trampfd-user", "auto"):
        with pytest.raises(trampfd.ClosureError, match="set registers: Invalid argument"):
            Trampoline(1 << 63, backend=backend)
