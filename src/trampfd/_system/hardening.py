# SPDX-License-Identifier: MIT
"""Which kernel policies on executable memory are in force for the calling thread."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from . import mdwe, selinux
from .fact import ABSENT, Fact, absent, from_file, unknown
from .selinux import SELinux

T = TypeVar("T")

_SECCOMP_MODES = {"0": "off", "1": "strict", "2": "filter"}

_MEMFD_NOEXEC_MEANINGS = {
    0: "no restriction",
    1: "a memfd has no execute bit unless MFD_EXEC asks for it",
    2: "a memfd with MFD_EXEC is refused",
}


@dataclass(frozen=True)
class Hardening:
    """The policies that can refuse a closure its executable memory.

    mdwe: whether PR_SET_MDWE refuses this process to gain executable memory.
    seccomp, seccomp_filters, no_new_privs: of the calling thread.
    pax: the PaX flags; a capital letter stands for a feature that is on, M for MPROTECT.
    ipe: whether IPE enforces its policy, which may forbid code outside trusted files.
    ima: whether IMA is active; that its policy checks mapped code cannot be read.
    """

    mdwe: Fact[bool]
    seccomp: Fact[str]
    seccomp_filters: Fact[int]
    no_new_privs: Fact[bool]
    memfd_noexec: Fact[int]
    max_map_count: Fact[int]
    pax: Fact[str]
    security_modules: Fact[tuple[str, ...]]
    lockdown: Fact[str]
    ipe: Fact[bool]
    ima: Fact[bool]
    selinux: SELinux


def look(root: Path = Path("/")) -> Hardening:
    """Read the policies from the /proc and /sys below ``root``, but for ``mdwe``; never raises."""
    # Not /proc/self: that is the main thread, and seccomp filters are a matter of each thread.
    thread = root / "proc/thread-self"
    return Hardening(
        mdwe=_mdwe(),
        seccomp=_status(thread, "Seccomp", _seccomp),
        seccomp_filters=_status(thread, "Seccomp_filters", lambda text: Fact(int(text))),
        no_new_privs=_status(thread, "NoNewPrivs", lambda text: Fact(bool(int(text)))),
        memfd_noexec=from_file(root / "proc/sys/vm/memfd_noexec", _memfd_noexec),
        max_map_count=from_file(root / "proc/sys/vm/max_map_count", lambda text: Fact(int(text))),
        pax=_status(thread, "PaX", Fact),
        security_modules=_security_modules(root),
        lockdown=lockdown(root),
        ipe=_ipe(root),
        ima=_ima(root),
        selinux=selinux.look(root),
    )


def _mdwe() -> Fact[bool]:
    try:
        flags = mdwe.flags()
    except ImportError as error:
        return unknown(f"trampfd's compiled part cannot be loaded: {error}")
    except OSError as error:
        if error.errno == errno.EINVAL:
            return absent("not supported by this kernel, PR_SET_MDWE is new in Linux 6.3")
        return unknown(f"prctl(PR_GET_MDWE) failed: {error.strerror}")
    if not flags & mdwe.REFUSE_EXEC_GAIN:
        return Fact(False)
    heirs = "not inherited" if flags & mdwe.NO_INHERIT else "inherited"
    return Fact(True, f"{heirs} by child processes")


def _status(thread: Path, key: str, parse: Callable[[str], Fact[T]]) -> Fact[T]:
    """One line of the thread's status file."""

    def find(text: str) -> Fact[T]:
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return parse(value.strip())
        return absent(f"this kernel reports no {key}")

    return from_file(thread / "status", find)


def _seccomp(text: str) -> Fact[str]:
    mode = _SECCOMP_MODES[text]
    return Fact(mode, "what it refuses cannot be read" if mode == "filter" else "")


def _memfd_noexec(text: str) -> Fact[int]:
    return Fact(int(text), _MEMFD_NOEXEC_MEANINGS[int(text)])


def _security_file(root: Path, name: str, parse: Callable[[str], Fact[T]]) -> Fact[T]:
    """A file of securityfs; unknown, not absent, where that is not mounted."""
    folder = root / "sys/kernel/security"
    fact = from_file(folder / name, parse)
    if fact.state == ABSENT and from_file(folder / "lsm", Fact).state == ABSENT:
        return unknown(f"no {folder}/lsm, securityfs is not mounted")
    return fact


def _security_modules(root: Path) -> Fact[tuple[str, ...]]:
    return _security_file(root, "lsm", lambda text: Fact(tuple(text.split(","))))


def lockdown(root: Path) -> Fact[str]:
    """The level of the kernel's lockdown, which holds for all processes."""
    # The level in force is the one in brackets: none [integrity] confidentiality
    return _security_file(root, "lockdown", lambda text: Fact(text.split("[")[1].split("]")[0]))


def _ipe(root: Path) -> Fact[bool]:
    return _security_file(root, "ipe/enforce", lambda text: Fact(bool(int(text))))


def _ima(root: Path) -> Fact[bool]:
    # Only root may read its files; anyone sees whether there is a folder of them.
    try:
        (root / "sys/kernel/security/ima").stat()
    except OSError:
        return _security_file(root, "ima", lambda text: Fact(True))
    return Fact(True)
