# SPDX-License-Identifier: MIT
"""The native stack of a stopped thread: libraries and functions, from the system call outwards.

libdw of elfutils unwinds it, where it is installed. Without it the stack is searched for addresses
of code, which finds the libraries of the callers, and some of calls that have ended.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field

from ... import _native
from ..._system.maps import Mapping, read_maps


@dataclass(frozen=True)
class Frame:
    """A place in the code of a file.

    Attributes:
        file: its path; the kernel's name for other memory, or empty.
        offset: in bytes, from where the file is loaded.
        function: the name that the file has for that place; None if it has none, or is not asked.
    """

    file: str
    offset: int
    function: str | None = None

    @property
    def name(self) -> str:
        return self.file.rpartition("/")[2] or "?"

    def __str__(self) -> str:
        return f"{self.name}({self.function})" if self.function else f"{self.name}+{self.offset:#x}"


_WITHOUT = "libdw is not installed (libdw1 of Debian, elfutils-libs of Fedora)"
_SEARCHED = 16 << 10
_MAX_FOUND = 32


@dataclass
class Stacks:
    """Takes the stacks of traced processes, and keeps what it has read of their files."""

    why_guessed: str = ""
    _unwinders: dict[int, object] = field(default_factory=dict)

    def forget(self, pid: int) -> None:
        """The process has ended, or executes another program."""
        self._unwinders.pop(pid, None)

    def take(self, pid: int, tid: int, stack_pointer: int) -> tuple[Frame, ...]:
        """The frames of a stopped thread, the innermost first; raises the errors of `read_maps`."""
        frames = () if self.why_guessed else self._unwound(pid, tid)
        # One frame is the C library's function, whose caller is what matters.
        return frames if len(frames) > 1 else _searched(pid, stack_pointer)

    def _unwound(self, pid: int, tid: int) -> tuple[Frame, ...]:
        try:
            if pid not in self._unwinders:
                self._unwinders[pid] = _native.unwinder(pid)
        except OSError as error:
            self.why_guessed = _WITHOUT if "libdw.so" in str(error) else str(error)
            return ()
        found = _native.unwind(self._unwinders[pid], pid, tid)
        return tuple(
            Frame(file or "", address - start if file else address, function)
            for address, start, file, function in found
        )


def _searched(pid: int, stack_pointer: int) -> tuple[Frame, ...]:
    maps = read_maps(pid)
    starts = [mapping.start for mapping in maps]
    frames = []
    for word in _words(pid, stack_pointer):
        mapping = _holder(maps, starts, word)
        if mapping is not None and mapping.executable and mapping.path.startswith("/"):
            start = next(m.start for m in maps if m.path == mapping.path)
            frames.append(Frame(mapping.path, word - start))
    return tuple(frames[:_MAX_FOUND])


def _holder(maps: list[Mapping], starts: list[int], address: int) -> Mapping | None:
    index = bisect_right(starts, address) - 1
    return maps[index] if index >= 0 and address < maps[index].end else None


def _words(pid: int, stack_pointer: int) -> tuple[int, ...]:
    size = struct.calcsize("P")
    start = stack_pointer & -size
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(start)
            content = memory.read(_SEARCHED)
    except (OSError, ValueError, OverflowError):
        return ()
    count = len(content) // size
    return struct.unpack(f"{count}P", content[: count * size])
