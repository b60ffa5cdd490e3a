# SPDX-License-Identifier: MIT
"""How commands are declared to argparse."""

from __future__ import annotations

import argparse
import re
import textwrap
from typing import Callable

_WIDTH = 100


def add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,
    description: str,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out; its arguments are added to what this returns.

    `help` stands in the list of commands; the lines of `epilog` are printed as they are.
    """
    parser = subparsers.add_parser(
        name,
        help=help,
        description=textwrap.fill(description, _WIDTH),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, command=name)
    return parser


def process_id(text: str) -> int:
    """For the `type` of an argument."""
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"a PID is a whole number above 0, not {text!r}")
    return int(text)
