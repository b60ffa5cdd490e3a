# SPDX-License-Identifier: MIT
"""A process under inspection: its mappings, and what else the rules want to know of it."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path

from ..._system.elf import Elf, ElfError, read_elf
from ..._system.maps import Mapping, read_proc, thread_ids

# The kinds of memory that are found, see `Finding`.
WRITABLE_EXECUTABLE = "w+x"
ALIAS = "alias"
WRITTEN = "written"

ANY_FILE = re.compile(r"^/")
_ELF_MAGIC = b"\x7fELF"
_READ_IMPLIES_EXEC = 0x0400000
# cffi fills its memory from the end, so the first page of a large block may still be unused.
_LOOK_AT = 1 << 20


class Target:
    """A process under inspection: its mappings, and what else is read of it when a rule asks."""

    def __init__(self, pid: int, command: tuple[str, ...], maps: list[Mapping]) -> None:
        self.pid = pid
        self.command = command
        self.maps = maps

    def files(self, pattern: re.Pattern[str]) -> list[str]:
        """The paths of the files mapped executable that match, each once."""
        paths = (mapping.path for mapping in self.maps if mapping.executable)
        return list(dict.fromkeys(path for path in paths if pattern.search(path)))

    def file_at(self, address: int) -> str | None:
        """The path of the file whose code is at `address`."""
        for mapping in self.maps:
            if mapping.start <= address < mapping.end and mapping.executable and mapping.inode:
                return mapping.path
        return None

    def read(self, mapping: Mapping, size: int = _LOOK_AT) -> bytes | None:
        """The first `size` bytes of a mapping, None if they may not or cannot be read."""
        try:
            with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(mapping.start)
                return memory.read(min(mapping.size, size))
        except OSError:
            return None

    def elf(self, path: str) -> Elf | None:
        """The ELF headers of the file that the process sees at `path`; None if it is not ELF."""
        file = Path(f"/proc/{self.pid}/root{path}")
        # By now something else can have that path, and to open a FIFO would wait for its writer.
        try:
            return read_elf(file) if file.is_file() else None
        except (OSError, ElfError):
            return None

    def is_program(self, mapping: Mapping) -> bool:
        """Whether the object that is mapped is a program or a library: an ELF file."""
        starts = (
            other
            for other in self.maps
            if (other.device, other.inode, other.offset) == (mapping.device, mapping.inode, 0)
        )
        return any(self.read(start, len(_ELF_MAGIC)) == _ELF_MAGIC for start in starts)

    @cached_property
    def environment(self) -> dict[bytes, bytes]:
        """The environment that it was started with; empty if it may not be read."""
        try:
            variables = read_proc(self.pid, "environ").split(b"\0")
        except OSError:
            return {}
        # The first of a name counts, as for getenv().
        return dict(variable.split(b"=", 1) for variable in reversed(variables) if b"=" in variable)

    @cached_property
    def reads_imply_execution(self) -> bool:
        """Whether the personality of the process makes all memory executable that is readable."""
        try:
            return bool(int(read_proc(self.pid, "personality"), 16) & _READ_IMPLIES_EXEC)
        except OSError:
            return False

    @cached_property
    def has_executable_stack(self) -> bool:
        return any(mapping.path == "[stack]" and mapping.executable for mapping in self.maps)

    @cached_property
    def stack_pointers(self) -> list[int]:
        """The stack pointers of the threads that wait in the kernel."""
        return [
            pointer
            for thread in thread_ids(self.pid)
            for pointer in [_stack_pointer(self.pid, thread)]
            if pointer is not None
        ]

    @cached_property
    def stack_makers(self) -> list[str]:
        """The mapped files that ask for an executable stack, or else those that do not say."""
        wishes = {path: _wants_executable_stack(self.elf(path)) for path in self.files(ANY_FILE)}
        asking = [path for path, wish in wishes.items() if wish == "asks"]
        return asking or [path for path, wish in wishes.items() if wish == "silent"]


def command_of(pid: int) -> tuple[str, ...]:
    """The arguments of a process; none for a kernel thread, or once its main thread has ended.

    Raises OSError if it has ended, or may not be read.
    """
    text = os.fsdecode(read_proc(pid, "cmdline")).rstrip("\0")
    return tuple(text.split("\0")) if text else ()


def _stack_pointer(pid: int, thread: int) -> int | None:
    try:
        fields = read_proc(pid, f"task/{thread}/syscall").split()
    except OSError:
        return None
    return int(fields[-2], 16) if len(fields) > 2 else None


def _wants_executable_stack(elf: Elf | None) -> str:
    if elf is None:
        return "unreadable"
    wish = elf.executable_stack
    return "silent" if wish is None else "asks" if wish else "refuses"
