# SPDX-License-Identifier: MIT
"""Seccomp filters that refuse system calls, or let a tracer see them, by what is in arguments."""

from __future__ import annotations

import array
import errno
import mmap
import os
import struct
import sys
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_ERRNO = 0x00050000  # SECCOMP_RET_ERRNO, with the errno in its low half
_TRACE = 0x7FF00000  # SECCOMP_RET_TRACE, with data for the tracer in its low half

_SHM_EXEC = 0o100000


@dataclass(frozen=True)
class Machine:
    """What a filter has to know of a machine: its AUDIT_ARCH and its system call numbers."""

    audit: int
    memfd_create: int
    mmap: int
    mprotect: int
    mremap: int
    personality: int
    pkey_mprotect: int
    prctl: int
    rt_sigreturn: int
    seccomp: int
    shmat: int
    write: int


_GENERIC = {
    "memfd_create": 279,
    "mmap": 222,
    "mprotect": 226,
    "mremap": 216,
    "personality": 92,
    "pkey_mprotect": 288,
    "prctl": 167,
    "rt_sigreturn": 139,
    "seccomp": 277,
    "shmat": 196,
    "write": 64,
}
_MACHINES = {
    "x86_64": Machine(
        0xC000003E,
        memfd_create=319,
        mmap=9,
        mprotect=10,
        mremap=25,
        personality=135,
        pkey_mprotect=329,
        prctl=157,
        rt_sigreturn=15,
        seccomp=317,
        shmat=30,
        write=1,
    ),
    "aarch64": Machine(0xC00000B7, **_GENERIC),
    "riscv64": Machine(0xC00000F3, **_GENERIC),
}

# Of the 32-bit programs that an x86-64 runs; mmap2, which their C libraries call.
_I386 = Machine(
    0x40000003,
    memfd_create=356,
    mmap=192,
    mprotect=125,
    mremap=163,
    personality=136,
    pkey_mprotect=380,
    prctl=172,
    rt_sigreturn=173,
    seccomp=354,
    shmat=397,
    write=4,
)

# x32 programs have the AUDIT_ARCH of x86-64 and this bit in their system call numbers.
X32_BIT = 0x40000000

# Offsets in struct seccomp_data.
_NUMBER = 0
_ARCH = 4
_ARGUMENTS = 16


def machine() -> Machine:
    """The one that this process runs on; raises OSError if no filter is known for it."""
    name = os.uname().machine
    if name not in _MACHINES or sys.maxsize < 2**32:
        raise OSError(errno.ENOTSUP, f"no seccomp filter is known for this Python on {name}")
    return _MACHINES[name]


def machines() -> list[Machine]:
    """machine(), and those whose programs run here, too; raises the error of machine()."""
    here = machine()
    return [here, _I386] if here is _MACHINES["x86_64"] else [here]


def _operation(code: int, value: int, skip: int = 0) -> bytes:
    return struct.pack("=HBBI", code, 0, skip, value)


def _load(offset: int) -> bytes:
    return _operation(0x20, offset)  # BPF_LD | BPF_W | BPF_ABS


def _keep_bits(mask: int) -> bytes:
    return _operation(0x54, mask)  # BPF_ALU | BPF_AND | BPF_K


def _skip_unless_equal(value: int, block: bytes) -> bytes:
    return _operation(0x15, value, skip=len(block) // 8) + block  # BPF_JMP | BPF_JEQ | BPF_K


def _return(action: int) -> bytes:
    return _operation(0x06, action)  # BPF_RET | BPF_K


def _argument(index: int) -> int:
    """The offset of an argument's low word.

    Arguments are 64 bits wide. All bits tested here are in the low word, and the kernel looks at
    no other bits for them either, so what a caller puts into the high word makes no difference.
    """
    return _ARGUMENTS + 8 * index + (4 if sys.byteorder == "big" else 0)


@dataclass(frozen=True)
class Refusal:
    """Refuse a system call if, of the bits of `mask` in an argument, exactly `bits` are set.

    call: the name of the system call, as in `Machine`; argument: the index of the argument.
    mask: the same as `bits` when left out, so that other bits make no difference.
    error: the errno that the caller gets.
    """

    call: str
    argument: int
    bits: int
    mask: int | None = None
    error: int = errno.EPERM

    def _operations(self, machine: Machine) -> bytes:
        return _skip_unless_equal(
            getattr(machine, self.call),
            _load(_argument(self.argument))
            + _keep_bits(self.bits if self.mask is None else self.mask)
            + _skip_unless_equal(self.bits, _return(_ERRNO | self.error))
            + _return(_ALLOW),
        )


# What systemd's MemoryDenyWriteExecute= refuses where the kernel has no PR_SET_MDWE.
MEMORY_DENY_WRITE_EXECUTE = (
    Refusal("mmap", argument=2, bits=mmap.PROT_WRITE | mmap.PROT_EXEC),
    Refusal("mprotect", argument=2, bits=mmap.PROT_EXEC),
    Refusal("pkey_mprotect", argument=2, bits=mmap.PROT_EXEC),
    Refusal("shmat", argument=2, bits=_SHM_EXEC),
)


def assemble(*refusals: Refusal) -> bytes:
    """The filter for this machine, an array of struct sock_filter; at most one refusal for a call.

    Programs of other kinds, such as 32-bit ones, are left alone. Raises the error of machine().
    """
    here = machine()
    return (
        _load(_ARCH)
        + _skip_unless_equal(
            here.audit,
            _load(_NUMBER)
            + _keep_bits(0xFFFFFFFF & ~X32_BIT)
            + b"".join(refusal._operations(here) for refusal in refusals),
        )
        + _return(_ALLOW)
    )


@dataclass(frozen=True)
class Bits:
    """Holds if, of the bits of `mask` in the low word of an argument, exactly `bits` are set."""

    argument: int
    bits: int
    mask: int


@dataclass(frozen=True)
class Stop:
    """Stop a system call for the tracer, without which it fails, if all of `bits` hold.

    call: the name of the system call, as in `Machine`.
    """

    call: str
    bits: tuple[Bits, ...]

    def _operations(self, machine: Machine) -> bytes:
        found = _return(_TRACE)
        for test in reversed(self.bits):
            loaded = _load(_argument(test.argument)) + _keep_bits(test.mask)
            found = loaded + _skip_unless_equal(test.bits, found)
        return _load(_NUMBER) + _keep_bits(~X32_BIT & 0xFFFFFFFF) + _skip_unless_equal(
            getattr(machine, self.call), found
        )  # fmt: skip


def assemble_stops(*stops: Stop) -> bytes:
    """As assemble(), of stops, any number for a call; for programs of all kinds of machines()."""
    return b"".join(
        _load(_ARCH)
        + _skip_unless_equal(
            kind.audit, b"".join(stop._operations(kind) for stop in stops) + _return(_ALLOW)
        )
        for kind in machines()
    ) + _return(_ALLOW)


def put_in_force(*refusals: Refusal) -> None:
    """Permanently filter the system calls of this thread, and of all that it starts from now on.

    Raises OSError if that is not possible, and ImportError without the package's compiled part.
    """
    put_program_in_force(assemble(*refusals))


def put_program_in_force(code: bytes, keep_privileges: bool = False) -> None:
    """As put_in_force(), a filter that was assembled.

    keep_privileges: programs may still gain rights when they are executed, where this process has
        CAP_SYS_ADMIN; without it the kernel does not take a filter on that condition.
    """
    program = array.array("B", code)
    from .. import _native

    address, size = program.buffer_info()
    header = array.array("B", struct.pack("HP", size // 8, address))
    if keep_privileges:
        try:
            _native.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header.buffer_info()[0])
        except PermissionError:
            pass
        else:
            return
    _native.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _native.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header.buffer_info()[0])
