# SPDX-License-Identifier: MIT
"""What a system call asks for: memory that is writable and executable, or becomes executable."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..._system import seccomp
from ..._system.maps import Mapping, aliases, read_maps, read_smaps
from ..._system.seccomp import Bits, Stop

# The kinds of an attempt.
WRITABLE_EXECUTABLE = "w+x"
ALIAS = "alias"
WRITTEN = "written"
GAIN = "gain"

_READ, _WRITE, _EXEC = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
_GROWS_DOWN = 0x01000000  # PROT_GROWSDOWN, as the loader asks for an executable stack
_SHARED, _ANONYMOUS = mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
_STACK = 0x20000  # MAP_STACK
_SHM_EXEC, _SHM_READ_ONLY = 0o100000, 0o10000
_READ_IMPLIES_EXEC = 0x0400000
_ASK = 0xFFFFFFFF  # personality(2) only returns the present one
_PR_SET_SECCOMP = 22
_SECCOMP_SET_MODE_FILTER = 1

_ANY = 0xFFFFFFFF

# All else stays in the kernel.
STOPS = (
    Stop("mmap", (Bits(2, _EXEC, _EXEC),)),
    Stop("mmap", (Bits(2, _WRITE, _WRITE), Bits(3, _SHARED, _SHARED | _ANONYMOUS))),
    Stop("mprotect", (Bits(2, _EXEC, _EXEC),)),
    Stop("pkey_mprotect", (Bits(2, _EXEC, _EXEC),)),
    Stop("shmat", (Bits(2, _SHM_EXEC, _SHM_EXEC),)),
    Stop("mremap", (Bits(1, 0, _ANY),)),
    Stop("personality", (Bits(0, _READ_IMPLIES_EXEC, _READ_IMPLIES_EXEC),)),
    # A filter of the program's own may refuse calls before this one sees them.
    Stop("seccomp", (Bits(0, _SECCOMP_SET_MODE_FILTER, _ANY),)),
    Stop("prctl", (Bits(0, _PR_SET_SECCOMP, _ANY),)),
)
_NAMES = sorted({stop.call for stop in STOPS})


def numbers() -> dict[tuple[int, int], str]:
    """The names of these calls, and of those that end a dump, by AUDIT_ARCH and number."""
    names = [*_NAMES, "write", "rt_sigreturn"]
    return {
        (kind.audit, getattr(kind, name)): name for kind in seccomp.machines() for name in names
    }


def sets_filter(call: str, arguments: Sequence[int]) -> bool:
    """Whether it puts a seccomp filter in force."""
    if call == "seccomp":
        return arguments[0] & _ANY == _SECCOMP_SET_MODE_FILTER
    return call == "prctl" and arguments[0] & _ANY == _PR_SET_SECCOMP


@dataclass(frozen=True)
class Wish:
    """What one system call asks for.

    Attributes:
        call: the name of the system call; `execve` for what the kernel gives a program at its
            start.
        kind: `WRITABLE_EXECUTABLE`, at one address; `ALIAS`, a second mapping of one object, one
            writable and one executable; `WRITTEN`, memory that is executable after it was, or may
            have been, written, also through a mapping that is gone; `GAIN`, memory that becomes
            executable and was not written, which hardening refuses all the same.
        address: in bytes; None where the kernel chooses it, and if it refuses.
        size: in bytes.
        protection: such as "rwx".
        path: the kernel's name for the object that is mapped, such as a file; empty for memory.
        is_stack: it is for the stack of a thread.
    """

    call: str
    kind: str
    address: int | None
    size: int
    protection: str
    path: str = ""
    is_stack: bool = False


def _letters(protection: int) -> str:
    bits = ((_READ, "r"), (_WRITE, "w"), (_EXEC, "x"))
    return "".join(letter if protection & bit else "-" for bit, letter in bits)


def wish(pid: int, call: str, arguments: Sequence[int], written: set[int]) -> Wish | None:
    """What a system call of the process asks for that it is about to make; None for nothing.

    written: the objects, by inode, that the process has had mapped shared and writable; added to.

    Raises the errors of `read_maps`.
    """
    if call == "mmap":
        return _of_mmap(pid, arguments, written)
    if call in ("mprotect", "pkey_mprotect"):
        return _of_mprotect(pid, call, arguments)
    if call == "shmat" and arguments[2] & _SHM_EXEC:
        is_writable = not arguments[2] & _SHM_READ_ONLY
        kind = WRITABLE_EXECUTABLE if is_writable else ALIAS
        return Wish(call, kind, arguments[1] or None, 0, "rwx" if is_writable else "r-x")
    if call == "mremap" and arguments[1] == 0:
        return _of_second_mapping(pid, arguments)
    if call == "personality" and arguments[0] & _ANY != _ASK and arguments[0] & _READ_IMPLIES_EXEC:
        return Wish(call, WRITABLE_EXECUTABLE, None, 0, "rwx")
    return None


def at_start(pid: int) -> Wish | None:
    """What the kernel has given a program that it has just loaded."""
    for mapping in read_maps(pid):
        if mapping.path == "[stack]" and mapping.executable:
            perms = mapping.perms[:3]
            size = mapping.size
            return Wish("execve", WRITABLE_EXECUTABLE, mapping.start, size, perms, is_stack=True)
    return None


def _of_mmap(pid: int, arguments: Sequence[int], written: set[int]) -> Wish | None:
    address, size, protection, flags, descriptor = arguments[:5]
    found = Wish("mmap", "", address or None, size, _letters(protection))
    if protection & _EXEC and protection & _WRITE:
        is_stack = bool(flags & _STACK)
        return replace(found, kind=WRITABLE_EXECUTABLE, is_stack=is_stack)
    may_be_written = protection & _WRITE and flags & _SHARED
    if flags & _ANONYMOUS or not (protection & _EXEC or may_be_written):
        return None
    inode = _inode(pid, descriptor & _ANY)
    if inode is None:
        return None
    for mapping in read_maps(pid):
        if mapping.inode == inode and _completes_alias(mapping, protection):
            return replace(found, kind=ALIAS, path=mapping.path)
    if not protection & _EXEC:
        written.add(inode)
    elif inode in written:
        return replace(found, kind=WRITTEN, path=_name(pid, descriptor & _ANY))
    return None


def _inode(pid: int, descriptor: int) -> int | None:
    try:
        return os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino
    except OSError:
        return None


def _name(pid: int, descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return ""


def _completes_alias(mapping: Mapping, protection: int) -> bool:
    """Whether the object is mapped in the way that a new mapping of it is not: writes to a private
    mapping stay in its own copies."""
    if protection & _EXEC:
        return mapping.writable and mapping.shared
    return mapping.executable


def _of_mprotect(pid: int, call: str, arguments: Sequence[int]) -> Wish | None:
    address, size, protection = arguments[:3]
    if not protection & _EXEC:
        return None
    maps = read_maps(pid)
    parts = list(_parts(maps, address, max(size, 1)))
    path = next((part.path for part in parts if part.path), "")
    is_stack = path == "[stack]" or bool(protection & _GROWS_DOWN)
    found = Wish(call, "", address, size, _letters(protection), path, is_stack)
    if protection & _WRITE:
        return replace(found, kind=WRITABLE_EXECUTABLE)
    gaining = [part for part in parts if not part.executable]
    if not gaining:
        return None
    return replace(found, kind=_kind_of_gain(pid, maps, gaining))


def _parts(maps: Iterable[Mapping], address: int, size: int) -> Iterable[Mapping]:
    return (m for m in maps if m.start < address + size and address < m.end)


def _kind_of_gain(pid: int, maps: list[Mapping], gaining: list[Mapping]) -> str:
    executable = {
        part: replace(part, perms=part.perms[:2] + "x" + part.perms[3]) for part in gaining
    }
    after = [executable.get(mapping, mapping) for mapping in maps]
    changed = set(executable.values())
    if any(
        alias.executable in changed and alias.writable not in changed for alias in aliases(after)
    ):
        return ALIAS
    if any(part.writable for part in gaining) or _was_written(pid, gaining):
        return WRITTEN
    return GAIN


def _was_written(pid: int, gaining: list[Mapping]) -> bool:
    """The kernel looks at each page of the process for it, so this is asked last."""
    starts = {part.start for part in gaining}
    return any(m.start in starts and (m.written or 0) > 0 for m in read_smaps(pid))


def _of_second_mapping(pid: int, arguments: Sequence[int]) -> Wish | None:
    address, _, size = arguments[:3]
    for part in _parts(read_maps(pid), address, 1):
        if part.writable and part.executable:
            protection = part.perms[:3]
            return Wish("mremap", WRITABLE_EXECUTABLE, None, size, protection, part.path)
    return None
