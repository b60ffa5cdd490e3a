# SPDX-License-Identifier: MIT
"""``trampfd trace``: the command line, and the exit status."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TextIO

from ..arguments import add_command, process_id
from . import report as reports
from . import verdict
from .report import Report

FAILED = 2
# By the verdict; 16 more if the program itself failed.
STATUSES = {verdict.YES: 0, verdict.YES_WITH: 1, verdict.NO: 3}
PROGRAM_FAILED = 16

_EPILOG = """\
kinds:
  w+x      memory that is writable and executable: mmap, mprotect, shmat, mremap of such memory to a
           second address, personality(READ_IMPLIES_EXEC), or a stack that execve makes so
  alias    one object mapped twice, writable at one address and executable at another
  written  mprotect makes memory executable that is writable or was written, or mmap maps an object
           executable that was written through a mapping which is gone
  gain     mprotect makes memory executable that was not written; hardening refuses this, too

The report follows the output of the program, on standard error or in FILE.  It has the line of
Python that makes a callback; for Pythons that ignore PYTHONPATH (options -I, -E and -S), and with
-p, that takes py-spy (pip install 'trampfd[trace]').  Native stacks are unwound by libdw (libdw1 of
Debian, elfutils-libs of Fedora); without it they are guesses.

A program that starts with trace is stopped by the kernel at such calls only, which costs it little.
With -p every system call of the process stops it, twice: a program that makes many of them can take
ten times as long.  Ctrl-C ends the trace, not the process.

Under trace, set-user-ID programs run without their privileges unless root traces, and programs
cannot trace others, so that debuggers do not work.

exit status:
  0   can be hardened: the program asked for no such memory, or works without what it asked for
  1   can be hardened, with what the report names
  2   wrong usage, or nothing was traced
  3   cannot be hardened as it is, for the reason that the report names
  16 is added if the program itself failed: 16, 17 and 19

examples:
  trampfd trace python3 program.py
  trampfd trace --json -o report.json -- /usr/sbin/service --foreground
  trampfd trace -p $(systemctl show -P MainPID NAME)
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `trace` command."""
    parser = add_command(
        subparsers,
        "trace",
        run,
        help="find out who asks for memory that is writable and executable, and what to do",
        description="Run a program and report each attempt of it and its children to get memory "
        "that is writable and executable, or executable after it was written: the library and the "
        "line of Python, whether it was refused, and what serves it.",
        epilog=_EPILOG,
    )
    parser.usage = (
        "trampfd trace [-h] [--json] [-o FILE] [--] COMMAND [ARGUMENT ...]\n"
        "       trampfd trace [-h] [--json] [-o FILE] -p PID"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report to a file")
    parser.add_argument("-p", "--pid", type=process_id, help="a running process, until it ends")
    parser.add_argument("program", metavar="COMMAND", nargs=argparse.REMAINDER, help="the program")
    parser.set_defaults(error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd trace` and return its exit status."""
    command = args.program[1:] if args.program[:1] == ["--"] else args.program
    if bool(command) == (args.pid is not None):
        args.error("name either a command, or a process with -p")
    try:
        from . import python_line, tracer
    except ImportError as error:
        return _complain(f"the compiled part of trampfd cannot be loaded: {error}")
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_opened(args.output))
        except OSError as error:
            return _complain(f"cannot write {args.output}: {error.strerror}")
        report = Report(tuple(command), args.pid)
        trace = tracer.Tracer(report.add)
        try:
            if command:
                trace.start(command, python_line.environment())
            else:
                trace.attach(args.pid)
        except tracer.Failure as failure:
            return _complain(str(failure))
        except OSError as error:
            return _complain(f"cannot run {command[0]}: {error.strerror}")
        report.status, report.stops = trace.status, trace.stops
        report.notes = trace.notes
        if args.json:
            print(json.dumps(reports.to_json(report), indent=2), file=file)
        else:
            reports.write_text(report, file)
    failed = PROGRAM_FAILED if report.status else 0
    return STATUSES[report.verdict().hardenable] + failed


@contextlib.contextmanager
def _opened(path: str | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stderr
    else:
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            yield file


def _complain(message: str) -> int:
    print(f"trampfd trace: {message}", file=sys.stderr)
    return FAILED
