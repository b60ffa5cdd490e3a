# SPDX-License-Identifier: MIT
"""``trampfd audit``: which processes execute what they can write or have written."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..arguments import add_command, process_id
from ..output import printable
from ..table import print_table
from .inspect import Finding, Process, Unread, inspect, process_name

CLEAN = 0
FOUND = 1
FAILED = 2


_EPILOG = """\
kinds:
  w+x      one mapping is writable and executable
  alias    one object is mapped writable at one address and executable at another
  written  memory was written and then made executable, as just-in-time compilers do with
           mprotect(), or the process has modified its copy of the code of a file

exit status:
  0  all processes were inspected, and none has such memory
  1  such memory was found
  2  wrong usage, or a process could not be inspected; with --all only if nothing was found

A process that could not be inspected is reported on standard error.  In the JSON output it is an
object with "error", such as "EACCES", and "reason" instead of "findings".

examples:
  trampfd audit --all          (as root, to inspect the processes of other users)
  trampfd audit --json $(pidof python3)
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `audit` command."""
    parser = add_command(
        subparsers,
        "audit",
        run,
        help="find memory that is writable and executable in running processes",
        description="List the memory of running processes that is writable and executable, mapped "
        "writable at one address and executable at another, or was written and made executable "
        "afterwards, and guess who made it.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "pids", metavar="PID", type=process_id, nargs="*", help="a process to inspect"
    )
    parser.add_argument("--all", action="store_true", help="inspect every process")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(print_usage=parser.print_usage)


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd audit` and return its exit status.

    Findings go to standard output, what could not be inspected to standard error. The JSON form is
    a list with one object for each inspected process, whose keys are the attributes of `Process`;
    each of its `findings` has the attributes of `Finding`, and the mappings in it those of
    `Mapping`, with `start` and `end` as hexadecimal strings ("0x7f..."). Objects with the
    attributes of `Unread` follow. With --all, processes that end meanwhile are left out.
    """
    if args.all == bool(args.pids):
        args.print_usage(sys.stderr)
        _complain("give either PIDs or --all" if args.all else "name a PID, or use --all")
        return FAILED
    if not Path("/proc/self").exists():
        _complain("/proc is not mounted")
        return FAILED
    try:
        pids = running_pids() if args.all else list(dict.fromkeys(args.pids))
    except OSError as error:
        _complain(f"/proc cannot be read: {error.strerror}")
        return FAILED
    processes, unread = _inspect_each(pids)
    if args.all:
        unread = [process for process in unread if process.error != "ESRCH"]
    if args.json:
        _print_json(processes, unread)
    else:
        _print_text(processes, quiet=args.all)
    complete = _report_unread(unread)
    if args.all:
        complete = _report_extent(unread) and complete
    found = any(process.findings for process in processes)
    if found and (complete or args.all):
        return FOUND
    return CLEAN if complete else FAILED


def running_pids() -> list[int]:
    """Return the ids of all processes that /proc shows."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _inspect_each(pids: Sequence[int]) -> tuple[list[Process], list[Unread]]:
    processes = []
    unread = []
    for pid in pids:
        try:
            processes.append(inspect(pid))
        except OSError as error:
            unread.append(_unread(pid, error))
    return processes, unread


def _unread(pid: int, error: OSError) -> Unread:
    if isinstance(error, ProcessLookupError):
        return Unread(pid, None, "ESRCH", "no such process")
    try:
        name = process_name(pid)
    except OSError:
        name = None
    number = error.errno or 0
    reason = "not permitted" if isinstance(error, PermissionError) else os.strerror(number)
    return Unread(pid, name, errno.errorcode.get(number, str(number)), reason)


def _complain(message: str) -> None:
    print(f"trampfd audit: {message}", file=sys.stderr)


def _report_unread(unread: Sequence[Unread]) -> bool:
    """Name the processes that could not be inspected; return True if there are none."""
    for process in unread:
        name = "" if process.name is None else f" ({printable(process.name)})"
        hint = _hint() if process.reason == "not permitted" else ""
        _complain(f"{process.pid}{name}: {process.reason}{hint}")
    return not unread


def _report_extent(unread: Sequence[Unread]) -> bool:
    """Say how much --all did not see; return False if it did not even see all processes."""
    if unread:
        _complain(f"{_processes(len(unread))} could not be read{_hint()}")
    # Process 1 always exists: where it is not shown, /proc is mounted with hidepid.
    hidden = not Path("/proc/1").exists()
    if hidden:
        _complain(f"/proc hides the processes of other users{_hint()}")
    return not hidden


def _hint() -> str:
    # In a container, say, root may lack that right.
    return "; run as root" if os.geteuid() != 0 else "; root needs CAP_SYS_PTRACE for that"


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _print_json(processes: Sequence[Process], unread: Sequence[Unread]) -> None:
    values = [_json_value(asdict(process)) for process in processes]
    values += [asdict(process) for process in unread]
    print(json.dumps(values, indent=2))


def _json_value(value: Any) -> Any:
    # Addresses can be larger than the integers that JSON readers keep exact.
    if isinstance(value, dict):
        return {
            key: hex(item) if key in ("start", "end") else _json_value(item)
            for key, item in value.items()
        }
    if isinstance(value, tuple):
        return [_json_value(item) for item in value]
    return value


def _print_text(processes: list[Process], quiet: bool) -> None:
    shown = [process for process in processes if process.findings or not quiet]
    for process in shown:
        _print_process(process)
    if not shown and processes:
        print(f"nothing found in {_processes(len(processes))}")


_COMMAND_WIDTH = 100


def _print_process(process: Process) -> None:
    command = shlex.join(process.command)
    if len(command) > _COMMAND_WIDTH:
        command = command[: _COMMAND_WIDTH - 3] + "..."
    print(printable(f"{process.pid} {process.name}: {command}").rstrip())
    for library in process.libraries:
        print(printable(f"  uses {library}"))
    for file in process.unreached:
        print(printable(f"  has a libffi that the preload library does not reach: {file}"))
    if process.findings:
        print_table([_HEADINGS, *map(_row, process.findings)], indent=2)
    else:
        print("  nothing found")


_HEADINGS = ("KIND", "SIZE", "EXECUTABLE AT", "WRITABLE AT", "MADE BY", "BECAUSE")


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.kind,
        f"{finding.size // 1024} KiB",
        f"{finding.executable.start:x} {finding.executable.perms}",
        _writable_at(finding),
        printable(finding.maker),
        printable(finding.reason),
    )


def _writable_at(finding: Finding) -> str:
    if finding.writable is None:
        return "no longer"
    if finding.writable is finding.executable:
        return "the same"
    return f"{finding.writable.start:x} {finding.writable.perms}"
