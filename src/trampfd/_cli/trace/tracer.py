# SPDX-License-Identifier: MIT
"""Follows a program and its children by ptrace(2), and reports each attempt with its result.

Tasks are stopped by the seccomp filter of `calls` at the entry of a call that may matter. Those of
a process that was running already have no such filter, and a filter that a program puts in force
itself can refuse a call before ours sees it: these tasks are stopped at every system call.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Callable, NoReturn

from ... import _native
from ..._system import seccomp
from ..._system.maps import read_proc, thread_ids
from . import calls, causes, python_line
from .calls import Wish
from .causes import Cause
from .python_line import Dump
from .stack import Frame, Stacks

_CONT, _DETACH, _SYSCALL = 7, 17, 24
_SEIZE, _INTERRUPT, _LISTEN = 0x4206, 0x4207, 0x4208
_GOOD, _FORK, _VFORK, _CLONE, _EXEC, _SECCOMP, _KILL = 1, 2, 4, 8, 16, 128, 0x100000
_EVENT_EXEC, _EVENT_SECCOMP, _EVENT_STOP = 4, 7, 128
_NEW_TASK = (1, 2, 3)
_AT_ENTRY, _AT_EXIT, _AT_FILTER = 1, 2, 3
_OPTIONS = _GOOD | _FORK | _VFORK | _CLONE | _EXEC | _SECCOMP
_WALL = 0x40000000
_MAX_SPIED = 200
_SPY = "pip install 'trampfd[trace]'"
_STOP_SIGNALS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


class Failure(Exception):
    """Nothing can be traced; the text says why, and what to do."""


@dataclass(frozen=True)
class Attempt:
    """One system call that asked for such memory.

    Attributes:
        pid: the process; program: the path of the program that it executes.
        wish: what it asked for, and cause: what for.
        error: the errno with which it was refused; 0 if it was granted; None if the process ended.
        frames: the native stack, the innermost frame first.
        python: what the thread did in Python; None for another program, or if that is not known.
    """

    pid: int
    program: str
    wish: Wish
    cause: Cause
    error: int | None
    frames: tuple[Frame, ...]
    python: python_line.PythonLine | None


@dataclass
class _Task:
    """A thread under ptrace, and the call that it is in."""

    tid: int
    every_call: bool
    pid: int = 0
    wish: Wish | None = None
    sets_filter: bool = False
    frames: tuple[Frame, ...] = ()
    cause: Cause | None = None
    dump: Dump | None = None
    error: int | None = None


@dataclass
class Tracer:
    """Traces one program or one running process; `report` is called with each attempt.

    Attributes:
        status: how the program ended, as of waitpid(2); None until then, or if it ran already.
        stops: how often a task was stopped.
        notes: what could not be found out, and why.
    """

    report: Callable[[Attempt], None]
    status: int | None = None
    stops: int = 0
    _first: int = 0
    _every_call: bool = False
    _is_ours: bool = False
    _is_ending: bool = False
    _tasks: dict[int, _Task] = field(default_factory=dict)
    _programs: dict[int, str] = field(default_factory=dict)
    _written: dict[int, set[int]] = field(default_factory=dict)
    _stacks: Stacks = field(default_factory=Stacks)
    _names: dict[tuple[int, int], str] = field(default_factory=dict)
    _spy: str | None = field(default_factory=python_line.spy)
    _spied: int = 0
    _unknown: dict[int, None] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        found = []
        if self._stacks.why_guessed:
            found.append(f"native stacks are guesses: {self._stacks.why_guessed}")
        if self._unknown:
            processes = ", ".join(map(str, self._unknown))
            how = (
                "py-spy could not read all of them" if self._spy else f"{_SPY} (py-spy) reads them"
            )
            found.append(f"the lines of Python in process {processes} are not known: {how}")
        return found

    def start(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Run a program, found as by a shell, from its start to the end of all its children.

        Raises Failure if it cannot be traced, and OSError if it cannot be executed.
        """
        self._names = _numbers()
        self._is_ours = True
        self._every_call = _is_refused_unseen()
        go_read, go_write = os.pipe()
        error_read, error_write = os.pipe()
        sys.stdout.flush()
        self._first = os.fork()
        if not self._first:
            os.close(go_write)
            _execute(command, environment, go_read, error_write)
        os.close(go_read)
        os.close(error_write)
        try:
            self._seize(self._first, _OPTIONS | _KILL)
        except OSError as error:
            os.close(go_write)
            os.waitpid(self._first, 0)
            raise Failure(f"a program cannot be traced here: {_why(error)}") from None
        # They are the program's, which has the terminal, as long as it runs.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(
                number, lambda got, _: None if self.status is None else self._pass_on(got)
            )
        signal.signal(signal.SIGTERM, lambda *_: self._pass_on(signal.SIGTERM))
        os.close(go_write)
        self._follow()
        with os.fdopen(error_read, "rb") as file:
            failed = file.read()
        if failed:
            code = int(failed)
            raise OSError(code, os.strerror(code), command[0])

    def attach(self, pid: int) -> None:
        """Trace a running process, and the children that it starts from now on.

        Until it ends, or SIGINT or SIGTERM; then it runs on without a tracer. Raises Failure.
        """
        self._names = _numbers()
        self._first = pid
        self._every_call = True
        threads: set[int] = set()
        # New threads start while the others are being seized, which then seizes these as well.
        while new := set(thread_ids(pid)) - threads - set(self._tasks):
            for tid in sorted(new):
                self._attach_one(pid, tid)
            threads |= new
        if not self._tasks:
            raise Failure(f"there is no process {pid}")
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: self._end())
        self._follow()

    def _pass_on(self, number: int) -> None:
        """To the program, or to what it left running: without a tracer, their calls would fail."""
        pids = {task.pid or task.tid for task in self._tasks.values()}
        for pid in [self._first] if self.status is None else pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _attach_one(self, pid: int, tid: int) -> None:
        try:
            self._seize(tid, _OPTIONS)
            _native.ptrace(_INTERRUPT, tid)
        except ProcessLookupError:
            self._tasks.pop(tid, None)
        except OSError as error:
            self._end()
            raise Failure(f"process {pid} cannot be traced: {_why(error)}") from None

    def _seize(self, tid: int, options: int) -> None:
        _native.ptrace(_SEIZE, tid, 0, options)
        self._tasks[tid] = _Task(tid, self._every_call)

    def _end(self) -> None:
        """Let go of each task, which has to be stopped for that."""
        self._is_ending = True
        for tid in self._tasks:
            with suppress(ProcessLookupError):
                _native.ptrace(_INTERRUPT, tid)

    def _follow(self) -> None:
        while self._tasks:
            try:
                tid, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return
            if os.WIFSTOPPED(status):
                self.stops += 1
                # A task can be killed at any moment, also while it is stopped.
                with suppress(ProcessLookupError):
                    self._at_stop(self._task(tid), os.WSTOPSIG(status), status >> 16)
                continue
            self._forget(tid)
            if tid == self._first and self._is_ours:
                self.status = status

    def _task(self, tid: int) -> _Task:
        """Known or new: the first stop of a child may come before the event of its parent."""
        if tid not in self._tasks:
            self._tasks[tid] = _Task(tid, self._every_call)
        task = self._tasks[tid]
        if not task.pid:
            task.pid = _process_of(tid)
        return task

    def _forget(self, tid: int) -> None:
        task = self._tasks.pop(tid, None)
        if task is None:
            return
        if task.wish is not None:
            self._record(task)
        if tid == task.pid:
            self._forget_program(tid)
        self._written.pop(tid, None)

    def _forget_program(self, pid: int) -> None:
        self._programs.pop(pid, None)
        self._written.pop(pid, None)
        self._stacks.forget(pid)

    # What a stop means

    def _at_stop(self, task: _Task, number: int, event: int) -> None:
        if event == _EVENT_STOP:
            if self._is_ending:
                self._let_go(task)
            else:
                _native.ptrace(_LISTEN if number in _STOP_SIGNALS else self._go(task), task.tid)
            return
        passed_on = 0
        if event == _EVENT_SECCOMP or number == signal.SIGTRAP | 0x80:
            self._at_call(task)
        elif event == _EVENT_EXEC:
            self._at_exec(task)
        elif event in _NEW_TASK:
            self._inherit(task, _native.ptrace_message(task.tid))
        elif not event:
            passed_on = number
        if self._is_ending and not event:
            self._let_go(task, passed_on)
        else:
            _native.ptrace(self._go(task), task.tid, 0, passed_on)

    def _go(self, task: _Task) -> int:
        is_needed = task.every_call or task.wish or task.dump or task.sets_filter
        return _SYSCALL if is_needed else _CONT

    def _let_go(self, task: _Task, passed_on: int = 0) -> None:
        _native.ptrace(_DETACH, task.tid, 0, passed_on)
        del self._tasks[task.tid]
        if task.wish is not None:
            self._record(task)

    def _inherit(self, parent: _Task, tid: int) -> None:
        child = self._tasks.setdefault(tid, _Task(tid, parent.every_call))
        child.every_call = child.every_call or parent.every_call
        if parent.pid in self._written:
            self._written.setdefault(tid, set(self._written[parent.pid]))  # if it is a process

    def _at_exec(self, task: _Task) -> None:
        former = self._tasks.pop(_native.ptrace_message(task.tid), task)
        self._tasks[task.tid] = task
        task.every_call = task.every_call or former.every_call
        task.wish = task.dump = None
        task.sets_filter = False
        self._forget_program(task.pid)
        given = calls.at_start(task.pid)
        if given is not None:
            cause = causes.find(task.pid, given, ())
            self.report(Attempt(task.pid, self._program(task.pid), given, cause, 0, (), None))

    def _at_call(self, task: _Task) -> None:
        kind, arch, stack_pointer, value, arguments, data = _native.ptrace_syscall(task.tid)
        if kind == _AT_EXIT:
            self._at_exit(task, -value if data else 0)
            return
        # A task that is stopped at every call is stopped at its entry and then for the filter.
        if kind not in (_AT_ENTRY, _AT_FILTER) or (task.wish and not task.dump):
            return
        call = self._names.get((arch, value & ~seccomp.X32_BIT))
        if call is None:
            return
        if task.dump is not None:
            if task.dump.at_call(call, arguments):
                self._record(task)
            return
        task.sets_filter = calls.sets_filter(call, arguments)
        with suppress(PermissionError):
            written = self._written.setdefault(task.pid, set())
            task.wish = calls.wish(task.pid, call, arguments, written)
        if task.wish is not None:
            task.error = None
            task.frames = self._stacks.take(task.pid, task.tid, stack_pointer)
            task.cause = causes.find(task.pid, task.wish, task.frames)

    def _at_exit(self, task: _Task, error: int) -> None:
        if task.sets_filter:
            task.sets_filter = False
            task.every_call = task.every_call or not error
            # It may be for all threads of the process.
            for other in self._tasks.values():
                other.every_call = other.every_call or (other.pid == task.pid and not error)
        if task.wish is None or task.dump is not None:
            return
        task.error = error
        task.dump = python_line.ask(task.pid, task.tid)
        if task.dump is None:
            self._record(task, self._spied_line(task))

    def _spied_line(self, task: _Task) -> python_line.PythonLine | None:
        """Of a Python without the hook; it takes long, so not of all that a loop does."""
        if not causes.is_python(task.frames):
            return None
        line = None
        if self._spy is not None and self._spied < _MAX_SPIED:
            self._spied += 1
            line = python_line.spied(self._spy, task.pid, task.tid)
        if line is None:
            self._unknown[task.pid] = None
        return line

    def _record(self, task: _Task, line: python_line.PythonLine | None = None) -> None:
        wish, cause, error, frames = task.wish, task.cause, task.error, task.frames
        line = task.dump.line() if task.dump is not None else line
        assert wish is not None and cause is not None
        task.wish = task.dump = None
        program = self._program(task.pid)
        self.report(Attempt(task.pid, program, wish, cause, error, frames, line))

    def _program(self, pid: int) -> str:
        if pid not in self._programs:
            try:
                self._programs[pid] = os.readlink(f"/proc/{pid}/exe")
            except OSError:
                return ""
        return self._programs[pid]


def _execute(command: Sequence[str], environment: dict[str, str], go: int, errors: int) -> NoReturn:
    """In the child: wait until it is traced, and become the program."""
    try:
        os.read(go, 1)
        os.close(go)
        seccomp.put_program_in_force(seccomp.assemble_stops(*calls.STOPS), keep_privileges=True)
        os.execvpe(command[0], list(command), environment)
    except OSError as error:
        os.write(errors, str(error.errno).encode())
    finally:
        os._exit(127)


def _numbers() -> dict[tuple[int, int], str]:
    try:
        return calls.numbers()
    except OSError as error:
        raise Failure(error.strerror or str(error)) from None


def _is_refused_unseen() -> bool:
    """Whether a seccomp filter of this process refuses such memory, as that of systemd or of a
    container may: the kernel asks all filters, and a refusal comes before our stop."""
    if b"Seccomp:\t0" in read_proc(os.getpid(), "status"):
        return False
    child = os.fork()
    if not child:
        os._exit(_probe())
    return os.WEXITSTATUS(os.waitpid(child, 0)[1]) != 0


def _probe() -> int:
    import mmap

    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except OSError:
        return 1
    return 0


def _process_of(tid: int) -> int:
    for line in read_proc(tid, "status").split(b"\n"):
        if line.startswith(b"Tgid:"):
            return int(line.split()[1])
    return tid


def _why(error: OSError) -> str:
    if error.errno == errno.ESRCH:
        return "there is no such process"
    if error.errno != errno.EPERM:
        return error.strerror or str(error)
    return (
        "ptrace is not permitted: the process has another tracer, is another user's, or the "
        "system restricts it (kernel.yama.ptrace_scope, SELinux's deny_ptrace, a seccomp filter); "
        "root with CAP_SYS_PTRACE may"
    )
