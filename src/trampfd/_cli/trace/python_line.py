# SPDX-License-Identifier: MIT
"""What a thread of a traced Python does: the file and line, and the C type of the callback there.

CPython can tell that itself: `faulthandler` writes a traceback when a signal comes, in C and at
once. ``hook/sitecustomize.py`` lets it do so for `SIGNAL`, into /dev/null; the tracer, which is the
one to send the signal right after a call, sees what the handler hands to write(2).

Of Pythons without the hook, such as one that was running already, py-spy reads the line, where it
is installed.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ... import _native
from ..._system.maps import read_proc
from .. import process

# Nothing sends it; programs that catch it themselves are left alone.
SIGNAL = getattr(signal, "SIGSTKFLT", signal.SIGXFSZ)
VARIABLE = "TRAMPFD_TRACE"  # the number of the signal, a comma, and that of the file
# A number that programs have no file at: they get the lowest that are free.
_FILE = 250
HOOK = Path(__file__).resolve().parent / "hook"


def environment() -> dict[str, str]:
    """Of a program whose Pythons are to have the hook."""
    folders = [str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
        VARIABLE: f"{int(SIGNAL)},{_FILE}",
    }


@dataclass(frozen=True)
class PythonLine:
    """Where a Python program was.

    Attributes:
        file, line, function: of the innermost frame that is not of ctypes or cffi.
        source: the text of that line; empty if the file cannot be read.
        c_type: of the callback that is made there, as it is written in the source; or None.
        callers: the frames around it, each as "file:line in function".
    """

    file: str
    line: int
    function: str
    source: str = ""
    c_type: str | None = None
    callers: tuple[str, ...] = ()


_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.M)


# Modules that make callbacks for others.
_BETWEEN = re.compile(r"/(cffi/api|ctypes/(__init__|util|_endian)|gi/overrides/\w+)\.py$")


def parse(text: str, root: str = "") -> PythonLine | None:
    """Of what faulthandler wrote; files are read below `root`."""
    return _line_of(
        [(f["file"], int(f["line"]), f["function"]) for f in _FRAME.finditer(text)], root
    )


def _line_of(frames: list[tuple[str, int, str]], root: str) -> PythonLine | None:
    frames = [frame for frame in frames if not _BETWEEN.search(frame[0])] or frames
    if not frames:
        return None
    (file, line, function), *others = frames
    callers = tuple(f"{file}:{line} in {function}" for file, line, function in others)
    try:
        source = Path(f"{root}{os.path.abspath(file)}").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return PythonLine(file, line, function, callers=callers)
    lines = source.splitlines()
    shown = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return PythonLine(file, line, function, shown, c_type(source, line), callers)


def spy() -> str | None:
    """The path of py-spy: of this Python's environment, or that of the shell."""
    own = Path(sys.executable).with_name("py-spy")
    return str(own) if own.exists() else shutil.which("py-spy")


_SPY_SECONDS = 10


def spied(program: str, pid: int, tid: int) -> PythonLine | None:
    """What py-spy reads of a stopped thread, without stopping it itself; None if it cannot."""
    command = [program, "dump", "--nonblocking", "--json", "--pid", str(pid)]
    try:
        threads = json.loads(process.run(command, timeout=_SPY_SECONDS).stdout)
        (frames,) = (thread["frames"] for thread in threads if thread["os_thread_id"] == tid)
        found = [(frame["filename"], frame["line"], frame["name"]) for frame in frames]
    except (process.Failure, ValueError, KeyError, TypeError):
        return None
    return _line_of(found, f"/proc/{pid}/root")


def c_type(source: str, line: int) -> str | None:
    """The C type of the callback that this line makes, if the source says it.

    For cffi that is the string for `ffi.callback`, for ctypes the call of CFUNCTYPE, in the same
    expression or where the name that is called was bound.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.lineno <= line <= (node.end_lineno or line)
    ]
    for call in sorted(found, key=lambda call: (call.end_lineno or 0) - call.lineno):
        text = _cffi_type(call) or _ctypes_type(call, tree)
        if text:
            return text
    return _decorated_type(tree, line)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _cffi_type(call: ast.Call) -> str | None:
    if _name(call.func) != "callback" or not call.args:
        return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


_PROTOTYPES = ("CFUNCTYPE", "PYFUNCTYPE")


def _prototype(node: ast.expr) -> str | None:
    if isinstance(node, ast.Call) and _name(node.func) in _PROTOTYPES:
        return ast.unparse(node)
    return None


def _ctypes_type(call: ast.Call, tree: ast.AST) -> str | None:
    return _prototype(call.func) or _bound_type(_name(call.func), tree)


def _bound_type(name: str, tree: ast.AST) -> str | None:
    for node in ast.walk(tree) if name else ():
        if isinstance(node, ast.Assign) and name in map(_name, node.targets):
            text = _prototype(node.value)
            if text:
                return text
    return None


def _decorated_type(tree: ast.AST, line: int) -> str | None:
    """A decorator is called on the line of its own, or, before Python 3.8, on that of `def`."""
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            if line in (decorator.lineno, getattr(node, "lineno", 0)):
                return _prototype(decorator) or _bound_type(_name(decorator), tree)
    return None


@dataclass
class Dump:
    """A traceback that a thread is about to write, or is writing."""

    pid: int
    _text: bytearray = field(default_factory=bytearray)

    def at_call(self, call: str, arguments: tuple[int, ...]) -> bool:
        """At a system call of the thread; returns whether the handler has ended."""
        if call == "write":
            self._text += _read(self.pid, arguments[1], arguments[2])
        return call == "rt_sigreturn"

    def line(self) -> PythonLine | None:
        return parse(self._text.decode("utf-8", "replace"), f"/proc/{self.pid}/root")


def ask(pid: int, tid: int) -> Dump | None:
    """Let a thread write its traceback as soon as it goes on; None if it cannot."""
    if not _has_hook(pid, tid):
        return None
    try:
        _native.tgkill(pid, tid, int(SIGNAL))
    except OSError:
        return None
    return Dump(pid)


def _has_hook(pid: int, tid: int) -> bool:
    try:
        if f"{VARIABLE}=".encode() not in read_proc(pid, "environ"):
            return False
        status = read_proc(tid, "status")
        # A program that has closed it may have a file of its own there.
        if not os.readlink(f"/proc/{pid}/fd/{_FILE}").endswith("/dev/null"):
            return False
    except OSError:
        return False
    bit = 1 << (SIGNAL - 1)
    masks = dict(line.split(b":\t") for line in status.splitlines() if line.startswith(b"Sig"))
    caught, blocked = (int(masks[name], 16) for name in (b"SigCgt", b"SigBlk"))
    return bool(caught & bit) and not blocked & bit


def _read(pid: int, address: int, size: int) -> bytes:
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(min(size, 1 << 16))
    except (OSError, ValueError, OverflowError):
        return b""
