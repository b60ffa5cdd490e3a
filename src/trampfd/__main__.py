# SPDX-License-Identifier: MIT
"""The command ``trampfd``, also ``python -m trampfd``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib import metadata

from ._output import guarded
from ._run import run

# The command `run` has no parser here: what follows it belongs to the program.
_COMMANDS = ("doctor", "audit", "demo", "preload", "enable", "bench")


def _version() -> str:
    """The commands also work in a package that lost its metadata, or was never installed."""
    try:
        return metadata.version("trampfd")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trampfd",
        description="Callbacks for ctypes and cffi without writable and executable memory.",
        epilog="`trampfd COMMAND --help` tells more of a command.",
    )
    parser.add_argument("--version", action="version", version=f"trampfd {_version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    subparsers.add_parser("run", help="run a Python program with trampfd installed")
    for command in _COMMANDS:
        importlib.import_module(f"trampfd._{command}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status.  `arguments` default to sys.argv[1:]."""
    if arguments is None:
        arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        return run(arguments[1:])
    options = _parser().parse_args(arguments)
    return guarded(lambda: int(options.run(options)))


if __name__ == "__main__":
    sys.exit(main())
