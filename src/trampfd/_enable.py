# SPDX-License-Identifier: MIT
"""``trampfd enable`` and ``trampfd disable``: trampfd at each start of this Python.

A .pth file in the folder where this Python's packages are carries the text of _start.py, which
``site`` runs.  It is the only thing that is made.
"""

from __future__ import annotations

import argparse
import ast
import os
import site
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

_NAME = "trampfd-enable.pth"
_MARK = "# Made by `trampfd enable`, removed by `trampfd disable`, skipped if TRAMPFD_DISABLE=1.\n"

_EPILOG = """\
The file is made for the Python that runs this command: that of a virtual environment, or the
system's, whose folder only root may write to.  Programs that import neither ctypes nor cffi are
not affected at all; those that do get trampfd.install().  TRAMPFD_DISABLE=1 in the environment
leaves everything stock.

exit status: 0 enabled, 1 not enabled
"""


class _Failure(Exception):
    """What the user has to know; the text says what to do."""


def _site_folders() -> list[Path]:
    """The folders whose .pth files this Python runs, the one for packages first."""
    folders = [Path(folder) for folder in site.getsitepackages()]
    own = Path(sysconfig.get_path("purelib"))
    if own in folders:
        folders.remove(own)
        folders.insert(0, own)
    return [folder for folder in folders if folder.is_dir()]


def _own_file() -> Path:
    folders = _site_folders()
    if not folders:
        raise _Failure(f"{sys.executable} has no folder for packages: {site.getsitepackages()}")
    return folders[0] / _NAME


def _files() -> Iterator[Path]:
    """Those that are there; more than one where an environment takes the system's packages."""
    yield from (folder / _NAME for folder in _site_folders() if (folder / _NAME).is_file())


def _code() -> str:
    """_start.py without comments and docstrings."""
    tree = ast.parse(Path(__file__).with_name("_start.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef)) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.unparse(tree)


def text() -> str:
    """Of the .pth file.  site runs lines that begin with "import", each by itself."""
    return f"{_MARK}import sys; exec({_code()!a}, {{'__name__': 'trampfd._start'}})\n"


def _write(path: Path, content: str) -> None:
    """At once or not at all; for all users to read, whatever the umask."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".trampfd-", delete=False) as new:
        try:
            new.write(content)
            new.flush()
            os.chmod(new.name, 0o644)
            os.replace(new.name, path)
        except BaseException:
            os.unlink(new.name)
            raise


def _read(path: Path) -> str | None:
    """The content of a file that `trampfd enable` made, None where there is none."""
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    if not content.startswith(_MARK):
        raise _Failure(f"{path} was not made by `trampfd enable`; look at it, and remove it")
    return content


def _cannot(what: str, path: Path, error: OSError) -> _Failure:
    return _Failure(
        f"cannot {what} {path}: {error.strerror}. Do it as the user who owns {path.parent} (root "
        "for the system's Python), or use a virtual environment"
    )


_CHECK = """\
import importlib.util, sys
importlib.util.find_spec("_ctypes")
install = sys.modules.get("trampfd._install")
sys.exit(0 if install and install.is_installed() else 3)
"""


def _refusal() -> str | None:
    """Why a new Python does not install trampfd; None when it does."""
    ignored = ("PYTHONPATH", "PYTHONHOME", "TRAMPFD_DISABLE")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    child = subprocess.run(
        [sys.executable, "-c", _CHECK], cwd="/", env=environment, capture_output=True, text=True
    )
    if child.returncode == 0:
        return None
    return (
        child.stderr.strip()
        or f"it finds no trampfd, although there is one in {Path(__file__).parent}"
    )


def _enable() -> None:
    path = _own_file()
    old, new = _read(path), text()
    try:
        if old != new:
            _write(path, new)
    except OSError as error:
        raise _cannot("write", path, error) from error
    refusal = _refusal()
    if refusal is not None:
        if old is None:
            path.unlink()
        raise _Failure(f"{sys.executable} would not use trampfd at its start: {refusal}")
    print(f"{'already enabled' if old == new else 'enabled'}: {path}")
    print(f"Every {sys.executable} from now on; `trampfd disable` undoes it.")
    if sys.prefix == sys.base_prefix and _is_externally_managed():
        print("This Python is the system's: the file above is all that was added to it.")


def _is_externally_managed() -> bool:
    """See PEP 668."""
    return Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists()


def _disable() -> None:
    path = _own_file()
    try:
        if _read(path) is not None:
            path.unlink()
            print(f"disabled: {path} is removed")
        else:
            print(f"not enabled: there is no {path}")
    except OSError as error:
        raise _cannot("remove", path, error) from error
    for other in _files():
        print(f"still enabled by {other}, which another Python's `trampfd disable` removes")


def _status() -> int:
    files = list(_files())
    if not files:
        print(f"not enabled: there is no {_own_file()}")
        return 1
    for path in files:
        print(f"enabled: {path}")
    refusal = _refusal()
    if refusal is not None:
        print(f"but {sys.executable} does not use trampfd at its start: {refusal}")
    return 0 if refusal is None else 1


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd enable` or `trampfd disable` and return its exit status."""
    try:
        if args.command == "disable":
            _disable()
        elif args.status:
            return _status()
        else:
            _enable()
    except _Failure as error:
        print(f"trampfd {args.command}: {error}", file=sys.stderr)
        return 1
    return 0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `enable` and `disable` commands."""
    parser = subparsers.add_parser(
        "enable",
        help="let every program of this Python use trampfd",
        description="From now on let this Python install trampfd when it imports ctypes or cffi.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--status", action="store_true", help="only tell whether it is enabled")
    parser.set_defaults(run=run, command="enable")
    parser = subparsers.add_parser(
        "disable",
        help="undo `trampfd enable`",
        description="Remove the file that `trampfd enable` made.",
    )
    parser.set_defaults(run=run, command="disable")
