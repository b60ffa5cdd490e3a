# SPDX-License-Identifier: MIT
"""The memory mappings of a process, and which of them let it write what it can execute."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/PID/maps.

    Attributes:
        start, end: the addresses, in bytes; `end` is the first one after the mapping.
        perms: four characters: r, w, x (or -), then s for shared or p for private (copy on write).
        offset: where in the object the mapping starts, in bytes; 0 for anonymous memory.
        device, inode: the object mapped; `00:00` and 0 for anonymous memory.
        path: the kernel's name for the object: a path, with " (deleted)" after it once the file is
            unlinked; a name such as `[stack]` or `[anon:...]`; empty for anonymous memory. Bytes
            that are not text are surrogate escapes, as in `os.fsdecode`.
        written: how many bytes of it are there because the process wrote to them: pages of
            anonymous memory, and private copies of the pages of a file. Of shared memory, the pages
            that the process has used, whoever wrote them. None if the mapping was read by
            `read_maps`, or if the kernel does not provide it.
    """

    start: int
    end: int
    perms: str
    offset: int
    device: str
    inode: int
    path: str
    written: int | None = None

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    @property
    def writable(self) -> bool:
        return "w" in self.perms

    @property
    def executable(self) -> bool:
        return "x" in self.perms

    @property
    def shared(self) -> bool:
        """True if writes reach the object, and so all other mappings of it."""
        return "s" in self.perms

    @property
    def in_memory(self) -> bool:
        """True if no file on a disk is behind it, so that all it holds was written by programs."""
        return self.inode == 0 or _MEMORY.match(self.path) is not None

    @property
    def by_kernel(self) -> bool:
        """True for memory that the kernel gives to every process, such as `[vdso]`."""
        return self.inode == 0 and _BY_KERNEL.match(self.path) is not None


# Shared anonymous memory, System V shared memory, huge pages, memfds.
_MEMORY = re.compile(
    r"\[anon_shmem:|/(dev/zero|SYSV[0-9a-f]{8}|anon_hugepage|memfd:.*) \(deleted\)$", re.DOTALL
)
_BY_KERNEL = re.compile(r"\[(?!heap\]|stack|anon)")


@dataclass(frozen=True)
class Alias:
    """Two mappings of one object: code in `executable` can be changed through `writable`.

    `overlap` is the number of bytes of the object that both show.
    """

    writable: Mapping
    executable: Mapping
    overlap: int


def read_proc(pid: int, name: str) -> bytes:
    """Return the contents of /proc/`pid`/`name`.

    Raises:
        ProcessLookupError: there is no such process, or it ended meanwhile.
        PermissionError: this user may not look into the process.
        FileNotFoundError: /proc is not mounted.
    """
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except FileNotFoundError as error:
        if not Path("/proc/self").exists():
            raise
        raise ProcessLookupError(*error.args) from None


def thread_ids(pid: int) -> list[int]:
    """Return the thread ids of process `pid`; none if it has ended."""
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def read_maps(pid: int) -> list[Mapping]:
    """Return the mappings of process `pid`, in the order of their addresses.

    The kernel hands the list out in pieces: of a process that maps and unmaps at the same time,
    this is not one moment's picture. Kernel threads and zombies have no memory, so no mappings.

    Raises the errors of `read_proc`.
    """
    return parse_maps(_read_of_any_thread(pid, "maps"))


def read_smaps(pid: int) -> list[Mapping]:
    """Return what `read_maps` does, with how much of each mapping the process has written.

    The kernel looks at every page for it. Raises the errors of `read_proc`.
    """
    try:
        return parse_smaps(_read_of_any_thread(pid, "smaps"))
    except ProcessLookupError:
        # Or this kernel has no such file (CONFIG_PROC_PAGE_MONITOR).
        return read_maps(pid)


def _read_of_any_thread(pid: int, name: str) -> bytes:
    text = read_proc(pid, name)
    if text:
        return text
    # A main thread that has called pthread_exit() shows no memory; the threads that go on do.
    for thread in thread_ids(pid):
        try:
            text = read_proc(pid, f"task/{thread}/{name}")
        except ProcessLookupError:
            continue
        if text:
            return text
    return b""


def parse_maps(text: bytes) -> list[Mapping]:
    """Parse the text of a /proc/PID/maps file.

    A newline in a path is decoded from the kernel's `\\012`. The kernel leaves backslashes alone,
    so a path with these four characters in its name reads the same.
    """
    return [_parse_line(line) for line in text.split(b"\n") if line]


def _parse_line(line: bytes) -> Mapping:
    addresses, perms, offset, device, inode, *path = line.split(None, 5)
    start, end = addresses.split(b"-")
    return Mapping(
        start=int(start, 16),
        end=int(end, 16),
        perms=perms.decode("ascii"),
        offset=int(offset, 16),
        device=device.decode("ascii"),
        inode=int(inode),
        path=os.fsdecode(path[0].replace(b"\\012", b"\n")) if path else "",
    )


_HEADING = re.compile(rb"[0-9a-f]+-[0-9a-f]+ ")
_SIZES = (b"Anonymous:", b"Swap:", b"Rss:", b"Shared_Hugetlb:", b"Private_Hugetlb:")


def _written_sizes(mapping: Mapping) -> tuple[bytes, ...]:
    """Which sizes in smaps add up to what was written of such a mapping."""
    if mapping.inode == 0:
        return (b"Anonymous:", b"Swap:")
    if mapping.in_memory:
        return (b"Rss:", b"Swap:", b"Shared_Hugetlb:", b"Private_Hugetlb:")
    # In swap there can be the file itself, where it is one of a tmpfs.
    return (b"Anonymous:",)


def parse_smaps(text: bytes) -> list[Mapping]:
    """Parse the text of a /proc/PID/smaps file: lines as in maps, each with lines "Key: value"."""
    found: list[Mapping] = []
    for line in text.split(b"\n"):
        if _HEADING.match(line):
            found.append(_parse_line(line))
        elif line.startswith(_SIZES):
            key, size, _ = line.split()
            last = found[-1]
            if key in _written_sizes(last):
                found[-1] = replace(last, written=(last.written or 0) + 1024 * int(size))
    return found


def writable_executable(maps: Iterable[Mapping]) -> list[Mapping]:
    """Return the mappings that are writable and executable at the same address."""
    return [mapping for mapping in maps if mapping.writable and mapping.executable]


def written_executable(maps: Iterable[Mapping]) -> list[Mapping]:
    """Return the mappings that are not writable now, and execute what the process has written.

    They are memory, or parts of a file of which the process has changed its own copy. Where the
    kernel does not report what was written, all memory counts that is not the kernel's own.
    """
    return [
        mapping
        for mapping in maps
        if mapping.executable and not mapping.writable and _is_written(mapping)
    ]


def _is_written(mapping: Mapping) -> bool:
    if mapping.written is None:
        return mapping.in_memory and not mapping.by_kernel
    return mapping.written > 0


def aliases(maps: Iterable[Mapping]) -> list[Alias]:
    """Return the pairs of mappings through which code can be written at another address.

    Both map the same bytes of one object. The writable one is shared: writes to a private one stay
    in its own copies, which is why the data of a library next to its code is no alias. The
    executable one may be private: it shows the object's bytes until it is written itself.
    """
    objects: dict[tuple[str, int], list[Mapping]] = defaultdict(list)
    for mapping in maps:
        if mapping.inode != 0:
            objects[mapping.device, mapping.inode].append(mapping)
    return [
        Alias(writable, executable, overlap)
        for mappings in objects.values()
        for writable in mappings
        if writable.writable and writable.shared
        for executable in mappings
        if executable.executable and executable is not writable
        for overlap in [_overlap(writable, executable)]
        if overlap > 0
    ]


def _overlap(one: Mapping, other: Mapping) -> int:
    end = min(one.offset + one.size, other.offset + other.size)
    return end - max(one.offset, other.offset)
