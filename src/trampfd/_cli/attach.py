# SPDX-License-Identifier: MIT
"""``trampfd attach``: trampfd.install() in a process that is running, see PEP 768.

CPython 3.14 and later run a file for another process: sys.remote_exec() writes its path into the
memory of that process, which runs it in its main thread as soon as that is in Python code. The
file imports trampfd and leaves what came of it in another one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from .arguments import add_command, process_id
from .audit.inspect import inspect

INSTALLED = 0
NOT_INSTALLED = 1
FAILED = 2

_EPILOG = """\
Callbacks that ctypes and cffi make from then on are trampfd's; those that exist stay as they are,
and are listed.  The process installs trampfd in its main thread, as soon as that is in Python code.
It need not have the package: that of this command is used, so this has to be the same version of
CPython.

The kernel lets you do that to your own processes, and root with CAP_SYS_PTRACE to all.  The system
may restrict it further (kernel.yama.ptrace_scope), and so may the process: it refuses if it was
started with -X disable-remote-debug or with PYTHON_DISABLE_REMOTE_DEBUG in its environment.

exit status:
  0  trampfd is installed in the process
  1  it is not: with --status it was not, otherwise the report says why
  2  wrong usage, or the process cannot be reached
"""

_SCRIPT = """\
def trampfd_attach():
    import json, os, sys
    folder, place, is_asked = {folder!r}, {place!r}, {is_asked!r}
    try:
        if "trampfd" in sys.modules or is_asked:
            sys.path.append(folder)
            try:
                from trampfd import _install
            finally:
                sys.path.remove(folder)
            if is_asked:
                _install.install()
            result = {{"installed": _install.is_installed(), "error": None}}
        else:
            result = {{"installed": False, "error": None}}
    except BaseException as error:
        result = {{"installed": False, "error": type(error).__name__ + ": " + str(error)}}
    with open(place + ".new", "w") as file:
        json.dump(result, file)
    os.replace(place + ".new", place)


trampfd_attach()
del trampfd_attach
"""


class _Failure(Exception):
    """The process cannot be reached; the text says why."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `attach` command."""
    parser = add_command(
        subparsers,
        "attach",
        run,
        help="install trampfd in a running Python (CPython 3.14 and later)",
        description="Install trampfd in a Python process that is running, without restarting it.",
        epilog=_EPILOG,
    )
    parser.add_argument("pid", metavar="PID", type=process_id, help="the process")
    parser.add_argument("--status", action="store_true", help="only tell whether it is installed")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=10, help="how long to wait; default: 10"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd attach` and return its exit status."""
    try:
        result = _execute(args.pid, not args.status, args.timeout)
    except _Failure as failure:
        print(f"trampfd attach: {failure}", file=sys.stderr)
        return FAILED
    if result["error"] is not None:
        print(f"trampfd attach: process {args.pid}: {result['error']}", file=sys.stderr)
        return NOT_INSTALLED
    if not result["installed"]:
        print(f"trampfd is not installed in process {args.pid}")
        return NOT_INSTALLED
    print(f"trampfd is installed in process {args.pid}")
    for finding in inspect(args.pid).findings:
        print(f"from before: {finding.size // 1024} KiB ({finding.kind}) of {finding.maker}")
    return INSTALLED


def _execute(pid: int, is_asked: bool, timeout: float) -> dict[str, Any]:
    """What the process reports of running the script."""
    remote_exec = getattr(sys, "remote_exec", None)
    if remote_exec is None:
        version = "{}.{}".format(*sys.version_info)
        raise _Failure(
            f"this is CPython {version}, and only 3.14 and later can do that, to a process of the "
            "same version; start the program by `trampfd run`, or use `trampfd enable`"
        )
    owner = _owner_of(pid)
    folder = Path(tempfile.mkdtemp(prefix="trampfd-attach-"))
    script, place = folder / "script.py", folder / "result.json"
    package = os.fspath(Path(__file__).resolve().parents[2])
    script.write_text(_SCRIPT.format(folder=package, place=str(place), is_asked=is_asked))
    try:
        if os.geteuid() == 0:
            for path in (folder, script):
                os.chown(path, owner, -1)
        _call(remote_exec, pid, script)
        result = _wait(pid, place, timeout)
    except _Waiting as waiting:
        # The process reads the file when it comes to it.
        raise _Failure(f"{waiting}; the file {script} waits for that") from None
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return result


class _Waiting(Exception):
    """The process has not run the script yet."""


def _owner_of(pid: int) -> int:
    try:
        if not os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat("/")):
            raise _Failure(
                f"process {pid} has another root folder, as in a container: run this command there"
            )
        return os.stat(f"/proc/{pid}").st_uid
    except FileNotFoundError:
        raise _Failure(f"there is no process {pid}") from None
    except PermissionError:
        raise _Failure(f"process {pid} is another user's; run as root") from None


def _call(remote_exec: Callable[[int, str], None], pid: int, script: Path) -> None:
    try:
        remote_exec(pid, str(script))
    except PermissionError:
        raise _Failure(
            f"the kernel does not let you reach process {pid}; run as root, with CAP_SYS_PTRACE"
        ) from None
    except (OSError, RuntimeError) as error:
        raise _Failure(f"process {pid}: {error}") from None


def _wait(pid: int, place: Path, timeout: float) -> dict[str, Any]:
    end = time.monotonic() + timeout
    while not place.exists():
        if not Path(f"/proc/{pid}").exists():
            raise _Failure(f"process {pid} has ended")
        if time.monotonic() > end:
            raise _Waiting(f"the main thread of process {pid} has not been in Python code")
        time.sleep(0.02)
    result = json.loads(place.read_text())
    assert isinstance(result, dict)
    return result
