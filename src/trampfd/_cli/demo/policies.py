# SPDX-License-Identifier: MIT
"""The policies that `trampfd demo` puts its jobs under, strongest first.

``python -m trampfd._cli.demo.policies POLICY`` tries one: exit status 0, or 1 and the reason.
"""

from __future__ import annotations

import array
import errno
import mmap
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Callable

_TIMEOUT = 60  # seconds

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM

# The kernel's number for each machine's system call interface, and the numbers of mmap,
# mprotect, pkey_mprotect and shmat.
_MACHINES = {
    "x86_64": (0xC000003E, 9, 10, 329, 30),
    "aarch64": (0xC00000B7, 222, 226, 288, 196),
    "riscv64": (0xC00000F3, 222, 226, 288, 196),
}

_SHM_EXEC = 0o100000

# Offsets in what a filter sees; arguments are eight bytes each, and their low half comes first
# on these machines.
_NUMBER, _INTERFACE, _ARGUMENTS = 0, 4, 16

_LOAD, _MASK, _SKIP_UNLESS_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06


def _operation(code: int, value: int, skip: int = 0) -> bytes:
    return struct.pack("=HBBI", code, 0, skip, value)


def _refusal(call: int, argument: int, bits: int) -> bytes:
    """Refuse a system call that has all of these bits set in an argument."""
    test = (
        _operation(_LOAD, _ARGUMENTS + 8 * argument)
        + _operation(_MASK, bits)
        + _operation(_SKIP_UNLESS_EQUAL, bits, skip=1)
        + _operation(_RETURN, _REFUSE)
        + _operation(_RETURN, _ALLOW)
    )
    return _operation(_SKIP_UNLESS_EQUAL, call, skip=len(test) // 8) + test


def _filter(machine: str) -> bytes:
    interface, call_mmap, call_mprotect, call_pkey_mprotect, call_shmat = _MACHINES[machine]
    refusals = (
        _operation(_LOAD, _NUMBER)
        + _refusal(call_mmap, 2, mmap.PROT_WRITE | mmap.PROT_EXEC)
        + _refusal(call_mprotect, 2, mmap.PROT_EXEC)
        + _refusal(call_pkey_mprotect, 2, mmap.PROT_EXEC)
        + _refusal(call_shmat, 2, _SHM_EXEC)
    )
    return (
        _operation(_LOAD, _INTERFACE)
        + _operation(_SKIP_UNLESS_EQUAL, interface, skip=len(refusals) // 8)
        + refusals
        + _operation(_RETURN, _ALLOW)
    )


def _seccomp() -> None:
    """Refuse what systemd's MemoryDenyWriteExecute= refuses to programs of this machine's kind."""
    machine = os.uname().machine
    if machine not in _MACHINES or sys.maxsize < 2**32:
        raise OSError(errno.ENOTSUP, f"no seccomp filter is known for this Python on {machine}")
    from ... import _native

    program = array.array("B", _filter(machine))
    address, size = program.buffer_info()
    header = array.array("B", struct.pack("HP", size // 8, address))
    _native.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _native.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header.buffer_info()[0])


def _mdwe() -> None:
    from ..run import harden

    harden()


_POLICIES: dict[str, Callable[[], None]] = {
    "mdwe": _mdwe,
    "seccomp": _seccomp,
    "none": lambda: None,
}

NAMES = tuple(_POLICIES)

DESCRIPTIONS = {
    "mdwe": "PR_SET_MDWE",
    "seccomp": "a seccomp filter (systemd's MemoryDenyWriteExecute=)",
    "none": "no hardening",
}


def put_in_force(policy: str) -> None:
    """Harden this process and its children for good.  Raises OSError if that is not possible."""
    _POLICIES[policy]()


def is_refused() -> bool:
    """Does the kernel refuse this process memory that is writable and executable?"""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError:
        return True
    return False


def why_not(policy: str) -> str | None:
    """Why this policy cannot be put in force here; None if it can.  Tried in a child process."""
    command = [sys.executable, "-m", __name__, policy]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return f"{DESCRIPTIONS[policy]}: it could not be tried within {_TIMEOUT} seconds"
    return child.stderr.strip() if child.returncode else None


def main(arguments: Sequence[str]) -> int:
    (policy,) = arguments
    try:
        put_in_force(policy)
    except ImportError as error:
        # Only the compiled part can make the system calls.
        print(f"{DESCRIPTIONS[policy]}: trampfd cannot be loaded: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if policy == "mdwe" and error.errno == errno.EINVAL:
            reason = f"Linux has PR_SET_MDWE since 6.3, this kernel is {os.uname().release}"
        else:
            reason = f"{DESCRIPTIONS[policy]}: {error.strerror}"
        print(reason, file=sys.stderr)
        return 1
    if policy != "none" and not is_refused():
        print(f"{DESCRIPTIONS[policy]}: in force, yet it refuses nothing", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
