# SPDX-License-Identifier: MIT
"""Which memory of a process can be both written and executed, or was written and then executed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..._system.elf import Elf
from ..._system.ffi_origin import holds_libffi
from ..._system.maps import (
    Mapping,
    aliases,
    read_proc,
    read_smaps,
    writable_executable,
    written_executable,
)
from .rules import Guess, guess
from .target import ALIAS, ANY_FILE, WRITABLE_EXECUTABLE, WRITTEN, Target, command_of


@dataclass(frozen=True)
class Finding:
    """Memory whose code the process can change, or has written itself.

    Attributes:
        pid: the process.
        kind: `WRITABLE_EXECUTABLE` for one mapping that is both; `ALIAS` for two of one object;
            `WRITTEN` for memory that was written and made executable afterwards, and for code of a
            file of which the process has changed its own copy.
        executable: the mapping that is executable.
        writable: the mapping it can be written through, which is the same one for
            `WRITABLE_EXECUTABLE`; None for `WRITTEN`.
        size: how much of it can be both written and executed, or was written, in bytes.
        maker: the library or feature that most likely made it, or "unknown".
        reason: what `maker` was concluded from.
    """

    pid: int
    kind: str
    executable: Mapping
    writable: Mapping | None
    size: int
    maker: str
    reason: str


@dataclass(frozen=True)
class Process:
    """One inspected process.

    Attributes:
        pid: its process id.
        name: its short name (comm).
        command: its arguments; none for a kernel thread, or once the main thread has ended.
        libraries: the paths of the libraries for closures it has mapped: libffi, cffi, trampfd.
        unreached: if it has the preload library, files with a libffi linked in that this does not
            stand in front of.
        findings: empty if it has no memory of the kinds of `Finding`.
    """

    pid: int
    name: str
    command: tuple[str, ...]
    libraries: tuple[str, ...]
    unreached: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Unread:
    """A process that could not be inspected.

    Attributes:
        pid: its process id.
        name: its short name (comm), None if not even that could be read.
        error: the name of the error, such as "EACCES" or "ESRCH".
        reason: the same in words.
    """

    pid: int
    name: str | None
    error: str
    reason: str


def audit(pids: Iterable[int]) -> list[Finding]:
    """Return the findings in the processes `pids`.

    Raises:
        ProcessLookupError: a process does not exist or ended meanwhile.
        PermissionError: this user may not look into a process.
        FileNotFoundError: /proc is not mounted.
    """
    return [finding for pid in pids for finding in inspect(pid).findings]


def inspect(pid: int) -> Process:
    """Return what `trampfd audit` reports of process `pid`; raises the errors of `audit`."""
    name = process_name(pid)
    command = command_of(pid)
    target = Target(pid, command, read_smaps(pid))
    return Process(
        pid=pid,
        name=name,
        command=command,
        libraries=tuple(target.files(_CLOSURE_LIBRARY)),
        unreached=tuple(_unreached(target)),
        findings=tuple(_findings(target)),
    )


def process_name(pid: int) -> str:
    """The short name of a process (comm); raises the errors of `audit`."""
    return os.fsdecode(read_proc(pid, "comm")).removesuffix("\n")


def _findings(target: Target) -> list[Finding]:
    both = [
        _finding(target, WRITABLE_EXECUTABLE, mapping, mapping, mapping.size)
        for mapping in writable_executable(target.maps)
    ]
    pairs = [
        _finding(target, ALIAS, alias.executable, alias.writable, alias.overlap)
        for alias in aliases(target.maps)
    ]
    still_written = {finding.executable for finding in pairs}
    written = [
        _finding(target, WRITTEN, mapping, None, mapping.written or mapping.size)
        for mapping in written_executable(target.maps)
        if mapping not in still_written and not _is_loaded_file(target, mapping)
    ]
    return both + pairs + written


# Where nothing else is left, slots are copied to a memfd and sealed before they can be executed.
_OWN_SLOTS = "/memfd:trampfd-slots (deleted)"


def _is_loaded_file(target: Target, mapping: Mapping) -> bool:
    """Whether it is a program or a library that lies in memory, as the copy that runc starts."""
    if mapping.inode == 0 or not mapping.in_memory:
        return False
    return mapping.path == _OWN_SLOTS or target.is_program(mapping)


def _finding(
    target: Target, kind: str, executable: Mapping, writable: Mapping | None, size: int
) -> Finding:
    made = guess(target, kind, executable)
    reason = made.reason + _although_preloaded(target, made)
    return Finding(target.pid, kind, executable, writable, size, maker=made.maker, reason=reason)


def _although_preloaded(target: Target, made: Guess) -> str:
    preload = target.files(_PRELOAD)
    if not preload or not re.search(r"libffi|ctypes|cffi", made.maker):
        return ""
    return f"; {preload[0]} was not asked"


_CLOSURE_LIBRARY = re.compile(
    r"/(libffi[^/]*\.so[^/]*|_cffi_backend[^/]*\.so|libtrampfd[^/]*\.so[^/]*|trampfd/[^/]*\.so)$"
)
_PRELOAD = re.compile(r"/libtrampfd-ffi\.so[^/]*$")
_SHARED_LIBFFI = re.compile(r"/lib(trampfd-)?ffi[^/]*\.so[^/]*$")


def _unreached(target: Target) -> list[str]:
    if not target.files(_PRELOAD):
        return []
    return [
        path
        for path in target.files(ANY_FILE)
        if not _SHARED_LIBFFI.search(path) and _holds_libffi(target.elf(path))
    ]


def _holds_libffi(elf: Elf | None) -> bool:
    return elf is not None and holds_libffi(elf)
