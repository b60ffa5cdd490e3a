# SPDX-License-Identifier: MIT
"""Harden the current process, for good, the ways that hardened systems do.

Meant for child processes of a test: none of it can be undone, and all of it is inherited by the
children of the process. Each function raises OSError if the policy cannot be put in force.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_MDWE = 65
_PR_GET_MDWE = 66
_PR_MDWE_REFUSE_EXEC_GAIN = 1

_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_SECCOMP_RET_ALLOW = 0x7FFF0000
_SECCOMP_RET_ERRNO = 0x00050000

_SHM_EXEC = 0o100000
_WX = mmap.PROT_WRITE | mmap.PROT_EXEC

_libc = ctypes.CDLL(None, use_errno=True)


def has_mdwe() -> bool:
    """Whether this kernel has PR_SET_MDWE, as Linux has since 6.3."""
    return int(_libc.prctl(_PR_GET_MDWE, *map(ctypes.c_ulong, (0, 0, 0, 0)))) >= 0


def mdwe() -> None:
    """PR_SET_MDWE: no mapping is both writable and executable, and none becomes executable."""
    arguments = (_PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
    if _libc.prctl(_PR_SET_MDWE, *map(ctypes.c_ulong, arguments)) != 0:
        raise _failed("prctl(PR_SET_MDWE), which needs Linux 6.3")


def systemd_mdwe() -> None:
    """The filter of systemd's MemoryDenyWriteExecute= for kernels without PR_SET_MDWE.

    Unlike systemd's, it leaves the system calls of 32-bit programs alone.
    """
    _install(
        _Refusal("mmap", argument=2, bits=_WX),
        _Refusal("mprotect", argument=2, bits=mmap.PROT_EXEC),
        _Refusal("pkey_mprotect", argument=2, bits=mmap.PROT_EXEC),
        _Refusal("shmat", argument=2, bits=_SHM_EXEC),
    )


def no_exec_maps() -> None:
    """A filter that refuses every new executable mapping, so that no library can be loaded."""
    _install(
        _Refusal("mmap", argument=2, bits=mmap.PROT_EXEC),
        _Refusal("mprotect", argument=2, bits=mmap.PROT_EXEC),
        _Refusal("pkey_mprotect", argument=2, bits=mmap.PROT_EXEC),
        _Refusal("shmat", argument=2, bits=_SHM_EXEC),
    )


def no_memfd() -> None:
    """A filter that refuses memfd_create, as SystemCallFilter=~memfd_create does."""
    _install(_Refusal("memfd_create", argument=0, bits=0))


def wx_mappings() -> list[str]:
    """The lines of /proc/self/maps whose mapping is writable and executable."""
    return [line for line in _maps() if "w" in _mode(line) and "x" in _mode(line)]


def aliased() -> list[tuple[str, str]]:
    """The pairs of lines of /proc/self/maps that map one object, the first one shared and writable,
    the second one executable: what is written through the first is run through the second."""
    lines = [line for line in _maps() if _object(line)[1] != "0"]
    writable = [line for line in lines if "w" in _mode(line) and "s" in _mode(line)]
    executable = [line for line in lines if "x" in _mode(line)]
    return [(w, x) for w in writable for x in executable if w != x and _object(w) == _object(x)]


def _maps() -> list[str]:
    return os.fsdecode(Path("/proc/self/maps").read_bytes()).split("\n")[:-1]


def _mode(line: str) -> str:
    return line.split()[1]


def _object(line: str) -> tuple[str, str]:
    _, _, _, device, inode = line.split()[:5]
    return device, inode


@dataclass(frozen=True)
class _Machine:
    """What a filter has to know of a machine: its AUDIT_ARCH and its system call numbers."""

    audit: int
    seccomp: int
    mmap: int
    mprotect: int
    pkey_mprotect: int
    shmat: int
    memfd_create: int


_GENERIC = {
    "seccomp": 277,
    "mmap": 222,
    "mprotect": 226,
    "pkey_mprotect": 288,
    "shmat": 196,
    "memfd_create": 279,
}
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        seccomp=317,
        mmap=9,
        mprotect=10,
        pkey_mprotect=329,
        shmat=30,
        memfd_create=319,
    ),
    "aarch64": _Machine(0xC00000B7, **_GENERIC),
    "riscv64": _Machine(0xC00000F3, **_GENERIC),
}

# x32 programs have the AUDIT_ARCH of x86-64 and this bit in their system call numbers.
_X32_BIT = 0x40000000

# Offsets in struct seccomp_data.
_NUMBER = 0
_ARCH = 4


def _argument(index: int) -> int:
    """The offset of an argument's low word.

    Arguments are 64 bits wide. All bits tested here are in the low word, and the kernel looks at
    no other bits for them either, so what a caller puts into the high word makes no difference.
    """
    return 16 + 8 * index + (4 if sys.byteorder == "big" else 0)


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", 0x20, 0, 0, offset)  # BPF_LD | BPF_W | BPF_ABS


def _keep_bits(mask: int) -> bytes:
    return struct.pack("HBBI", 0x54, 0, 0, mask)  # BPF_ALU | BPF_AND | BPF_K


def _skip_unless_equal(value: int, block: bytes) -> bytes:
    return struct.pack("HBBI", 0x15, 0, len(block) // 8, value) + block  # BPF_JMP | BPF_JEQ | BPF_K


def _return(action: int) -> bytes:
    return struct.pack("HBBI", 0x06, 0, 0, action)  # BPF_RET | BPF_K


@dataclass(frozen=True)
class _Refusal:
    """Refuse a system call with EPERM if all of ``bits`` are set in the argument of that index."""

    name: str
    argument: int
    bits: int

    def program(self, machine: _Machine) -> bytes:
        return _skip_unless_equal(
            getattr(machine, self.name),
            _load(_argument(self.argument))
            + _keep_bits(self.bits)
            + _skip_unless_equal(self.bits, _return(_SECCOMP_RET_ERRNO | errno.EPERM))
            + _return(_SECCOMP_RET_ALLOW),
        )


def _install(*refusals: _Refusal) -> None:
    """Put the filter in force in all threads of the process."""
    machine = _MACHINES.get(platform.machine())
    bits = 8 * struct.calcsize("P")
    if machine is None or bits != 64:
        name = f"{bits}-bit programs on {platform.machine()}"
        raise OSError(errno.ENOTSUP, f"seccomp: no filter is known for {name}")
    program = (
        _load(_ARCH)
        + _skip_unless_equal(
            machine.audit,
            _load(_NUMBER)
            + _keep_bits(0xFFFFFFFF & ~_X32_BIT)
            + b"".join(refusal.program(machine) for refusal in refusals),
        )
        + _return(_SECCOMP_RET_ALLOW)
    )
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))) != 0:
        raise _failed("prctl(PR_SET_NO_NEW_PRIVS)")
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    result = _libc.syscall(
        ctypes.c_long(machine.seccomp),
        ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(_SECCOMP_FILTER_FLAG_TSYNC),
        header,
    )
    if result > 0:
        raise OSError(errno.EBUSY, f"seccomp: thread {result} has filters of its own")
    if result < 0:
        raise _failed("seccomp(SECCOMP_SET_MODE_FILTER)")


def _failed(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


_POLICIES = {function.__name__: function for function in (mdwe, systemd_mdwe, no_memfd)}


def _main(policies: str, *command: str) -> None:
    """Put policies (their names, with commas) in force and run a command under them."""
    try:
        for policy in policies.split(","):
            _POLICIES[policy]()
    except OSError as error:
        print(error, file=sys.stderr)
        raise SystemExit(77) from None
    os.execvp(command[0], command)


if __name__ == "__main__":
    _main(*sys.argv[1:])
