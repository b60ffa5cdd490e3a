# SPDX-License-Identifier: MIT
"""What shows that programs need memory which is writable and executable: processes and files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..._system.maps import read_maps, read_proc
from ..audit import inspect
from ..trace import causes
from ..trace.causes import Cause


@dataclass
class Evidence:
    """What was found of one service, image or program.

    Attributes:
        needs: the causes, each with what it was concluded from.
        possible: what is loaded and may need such memory, though no process shows it.
        enabled: a Python is mapped in which trampfd is in force, or enabled.
        pythons: the paths of the Pythons that need to be served.
        notes: what could not be looked at, and why.
    """

    needs: dict[Cause, str] = field(default_factory=dict)
    possible: dict[Cause, str] = field(default_factory=dict)
    enabled: bool = False
    pythons: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def need(self, cause: Cause, why: str) -> None:
        self.needs.setdefault(cause, why)
        self.possible.pop(cause, None)

    def may_need(self, cause: Cause, why: str) -> None:
        if cause not in self.needs:
            self.possible.setdefault(cause, why)


_PYTHON = re.compile(r"/python3[0-9.]*t?d?$")
_OWN_EXTENSION = re.compile(r"/trampfd/_native[^/]*\.so$")
_ENABLED = "trampfd-enable.pth"


def of_processes(pids: Iterable[int]) -> Evidence:
    """What the processes have now."""
    found = Evidence()
    for pid in pids:
        try:
            _look_at(pid, found)
        except ProcessLookupError:
            continue
        except OSError as error:
            found.notes.append(f"process {pid} cannot be inspected: {error.strerror}; run as root")
    return found


def _look_at(pid: int, found: Evidence) -> None:
    process = inspect.inspect(pid)
    program = os.readlink(f"/proc/{pid}/exe")
    mapped = [m.path for m in read_maps(pid) if m.executable and m.path.startswith("/")]
    files = list(dict.fromkeys(mapped))
    for finding in process.findings:
        for maker in finding.maker.split(", "):
            why = f"process {pid} has such memory ({finding.kind}): {finding.reason}"
            found.need(causes.of_maker(maker), why)
    has_own = any(_OWN_EXTENSION.search(path) for path in files)
    for path in files:
        _judge_file(path, program, f"process {pid} has mapped {path}", found)
    python = python_of(pid, program)
    if python is not None:
        found.pythons[python] = None
        found.enabled = found.enabled or has_own or _is_enabled(files)


def _judge_file(path: str, program: str, why: str, found: Evidence) -> None:
    """A runtime is what its program is; a library may be there for something else."""
    cause = causes.of_file(path)
    if cause is None:
        return
    if cause.served_by in causes.SERVED or path == program:
        found.need(cause, why)
    else:
        found.may_need(cause, why)


def python_of(pid: int, program: str) -> str | None:
    """How to start the Python that a process is; None if it is another program."""
    if not _PYTHON.search(program):
        return None
    try:
        command = os.fsdecode(read_proc(pid, "cmdline")).split("\0")
    except OSError:
        return program
    return _started_as(tuple(command), program)


def _started_as(command: tuple[str, ...], program: str) -> str:
    """That of a virtual environment is a link to another."""
    return command[0] if command and command[0].startswith("/") else program


def _is_enabled(files: Iterable[str]) -> bool:
    folders = {
        folder
        for file in files
        for folder in Path(file).parents
        if folder.name in ("site-packages", "dist-packages")
    }
    return any((folder / _ENABLED).exists() for folder in folders)


def of_programs(programs: Iterable[str], root: str = "") -> Evidence:
    """What the files tell that a service starts, when none of its processes runs."""
    found = Evidence()
    for program in programs:
        path = os.path.realpath(f"{root}{program}")
        interpreter = _interpreter(path)
        real = os.path.realpath(f"{root}{interpreter}") if interpreter else path
        _judge_file(real, real, f"it starts {real}", found)
        if _PYTHON.search(real):
            found.pythons[interpreter or program] = None
            found.notes.append(
                f"{program} is a Python program: what it imports shows when it runs; "
                "start it, or trace it"
            )
    return found


def _interpreter(path: str) -> str | None:
    """Of a script, as its first line names it."""
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = os.fsdecode(first[2:]).split()
    if words and words[0].endswith("/env") and len(words) > 1:
        return f"/usr/bin/{words[1]}"
    return words[0] if words else None


# Where files of an image are that are no programs.
_LEFT_OUT = ("proc", "sys", "dev", "run", "tmp")


def of_image(root: Path) -> Evidence:
    """What is installed below a folder, such as the root of a container image."""
    found = Evidence()
    for path in _files(root):
        cause = causes.of_file(path)
        if cause is not None and _is_elf(root / path[1:]):
            found.may_need(cause, f"it has {path}")
        found.enabled = found.enabled or path.endswith("/" + _ENABLED)
    return found


def _is_elf(path: Path) -> bool:
    try:
        # To open a FIFO would wait for its writer.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _files(root: Path) -> Iterator[str]:
    """As the image names them."""
    for folder, folders, names in os.walk(root):
        if Path(folder) == root:
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in names:
            yield "/" + os.path.relpath(os.path.join(folder, name), root)
