# SPDX-License-Identifier: MIT
"""Harden the current process, for good, the ways that hardened systems do.

Meant for child processes of a test: none of it can be undone, and all of it is inherited by the
children of the process. Each function raises OSError if the policy cannot be put in force.

The filters are assembled by the package, which is imported when the first one is: not every process
that mdwe() hardens has it.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trampfd._system.seccomp import Refusal

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_MDWE = 65
_PR_GET_MDWE = 66
_PR_MDWE_REFUSE_EXEC_GAIN = 1

_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1

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
    from trampfd._system.seccomp import MEMORY_DENY_WRITE_EXECUTE

    _install(*MEMORY_DENY_WRITE_EXECUTE)


def no_exec_maps() -> None:
    """A filter that refuses every new executable mapping, so that no library can be loaded."""
    from trampfd._system.seccomp import MEMORY_DENY_WRITE_EXECUTE, Refusal

    others = (refusal for refusal in MEMORY_DENY_WRITE_EXECUTE if refusal.call != "mmap")
    _install(Refusal("mmap", argument=2, bits=mmap.PROT_EXEC), *others)


def no_memfd() -> None:
    """A filter that refuses memfd_create, as SystemCallFilter=~memfd_create does."""
    from trampfd._system.seccomp import Refusal

    _install(Refusal("memfd_create", argument=0, bits=0))


# System calls that only kill_growth() knows.
_NUMBERS = {"x86_64": {"openat": 257, "pread64": 17}, "aarch64": {"openat": 56, "pread64": 67}}


def kill_growth() -> None:
    """A filter that ends the process where it opens or reads a file at a position, or maps code."""
    from trampfd._system import seccomp

    here = seccomp.machine()
    numbers = _NUMBERS.get(os.uname().machine)
    if numbers is None:
        raise OSError(errno.ENOTSUP, "the numbers of openat and pread64 are not known")
    kill = seccomp._return(0x80000000)  # SECCOMP_RET_KILL_PROCESS
    maps_code = (
        seccomp._load(seccomp._argument(2))
        + seccomp._keep_bits(mmap.PROT_EXEC)
        + seccomp._skip_unless_equal(mmap.PROT_EXEC, kill)
        + seccomp._return(seccomp._ALLOW)
    )
    _install_program(
        seccomp._load(seccomp._NUMBER)
        + b"".join(
            seccomp._skip_unless_equal(number, kill)
            for number in (*numbers.values(), here.memfd_create)
        )
        + seccomp._skip_unless_equal(here.mmap, maps_code)
        + seccomp._return(seccomp._ALLOW)
    )


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


def _install(*refusals: Refusal) -> None:
    from trampfd._system import seccomp

    _install_program(seccomp.assemble(*refusals))


def _install_program(program: bytes) -> None:
    """Put the filter in force in all threads of the process."""
    from trampfd._system import seccomp

    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))) != 0:
        raise _failed("prctl(PR_SET_NO_NEW_PRIVS)")
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    result = _libc.syscall(
        ctypes.c_long(seccomp.machine().seccomp),
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
