# SPDX-License-Identifier: MIT
"""Whether SELinux is in force, and whether it lets this process have execmem.

execmem is SELinux's permission for memory that is executable and was or is writable.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .fact import ABSENT, Fact, absent, from_file, unknown

ENFORCING = "enforcing"
PERMISSIVE = "permissive"
DISABLED = "disabled"

_MODES = {"0": PERMISSIVE, "1": ENFORCING}
_PERMISSIVE_DOMAIN = 1


@dataclass(frozen=True)
class SELinux:
    """SELinux as it applies to the calling thread.

    mode: ``ENFORCING``, ``PERMISSIVE`` or ``DISABLED``, of the whole system.
    context: the thread's security context.
    execmem: whether mapping writable and executable memory succeeds, so True where SELinux would
        only log it.
    """

    mode: Fact[str]
    context: Fact[str]
    execmem: Fact[bool]


def look(root: Path = Path("/")) -> SELinux:
    """Ask the SELinux of the /proc and /sys below ``root``; never raises.

    The question itself needs the permission compute_av: a policy that withholds it may log that.
    """
    folder = root / "sys/fs/selinux"
    mode = _mode(root, folder)
    if mode.value == DISABLED:
        why = "SELinux is disabled"
        return SELinux(mode, absent(why), Fact(True, why))
    # The kernel ends a context with a null byte.
    context = from_file(
        root / "proc/thread-self/attr/current", lambda text: Fact(text.rstrip("\0"))
    )
    return SELinux(mode, context, _execmem(folder, mode, context))


def _mode(root: Path, folder: Path) -> Fact[str]:
    mode = from_file(folder / "enforce", lambda text: Fact(_MODES[text]))
    if mode.state != ABSENT:
        return mode
    return from_file(root / "proc/filesystems", _mode_without_selinuxfs)


def _mode_without_selinuxfs(filesystems: str) -> Fact[str]:
    if "selinuxfs" in filesystems.split():
        return unknown("SELinux is on, but selinuxfs is not mounted")
    return Fact(DISABLED, "not built into the kernel, or switched off at boot")


def _execmem(folder: Path, mode: Fact[str], context: Fact[str]) -> Fact[bool]:
    if mode.value is None or context.value is None:
        return unknown(mode.note if mode.value is None else context.note)
    if mode.value == PERMISSIVE:
        return Fact(True, "SELinux is permissive and at most logs it")
    try:
        allowed, flags = _decision(folder, context.value)
        bit = int((folder / "class/process/perms/execmem").read_text()) - 1
    except (OSError, ValueError) as error:
        return _execmem_by_boolean(folder, error)
    if allowed >> bit & 1:
        return Fact(True, "the policy allows it to this context")
    if flags & _PERMISSIVE_DOMAIN:
        return Fact(True, "this context's domain is permissive, SELinux at most logs it")
    return Fact(False, "the policy denies it to this context")


def _decision(folder: Path, context: str) -> tuple[int, int]:
    """What the policy allows to a process towards itself: permission bits, and flags."""
    kind = int((folder / "class/process/index").read_text())
    question = f"{context} {context} {kind}".encode()
    # The answer belongs to the open file, so it has to be read from the descriptor written to.
    access = os.open(folder / "access", os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(access, question)
        answer = os.read(access, 4096).decode().rstrip("\0").split()
    finally:
        os.close(access)
    if len(answer) != 6:
        raise ValueError(f"{folder}/access answered {answer}")
    return int(answer[0], 16), int(answer[5], 16)


def _execmem_by_boolean(folder: Path, error: Exception) -> Fact[bool]:
    """What is known if the policy cannot be read."""
    # The file holds the value in force and the pending one.
    denied = from_file(
        folder / "booleans/deny_execmem", lambda text: Fact(bool(int(text.split()[0])))
    )
    if denied.value:
        return Fact(False, "the boolean deny_execmem is on")
    return unknown(f"SELinux cannot be asked: {error}; the boolean deny_execmem is not on")
