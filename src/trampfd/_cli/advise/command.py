# SPDX-License-Identifier: MIT
"""``trampfd advise``: the command line, and the exit status."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import files, process
from ..arguments import add_command
from ..output import printable
from ..table import print_table
from ..trace import verdict
from . import advice as advices
from . import evidence, units
from .advice import Advice
from .evidence import Evidence

READY = 0
SOMETHING_TO_DO = 1
FAILED = 2
NOT_AS_IT_IS = 3

_FOLDER = "/etc/systemd/system"

_EPILOG = """\
For each service the report says whether MemoryDenyWriteExecute=yes can be set, with what, and what
that was concluded from: the memory and the libraries of its processes.  A service that uses such
memory seldom may not have it now; `trampfd trace` sees all of a run.

verdicts:
  hardened   MemoryDenyWriteExecute=yes is set
  yes        nothing in its processes needs such memory
  yes, with  it can be set, with what is named
  no         it would break the service, because of what is named
  unknown    the service does not run, or cannot be inspected; or, of an image, what is installed
             cannot be hardened, but need not be in use

--write puts a drop-in, trampfd.conf, in the folder of each service that can be hardened, but of
none that has a step to be done first.  It takes effect after `systemctl daemon-reload` and a
restart.

exit status:
  0   all are hardened, or can be as they are; with --write, also those that got a drop-in
  1   some need something first, or are not known
  2   wrong usage, systemd cannot be asked, or a file cannot be written
  3   some cannot be hardened as they are

examples:
  trampfd advise --all
  trampfd advise --write --dry-run sorter
  trampfd advise --root /var/lib/machines/image
  trampfd advise -- python3 program.py
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `advise` command."""
    parser = add_command(
        subparsers,
        "advise",
        run,
        help="tell which services can be hardened, and with what",
        description="Tell of services of systemd whether MemoryDenyWriteExecute=yes would break "
        "them and what serves them, and write drop-ins; or tell it of an image, or of a command.",
        epilog=_EPILOG,
    )
    parser.usage = (
        "trampfd advise [-h] [--json] [--write [--dry-run] [--folder FOLDER]] UNIT ...|--all\n"
        "       trampfd advise [-h] [--json] --root FOLDER\n"
        "       trampfd advise [-h] [--json] -- COMMAND [ARGUMENT ...]"
    )
    parser.add_argument("units", metavar="UNIT", nargs="*", help="a service, or a command after --")
    parser.add_argument("--all", action="store_true", help="all active services")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", action="store_true", help="write drop-ins")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be written")
    parser.add_argument(
        "--folder", default=_FOLDER, type=Path, help=f"where drop-ins go; default: {_FOLDER}"
    )
    parser.add_argument("--root", metavar="FOLDER", type=Path, help="the root of an image")
    parser.set_defaults(error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd advise` and return its exit status."""
    command = _command_of(args.words)
    if (bool(args.units) + args.all + (args.root is not None)) != 1:
        args.error("give one of these: services, --all, --root, or a command after --")
    if args.dry_run and not args.write:
        args.error("--dry-run is for --write")
    if args.write and (args.root is not None or command):
        args.error("--write is for services")
    try:
        if command:
            found = [_of_command(command)]
        elif args.root is not None:
            if not args.root.is_dir():
                raise process.Failure(f"{args.root} is no folder")
            found = [advices.of_image(str(args.root), evidence.of_image(args.root))]
        else:
            found = _of_units(units.names() if args.all else args.units)
    except process.Failure as failure:
        return _complain(str(failure))
    if args.json:
        print(json.dumps({"format": 1, "advice": list(map(advices.to_json, found))}, indent=2))
    else:
        _print_text(found)
    written = {advice.name for advice in found if args.write and _write(advice, args)}
    return _status(found, written, args)


def _command_of(words: list[str]) -> list[str]:
    return words[words.index("--") + 1 :] if "--" in words else []


def _of_command(command: list[str]) -> Advice:
    """Runs it under `trampfd trace`."""
    try:
        from ..trace import python_line, tracer
    except ImportError as error:
        raise process.Failure(f"the compiled part of trampfd cannot be loaded: {error}") from None
    found = Evidence()

    def add(attempt: tracer.Attempt) -> None:
        where = attempt.program
        if attempt.python is not None:
            where = f"{attempt.python.file}:{attempt.python.line}"
        wish = attempt.wish
        found.need(attempt.cause, f"{wish.call} asked for it ({wish.kind}): {where}")
        python = evidence.python_of(attempt.pid, attempt.program)
        if python is not None:
            found.pythons[python] = None

    trace = tracer.Tracer(add)
    try:
        trace.start(command, python_line.environment())
    except tracer.Failure as failure:
        raise process.Failure(str(failure)) from None
    except OSError as error:
        raise process.Failure(f"cannot run {command[0]}: {error.strerror}") from None
    found.notes += trace.notes
    if trace.status:
        found.notes.append("the command failed: it may have asked for less than it otherwise does")
    return advices.of_command(shlex.join(command), found)


def _of_units(names: Sequence[str]) -> list[Advice]:
    shown = units.show(names) if names else []
    missing = [unit.name for unit in shown if unit.load == "not-found"]
    if missing:
        raise process.Failure(f"there is no unit {', '.join(missing)}")
    return [advices.of_unit(unit, _evidence(unit)) for unit in shown]


def _evidence(unit: units.Unit) -> Evidence:
    if unit.pids:
        return evidence.of_processes(unit.pids)
    return evidence.of_programs(unit.programs)


def _status(found: Sequence[Advice], written: set[str], args: argparse.Namespace) -> int:
    if args.write and any(_is_writable(a) and a.name not in written for a in found):
        return FAILED
    kinds = {advice.hardenable for advice in found if advice.name not in written}
    if verdict.NO in kinds:
        return NOT_AS_IT_IS
    is_ready = kinds <= {advices.HARDENED, verdict.YES}
    return READY if is_ready else SOMETHING_TO_DO


# Drop-ins


def _is_writable(advice: Advice) -> bool:
    return advice.drop_in is not None and not advice.steps


def _write(advice: Advice, args: argparse.Namespace) -> bool:
    """Returns whether the service has its drop-in now, or would have it."""
    if not _is_writable(advice):
        return False
    assert advice.drop_in is not None
    path = advices.path_of(advice.name, args.folder)
    try:
        if path.exists() and not path.read_text(errors="replace").startswith(advices.MARK):
            _complain(f"{path} was not made by `trampfd advise`; look at it, and remove it")
            return False
        if args.dry_run:
            _say(f"{path} would be:\n\n{advice.drop_in}", args)
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, advice.drop_in)
    except OSError as error:
        _complain(f"cannot write {path}: {error.strerror}")
        return False
    _say(f"written: {path}", args)
    return True


def _say(text: str, args: argparse.Namespace) -> None:
    print(text, file=sys.stderr if args.json else sys.stdout)


# Text


def _print_text(found: Sequence[Advice]) -> None:
    print_table([("NAME", "VERDICT", "WITH, OR BECAUSE OF"), *map(_row, found)])
    for advice in found:
        lines = list(_details(advice))
        if lines:
            print()
            print(printable(advice.name))
        for line in lines:
            print(printable(f"  {line}"))


def _row(advice: Advice) -> tuple[str, str, str]:
    reasons = advice.obstacles or advice.needs
    return (printable(advice.name), advice.hardenable, printable(", ".join(reasons)))


def _details(advice: Advice) -> Iterator[str]:
    for cause, why in advice.evidence.needs.items():
        yield f"{cause.name}: {why}"
    for cause, why in advice.evidence.possible.items():
        yield f"possibly {cause.name}: {why}"
    for note in advice.evidence.notes:
        yield f"note: {note}"
    for step in advice.steps:
        yield f"first: {step}"


def _complain(message: str) -> int:
    print(f"trampfd advise: {message}", file=sys.stderr)
    return FAILED
