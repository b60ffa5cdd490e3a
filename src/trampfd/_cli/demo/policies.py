# SPDX-License-Identifier: MIT
"""The policies that `trampfd demo` puts its jobs under, strongest first.

``python -m trampfd._cli.demo.policies POLICY`` tries one: exit status 0, or 1 and the reason.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Sequence
from typing import Callable

from ..._system import mdwe, seccomp
from .. import process

_TIMEOUT = 60  # seconds

_POLICIES: dict[str, Callable[[], None]] = {
    "mdwe": mdwe.refuse_exec_gain,
    "seccomp": lambda: seccomp.put_in_force(*seccomp.MEMORY_DENY_WRITE_EXECUTE),
    "none": lambda: None,
}

NAMES = tuple(_POLICIES)

DESCRIPTIONS = {
    "mdwe": "PR_SET_MDWE",
    "seccomp": "a seccomp filter (systemd's MemoryDenyWriteExecute=)",
    "none": "no hardening",
}


def put_in_force(policy: str) -> None:
    """Permanently harden this process and its children.  Raises OSError if that is not possible."""
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
    try:
        tried = process.run([sys.executable, "-m", __name__, policy], timeout=_TIMEOUT)
    except process.Failure as failure:
        return f"{DESCRIPTIONS[policy]}: {failure}"
    return tried.stderr.strip() if tried.returncode else None


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
