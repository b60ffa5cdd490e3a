# SPDX-License-Identifier: MIT
"""The Pythons that a program of `trampfd run` starts, directly or through other programs.

They inherit an environment in which PYTHONPATH begins with this folder, so that they run its
``sitecustomize.py`` at their start, which makes them like a Python that `trampfd enable` enabled.

Not served are Pythons that ignore PYTHONPATH or do not import ``site`` (options -I, -E and -S),
those that are given another environment, and those that cannot import trampfd.  Their callbacks
are stock, which ``--harden`` may refuse, so that these are reported then.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_VARIABLE = "TRAMPFD_CHILDREN"  # "serve" or "harden"


def _other_folders() -> "list[str]":
    folders = os.environ.get("PYTHONPATH")
    return [folder for folder in folders.split(os.pathsep) if folder != _FOLDER] if folders else []


def serve(is_hardened: bool) -> None:
    """Let the Pythons that this process starts use trampfd.

    Raises ImportError, if is_hardened, when the extension cannot be loaded."""
    os.environ["PYTHONPATH"] = os.pathsep.join([_FOLDER, *_other_folders()])
    os.environ[_VARIABLE] = "harden" if is_hardened else "serve"
    if is_hardened:
        from ... import _native

        _native.watch_children(_check)


def leave_alone() -> None:
    """Undo what a process above this one asked for by serve()."""
    if os.environ.pop(_VARIABLE, None) is None:
        return
    folders = _other_folders()
    if folders:
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    else:
        del os.environ["PYTHONPATH"]


def _options(argv: "Sequence[str]") -> "Iterator[str]":
    """The letters of an interpreter's own options, which end with -c, -m or a script."""
    words = iter(argv[1:])
    for word in words:
        if len(word) < 2 or word[0] != "-":
            return
        if word.startswith("--"):
            if word == "--check-hash-based-pycs":
                next(words, None)
            continue
        for position, letter in enumerate(word[1:], 2):
            if letter in "cm":
                return
            yield letter
            if letter in "WX":
                if position == len(word):
                    next(words, None)
                break


def _is_python(program: str) -> bool:
    return os.path.basename(program).startswith("python")


def _is_served_by(environment: "Any") -> bool:
    """The environment of a child; None is that of this process."""
    if environment is None:
        environment = os.environ
    path = environment.get("PYTHONPATH") or environment.get(b"PYTHONPATH") or ""
    return _FOLDER in os.fsdecode(path).split(os.pathsep)


def _why_not_served(argv: "Sequence[str]", environment: "Any") -> "str | None":
    for letter in _options(argv):
        if letter in "IES":
            return f"option -{letter}"
    return None if _is_served_by(environment) else "its environment has another PYTHONPATH"


_last_report = ""


def _report(reason: str, what: str) -> None:
    """Once for a program that is started again and again, or by functions with an event each."""
    global _last_report
    report = f"trampfd run: {what} stock callbacks ({reason}), which --harden may refuse\n"
    if sys.stderr is not None and report != _last_report:
        sys.stderr.write(report)
    _last_report = report


def _check_own_options() -> None:
    """multiprocessing passes them on to the processes that it starts."""
    flags = sys.flags
    if flags.ignore_environment or flags.no_site:
        _report(f"option -{'S' if flags.no_site else 'I or -E'} of this Python", "its workers have")


def _check(event: str, args: "tuple[Any, ...]") -> None:
    """Report a Python that is about to be started and will not be served.

    event, args: of Python's audit events subprocess.Popen, os.exec and os.posix_spawn, and of the
    import that precedes the first process of multiprocessing."""
    if event == "import":
        _check_own_options()
        return
    program, argv, environment = args[0], args[1], args[-1]
    if isinstance(argv, (str, bytes, os.PathLike)):
        argv = [argv]
    words = [os.fsdecode(word) for word in argv] or [""]
    if not _is_python(os.fsdecode(program or words[0])):
        return
    reason = _why_not_served(words, environment)
    if reason is not None:
        _report(reason, f"`{' '.join(words)[:200]}` has")
