# SPDX-License-Identifier: MIT
"""``trampfd run``: a program as `python` would run it, after trampfd.install().

What is not loaded anyway is imported where it is needed, and ``__future__`` not at all: all of that
adds to the start of each program.
"""

import builtins
import errno
import io
import marshal
import os
import site
import sys
from _frozen_importlib import BuiltinImporter
from _frozen_importlib_external import MAGIC_NUMBER, PathFinder, SourceFileLoader

from ._hook import is_disabled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, TracebackType
    from typing import Any, Callable, NoReturn

_USAGE = """\
usage: trampfd run [--harden] [--seal] [--no-children] script.py | script | - [argument ...]
       trampfd run [--harden] [--seal] [--no-children] -m module [argument ...]
       trampfd run [--harden] [--seal] [--no-children] -c code [argument ...]
"""

_HELP = f"""\
{_USAGE}
Run a Python program with every ctypes and cffi callback made by trampfd.  sys.argv,
sys.path[0], __main__, the exit status and tracebacks are as if `python` ran the program.
If there is no file of that name here, a script that was installed for this Python is run,
such as `pytest`.  `-` reads the program from standard input.

options:
  --harden    before the program starts, make the kernel permanently refuse memory that is
              writable and executable to this process and its children (PR_SET_MDWE,
              Linux 6.3 and later).  This also disables Python's own JIT compiler, by
              PYTHON_JIT=0 in the environment, and perf's trampolines, by
              PYTHONPERFSUPPORT=0
  --seal      keep what decides where a callback goes in memory that the program cannot write,
              by TRAMPFD_SEAL=1 in the environment.  Making a callback then takes system calls
  --no-children
              leave the Pythons that the program starts alone.  Otherwise they use trampfd
              too, by PYTHONPATH and TRAMPFD_CHILDREN in their environment
  -h, --help  show this help

Options of the interpreter go before -m: python -O -m trampfd run script.py
If TRAMPFD_DISABLE=1 is in the environment, callbacks are those of ctypes and cffi.

exit status: that of the program; 2 if it cannot be started
"""

_PYC_HEADER = 16  # bytes


def _fail(message: str, status: int = 2) -> "NoReturn":
    sys.stderr.write(f"trampfd run: {message}\n")
    raise SystemExit(status)


_SWITCHED_OFF_BY = {
    "jit": "its JIT compiler on; start it without",
    "perf": "perf trampolines; start it without -X perf and -X perf_jit",
}


def _switch_off_code_writers() -> None:
    """Start this process anew where Python itself makes memory executable, see _system/jit.py."""
    from .._system import jit

    is_new = jit.switch_off()
    on = jit.active()
    if on and is_new:
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)
    for name in on:
        _fail(f"--harden: this Python runs with {_SWITCHED_OFF_BY[name]}")


def _harden_or_fail() -> None:
    from .._system import mdwe

    _switch_off_code_writers()
    try:
        mdwe.refuse_exec_gain()
    except OSError as error:
        if error.errno == errno.EINVAL:
            _fail(
                "--harden needs PR_SET_MDWE, which Linux has since 6.3; "
                f"this kernel is {os.uname().release}"
            )
        _fail(f"--harden: prctl(PR_SET_MDWE): {error.strerror}")


def _set_first_path(path: str) -> None:
    """sys.path[0]; python -P and -I do not add this entry."""
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path[0] = path


def _main_module(
    loader: "Any", file: "str | None" = None, spec: "ModuleSpec | None" = None
) -> "dict[str, Any]":
    """The names of a fresh __main__, with the attributes that the interpreter gives it
    (which of the optional ones, this version's own __main__ shows)."""
    own = vars(sys.modules["__main__"])
    module = type(sys)("__main__")
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


def _find_module(name: str) -> "ModuleSpec | None":
    """A module, or the __main__ of a package."""
    from importlib.util import find_spec

    _set_first_path(os.getcwd())
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return None
    return spec


def _run_found(spec: "ModuleSpec | None", what: str) -> None:
    code = getattr(spec.loader, "get_code", lambda _: None)(spec.name) if spec else None
    if spec is None or code is None:
        _fail(what, status=1)
    exec(code, _main_module(spec.loader, spec.origin, spec))


def _run_module(name: str) -> None:
    spec = _find_module(name)
    if spec is not None and spec.origin is not None:
        sys.argv[0] = spec.origin
    _run_found(spec, f"no module named {name}, or no code in it")


def _read_code(path: str) -> "CodeType":
    """A script's source or compiled code."""
    with io.open_code(path) as file:
        content = file.read()
    if content.startswith(MAGIC_NUMBER):
        code: CodeType = marshal.loads(content[_PYC_HEADER:])
        return code
    return compile(content, path, "exec", dont_inherit=True)


def _is_importable_from(path: str) -> bool:
    """A folder or an archive."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _script_folders() -> "Iterator[str]":
    """Where the scripts of packages are that were installed for this Python."""
    yield os.path.dirname(sys.executable)
    import sysconfig

    yield sysconfig.get_path("scripts")
    if site.ENABLE_USER_SITE:
        yield sysconfig.get_path("scripts", f"{os.name}_user")


def _is_python_script(path: str) -> bool:
    """Does it say so in its first lines?  pip writes two where the name of Python is long."""
    try:
        with open(path, "rb") as file:
            start = file.read(1024)
    except OSError:
        return False
    return start.startswith(b"#!") and any(b"python" in line for line in start.split(b"\n")[:2])


def _find_script(name: str) -> str:
    """A file as it is; otherwise the name may be that of an installed script."""
    if os.sep not in name and not os.path.lexists(name):
        for folder in _script_folders():
            path = os.path.join(folder, name)
            if _is_python_script(path):
                return path
    return name


def _run_script(path: str) -> None:
    full = os.path.join(os.getcwd(), path)
    if _is_importable_from(path):
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


def _run_input(_: str) -> None:
    """The program is read to the end of standard input, also from a terminal."""
    if sys.stdin is None:
        _fail("there is no standard input to read a program from")
    code = compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True)
    _set_first_path("")
    exec(code, _main_module(BuiltinImporter, "<stdin>"))


def _show_lines(code: "CodeType", source: str) -> None:
    """In tracebacks, as Python itself does from 3.13 on.  It keeps them by the name of the file in
    the first releases of 3.13, by the code object in later ones."""
    if sys.version_info >= (3, 13):
        import linecache

        key = code if hasattr(linecache, "_interactive_cache") else code.co_filename
        linecache._register_code(key, source, code.co_filename)


def _run_code(source: str) -> None:
    source += "\n"
    if sys.version_info >= (3, 14) and source.lstrip("\n")[:1] in (" ", "\t"):
        import textwrap

        source = textwrap.dedent(source)
    code = compile(source, "<string>", "exec", dont_inherit=True)
    _show_lines(code, source)
    _set_first_path("")
    exec(code, _main_module(BuiltinImporter))


def _strip(traceback: "TracebackType | None") -> "TracebackType | None":
    """Without the frames of this file in front."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _show(error: BaseException) -> None:
    """By sys.excepthook, as the interpreter does it."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as another:
        another.__context__ = None
        another.__traceback__ = _strip(another.__traceback__)
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(another), another, another.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)


def _run_like_python(function: "Callable[[str], None]", argument: str) -> None:
    """The exception that ends the program is shown without our frames, and raised further
    in silence, so that the interpreter ends with the status it would have had.

    The program's hook is kept for what comes after: it lives as long as it would have lived."""
    try:
        function(argument)
    except SystemExit:
        raise
    except BaseException as error:
        error.__traceback__ = _strip(error.__traceback__)
        _show(error)
        hook = getattr(sys, "excepthook", sys.__excepthook__)
        sys.excepthook = lambda *_: setattr(sys, "excepthook", hook)
        raise


def _usage_error(message: str) -> "NoReturn":
    sys.stderr.write(f"{_USAGE}trampfd run: error: {message}\n")
    raise SystemExit(2)


def _install(is_hardened: bool, has_children: bool) -> None:
    """What the program needs of trampfd is imported before its folder is in sys.path."""
    try:
        if is_hardened:
            _harden_or_fail()
        if is_disabled():
            sys.stderr.write(
                "trampfd run: TRAMPFD_DISABLE is set: callbacks are those of ctypes and cffi\n"
            )
            return
        from .._install import install_for_all
        from . import children

        if has_children:
            children.serve(is_hardened)
        else:
            children.leave_alone()
    except ImportError as error:
        _fail(f"trampfd cannot be loaded: {error}; see `{sys.executable} -m trampfd doctor`")
    try:
        install_for_all()
    except OSError as error:
        _fail(f"{error.strerror}")


def run(argv: "Sequence[str]") -> int:
    """The command, with the arguments after `run`, most of which are the program's."""
    options = set()
    while argv and argv[0] in ("--harden", "--seal", "--no-children"):
        options.add(argv[0])
        argv = argv[1:]
    if not argv:
        _usage_error("a script, -m module or -c code is required")
    first, rest = argv[0], list(argv[1:])
    if first in ("-h", "--help"):
        sys.stdout.write(_HELP)
        return 0
    option = first[:2] if first[:2] in ("-m", "-c") else ""
    if option and first != option:
        first = first[2:]
    elif option and not rest:
        _usage_error(f"argument {option}: expected one argument")
    elif option or (first == "--" and rest):
        first, rest = rest[0], rest[1:]
    elif first == "--":
        _usage_error("a script, -m module or -c code is required")
    elif first.startswith("-") and first != "-":
        _usage_error(f"unrecognized option {first} (options of the interpreter go before -m)")

    if not option and first != "-":
        first = _find_script(first)
    if "--seal" in options:
        os.environ["TRAMPFD_SEAL"] = "1"
    _install("--harden" in options, "--no-children" not in options)
    sys.argv = [option or first, *rest]
    functions = {"-m": _run_module, "-c": _run_code, "-": _run_input}
    _run_like_python(functions.get(option or first, _run_script), first)
    return 0
