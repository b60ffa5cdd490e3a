# SPDX-License-Identifier: MIT
"""``trampfd run``: a program as `python` would run it, after trampfd.install()."""

from __future__ import annotations

import builtins
import errno
import importlib.util
import io
import os
import pkgutil
import sys
import types
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, TracebackType
from typing import Any, Callable, NoReturn

from . import _native
from ._install import install

_USAGE = """\
usage: trampfd run [--harden] script.py [argument ...]
       trampfd run [--harden] -m module [argument ...]
       trampfd run [--harden] -c code [argument ...]
"""

_HELP = f"""\
{_USAGE}
Run a Python program with every ctypes and cffi callback made by trampfd.  sys.argv,
sys.path[0], __main__, exit status and tracebacks are as if `python` ran it.

options:
  --harden    first let the kernel refuse memory that is writable and executable to this
              process and its children, for good (PR_SET_MDWE, Linux 6.3 and later)
  -h, --help  show this help

Options of the interpreter go before -m: python -O -m trampfd run script.py
With TRAMPFD_DISABLE=1 in the environment callbacks stay stock.

exit status: that of the program; 2 when it cannot be started
"""

_PR_SET_MDWE = 65
_PR_MDWE_REFUSE_EXEC_GAIN = 1


def _fail(message: str, status: int = 2) -> NoReturn:
    sys.stderr.write(f"trampfd run: {message}\n")
    raise SystemExit(status)


def harden() -> None:
    """Refuse W+X memory to this process for good; inherited by its children.

    Raises OSError: EINVAL when the kernel has no PR_SET_MDWE (before Linux 6.3, see
    prctl(2)), else what prctl(2) says.
    """
    _native.prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN)


def _harden_or_fail() -> None:
    try:
        harden()
    except OSError as error:
        if error.errno == errno.EINVAL:
            _fail(
                "--harden needs PR_SET_MDWE, which Linux has since 6.3; "
                f"this kernel is {os.uname().release}"
            )
        _fail(f"--harden: prctl(PR_SET_MDWE): {error.strerror}")


def _set_first_path(path: str) -> None:
    """sys.path[0]; with python -P and -I there is no such entry."""
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path[0] = path


def _main_module(
    loader: Any, file: str | None = None, spec: ModuleSpec | None = None
) -> dict[str, Any]:
    """The names of a fresh __main__, with the attributes that the interpreter gives it
    (which of the optional ones, this version's own __main__ shows)."""
    own = vars(sys.modules["__main__"])
    module = types.ModuleType("__main__")
    names = module.__dict__
    names.update(__builtins__=builtins, __loader__=loader, __spec__=spec)
    names["__package__"] = spec.parent if spec else None
    if "__annotations__" in own:
        names["__annotations__"] = {}
    if file is not None:
        names["__file__"] = file
        if "__cached__" in own:
            names["__cached__"] = spec.cached if spec else None
    sys.modules["__main__"] = module
    return names


def _find_module(name: str) -> ModuleSpec | None:
    """A module, or the __main__ of a package."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return None
    return spec


def _run_found(spec: ModuleSpec | None, what: str) -> None:
    code = getattr(spec.loader, "get_code", lambda _: None)(spec.name) if spec else None
    if spec is None or code is None:
        _fail(what, status=1)
    exec(code, _main_module(spec.loader, spec.origin, spec))


def _run_module(name: str) -> None:
    spec = _find_module(name)
    if spec is not None and spec.origin is not None:
        sys.argv[0] = spec.origin
    _run_found(spec, f"no module named {name}, or no code in it")


def _read_code(path: str) -> CodeType:
    """A script's source or compiled code."""
    with io.open_code(path) as file:
        code: CodeType | None = pkgutil.read_code(file)
    if code is not None:
        return code
    with io.open_code(path) as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _run_script(path: str) -> None:
    full = os.path.join(os.getcwd(), path)
    if pkgutil.get_importer(path) is not None:  # a folder or an archive
        _set_first_path(full)
        spec = PathFinder.find_spec("__main__", [full])
        _run_found(spec, f"can't find '__main__' module in {full!r}")
        return
    try:
        code = _read_code(full)
    except OSError as error:
        _fail(f"can't open file {full!r}: [Errno {error.errno}] {error.strerror}")
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    exec(code, _main_module(SourceFileLoader("__main__", full), full))


def _run_code(source: str) -> None:
    _set_first_path("")
    exec(compile(source, "<string>", "exec", dont_inherit=True), _main_module(BuiltinImporter))


def _strip(traceback: TracebackType | None) -> TracebackType | None:
    """Without the frames of this file in front."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _run_like_python(function: Callable[[str], None], argument: str) -> None:
    """The exception that ends the program is shown without our frames, and raised further
    in silence, so that the interpreter ends with the status it would have had."""
    try:
        function(argument)
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _strip(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.excepthook = lambda *_: None
        raise


def _usage_error(message: str) -> NoReturn:
    sys.stderr.write(f"{_USAGE}trampfd run: error: {message}\n")
    raise SystemExit(2)


def run(words: Sequence[str]) -> int:
    """The command, with the words after `run`.  Its own parser: most words are the program's."""
    hardened = False
    while words and words[0] == "--harden":
        hardened, words = True, words[1:]
    if not words:
        _usage_error("a script, -m module or -c code is required")
    if words[0] in ("-h", "--help"):
        sys.stdout.write(_HELP)
        return 0
    if words[0] == "--":
        words = words[1:]
    elif words[0] in ("-m", "-c") and len(words) == 1:
        _usage_error(f"argument {words[0]}: expected one argument")
    elif words[0].startswith("-") and words[0] not in ("-m", "-c"):
        _usage_error(f"unrecognized option {words[0]} (options of the interpreter go before -m)")

    if hardened:
        _harden_or_fail()
    if os.environ.get("TRAMPFD_DISABLE", "0") in ("", "0"):
        install()
    else:
        sys.stderr.write("trampfd run: TRAMPFD_DISABLE is set: callbacks are stock\n")
    if words[0] == "-m":
        sys.argv = ["-m", *words[2:]]
        _set_first_path(os.getcwd())
        _run_like_python(_run_module, words[1])
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        _run_like_python(_run_code, words[1])
    else:
        sys.argv = list(words)
        _run_like_python(_run_script, words[0])
    return 0
