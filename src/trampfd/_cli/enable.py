# SPDX-License-Identifier: MIT
"""``trampfd enable`` and ``trampfd disable``: trampfd at each start of this Python.

In the folder where this Python's packages are, a .pth file imports and starts a package beside it,
which has copies of _start.py and _hook.py.  Pythons that ignore code in .pth files, by PEP 829
those from 3.18 on, get a .start file too, which names the same function.

Pythons before 3.15 know no .start files; 3.15 to 3.17 know both, and import ``pkgutil`` and ``re``
at each start for a .start file, which takes longer than all that trampfd does.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import py_compile
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import process
from ._hook import is_disabled
from .arguments import add_command
from .files import write

_TRAMPFD = Path(__file__).parents[1]

_NAME = "trampfd-enable.pth"
_START_NAME = "trampfd-enable.start"  # which makes Python ignore the code in the .pth file
_PACKAGE = "trampfd_enable"
_COPIES = {f"{_PACKAGE}/__init__.py": "_start.py", f"{_PACKAGE}/_hook.py": "_hook.py"}
_NAMES = (_NAME, _START_NAME, *_COPIES)  # in the order to remove them in
_MARK = "# Made by `trampfd enable`, removed by `trampfd disable`, skipped if TRAMPFD_DISABLE=1.\n"

_ON_REQUEST = "start_on_request"  # starts if TRAMPFD_ENABLE is set

_IGNORES_CODE_IN_PTH_FILES = sys.version_info >= (3, 18)

_EPILOG = """\
The files are created for the Python that runs this command: that of a virtual environment, or the
system's, whose folder only root may write to.  They are for one minor version: after an upgrade of
Python, for example from 3.11 to 3.12, run the command again.  Programs that import neither ctypes
nor cffi are not affected; in those that do, trampfd.install() is called.  TRAMPFD_DISABLE=1 in the
environment disables that for a process.

exit status: 0 if enabled, else 1
"""


class _Failure(Exception):
    """A problem that the user has to solve; the text says how."""


def _site_folders() -> list[Path]:
    """The folders whose .pth files this Python runs, the one for packages first."""
    folders = [Path(folder) for folder in site.getsitepackages()]
    own = Path(sysconfig.get_path("purelib"))
    if own in folders:
        folders.remove(own)
        folders.insert(0, own)
    return [folder for folder in folders if folder.is_dir()]


def _own_folder() -> Path:
    folders = _site_folders()
    if not folders:
        raise _Failure(f"{sys.executable} has no folder for packages: {site.getsitepackages()}")
    return folders[0]


def files() -> list[Path]:
    """Those that enable this Python, for each folder the one to name; more than one where an
    environment takes the system's packages."""
    present = (
        [folder / name for name in _NAMES if os.path.lexists(folder / name)]
        for folder in _site_folders()
    )
    return [paths[0] for paths in present if paths]


def texts(on_request: bool = False) -> dict[str, str]:
    """What is to be in the files, by name, in the order to write them in."""
    function = _ON_REQUEST if on_request else "start"
    own = Path(__file__).parent
    copies = {name: (own / source).read_text(encoding="utf-8") for name, source in _COPIES.items()}
    start = {_START_NAME: f"{_PACKAGE}:{function}\n"} if _IGNORES_CODE_IN_PTH_FILES else {}
    all_texts = {**copies, **start, _NAME: f"import {_PACKAGE}; {_PACKAGE}.{function}()\n"}
    return {name: _MARK + text for name, text in all_texts.items()}


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir()
        folder.chmod(0o755)


def _write_module(path: Path, content: str) -> None:
    """Compiled too: users who may not write there would compile it at each start."""
    _make_folder(path.parent)
    write(path, content)
    compiled = Path(importlib.util.cache_from_source(os.fspath(path)))
    if compiled.parent.parent == path.parent:  # no other place for compiled files is set
        _make_folder(compiled.parent)
        py_compile.compile(os.fspath(path), doraise=True)
        compiled.chmod(0o644)


def _remove(path: Path) -> None:
    path.unlink()
    if path.suffix != ".py":
        return
    compiled = path.with_name("__pycache__")
    for file in compiled.glob(f"{path.stem}.*.pyc"):
        file.unlink()
    for folder in (compiled, path.parent):
        with suppress(OSError):  # it has something else in it, or is gone
            folder.rmdir()


def _is_ours(content: str) -> bool:
    """Also one that was cut off, as by a full disk."""
    return content.startswith(_MARK) or _MARK.startswith(content)


def _read(path: Path) -> str | None:
    """The content of the file that `trampfd enable` made, or None."""
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _Failure(f"cannot read {path}: {error.strerror}") from error
    if not _is_ours(content):
        raise _Failure(f"{path} was not made by `trampfd enable`; look at it, and remove it")
    return content


def _cannot(what: str, path: Path, error: OSError) -> _Failure:
    folder = next(folder for folder in path.parents if folder.is_dir())
    return _Failure(
        f"cannot {what} {path}: {error.strerror}. Do it as the user who owns {folder} (root for "
        "the system's Python), or use a virtual environment"
    )


def _put(path: Path, content: str | None) -> None:
    """Let a file be there with that content, or not be there."""
    try:
        if content is not None:
            (_write_module if path.suffix == ".py" else write)(path, content)
        elif os.path.lexists(path):
            _remove(path)
    except OSError as error:
        raise _cannot("remove" if content is None else "write", path, error) from error


_CHECK = """\
import importlib.util, sys
importlib.util.find_spec("_ctypes")
install = sys.modules.get("trampfd._install")
sys.exit(0 if install and install.is_installed() else 3)
"""
_CHECK_SECONDS = 60


def _refusal() -> str | None:
    """Why a new Python does not install trampfd, which is asked to; None when it does."""
    ignored = ("PYTHONPATH", "PYTHONHOME", "TRAMPFD_DISABLE")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    environment["TRAMPFD_ENABLE"] = "1"
    try:
        check = process.run(
            [sys.executable, "-c", _CHECK], timeout=_CHECK_SECONDS, env=environment, cwd="/"
        )
    except process.Failure as failure:
        return f"{failure} while it imported trampfd from {_TRAMPFD}"
    if check.returncode == 0:
        return None
    return check.stderr.strip() or f"it finds no trampfd, although there is one in {_TRAMPFD}"


def _enable(on_request: bool) -> None:
    folder = _own_folder()
    path = folder / _NAME
    old = {folder / name: _read(folder / name) for name in _NAMES}
    wanted = texts(on_request)
    new = {folder / name: wanted.get(name) for name in [*wanted, *_NAMES]}
    for file, content in new.items():
        if content != old[file]:
            _put(file, content)
    refusal = _refusal()
    if refusal is not None:
        if old[path] is None:
            for file, content in old.items():
                _put(file, content)
        raise _Failure(f"{sys.executable} would not use trampfd at its start: {refusal}")
    print(f"{'already enabled' if old == new else 'enabled'}: {path}")
    condition = " with TRAMPFD_ENABLE=1 in its environment" if on_request else ""
    print(f"Every {sys.executable}{condition} from now on; `trampfd disable` undoes it.")
    version = "{}.{}".format(*sys.version_info)
    print(f"That is Python {version}; after an upgrade to another version, enable it again.")
    if sys.prefix == sys.base_prefix and _is_externally_managed():
        names = f"the file above and {_PACKAGE}/ beside it are"
        print(f"This Python is the system's: {names} all that was added to it.")


def _is_externally_managed() -> bool:
    """See PEP 668."""
    return Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()


def _disable() -> None:
    folder = _own_folder()
    present = [folder / name for name in _NAMES if _read(folder / name) is not None]
    for path in present:
        _put(path, None)
        print(f"disabled: {path} is removed")
    if not present:
        print(f"not enabled: there is no {folder / _NAME}")
    for other in files():
        print(f"still enabled by {other}, which another Python's `trampfd disable` removes")


def _is_on_request(folder: Path) -> bool:
    try:
        return f"{_ON_REQUEST}()" in (_read(folder / _NAME) or "")
    except _Failure:
        return False


def _flaws(folder: Path) -> Iterator[str]:
    """What is not as `trampfd enable` would make it."""
    wanted = texts(_is_on_request(folder))
    for name in _NAMES:
        path = folder / name
        try:
            content = _read(path)
        except _Failure as error:
            yield str(error)
            continue
        if content == wanted.get(name):
            continue
        if content is None:
            yield f"there is no {path}; `trampfd enable` makes it"
        else:
            yield (
                f"{path} is incomplete, or of another version of trampfd or Python; "
                "`trampfd enable` replaces it"
            )


def _status() -> int:
    found = files()
    if not found:
        print(f"not enabled: there is no {_own_folder() / _NAME}")
        return 1
    for path in found:
        print(f"enabled{' on request' * _is_on_request(path.parent)}: {path}")
        for flaw in _flaws(path.parent):
            print(f"but {flaw}")
    refusal = _refusal()
    if refusal is not None:
        print(f"but {sys.executable} does not use trampfd at its start: {refusal}")
    if is_disabled():
        print("but TRAMPFD_DISABLE is set: programs with this environment do not use trampfd")
    return 0 if refusal is None and not is_disabled() else 1


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd enable` or `trampfd disable` and return its exit status."""
    try:
        if args.command == "disable":
            _disable()
        elif args.status:
            return _status()
        else:
            _enable(args.on_request)
    except _Failure as error:
        print(f"trampfd {args.command}: {error}", file=sys.stderr)
        return 1
    return 0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `enable` and `disable` commands."""
    parser = add_command(
        subparsers,
        "enable",
        run,
        help="make every program of this Python use trampfd",
        description="Make this Python install trampfd whenever it imports ctypes or cffi.",
        epilog=_EPILOG,
    )
    parser.add_argument("--status", action="store_true", help="only report whether it is enabled")
    parser.add_argument(
        "--on-request",
        action="store_true",
        help="only programs that have TRAMPFD_ENABLE=1 in their environment",
    )
    add_command(
        subparsers,
        "disable",
        run,
        help="undo `trampfd enable`",
        description="Remove the files that `trampfd enable` created.",
    )
