# SPDX-License-Identifier: MIT
"""The command ``trampfd``, also ``python -m trampfd``."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

# The command `run` has no parser here: what follows it belongs to the program.  A module may have
# more than one command; none of them needs the extension to be imported.
_MODULES = {
    "doctor": "doctor.command",
    "audit": "audit.command",
    "trace": "trace.command",
    "advise": "advise.command",
    "attach": "attach",
    "demo": "demo.command",
    "preload": "preload",
    "enable": "enable",
    "disable": "enable",
    "bench": "bench",
}


def version() -> str:
    """For `trampfd --version`; a copy of the sources that was never built does not know it."""
    try:
        from ._version import __version__
    except ImportError:
        return "(not built)"
    return __version__


def _parser(commands: "Sequence[str]") -> "argparse.ArgumentParser":
    """Knows the commands in `commands`."""
    import argparse
    import importlib

    parser = argparse.ArgumentParser(
        prog="trampfd",
        description="Callbacks for ctypes and cffi without memory that is writable and executable.",
        epilog="`trampfd COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"trampfd {version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    subparsers.add_parser("run", help="run a Python program with trampfd installed")
    for module in dict.fromkeys(_MODULES[command] for command in commands):
        importlib.import_module(f"trampfd._cli.{module}").add_parser(subparsers)
    return parser


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run one command; returns its exit status.  `arguments` default to sys.argv[1:]."""
    if arguments is None:
        arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if first == "run":
        from ._cli.run import run

        return run(arguments[1:])
    from ._cli.output import guarded

    options = _parser([first] if first in _MODULES else list(_MODULES)).parse_args(arguments)
    options.words = arguments  # of which argparse does not tell whether there was a "--"
    return guarded(lambda: int(options.run(options)))


if __name__ == "__main__":
    sys.exit(main())
