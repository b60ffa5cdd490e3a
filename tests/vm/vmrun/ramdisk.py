# SPDX-License-Identifier: MIT
"""Folders and files of its root that the guest has in its memory as well.

Opening files through the share takes the emulated machine most of the time that Python starts in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .host import enter, run

# The standard library and, if it is one, the virtual environment; what is mapped from elsewhere.
USED = """
import ctypes, sys, sysconfig
folders = {sysconfig.get_path("stdlib"), sys.prefix} - {sys.base_prefix}
files = {line.split(None, 5)[5].rstrip() for line in open("/proc/self/maps") if "/" in line}
files = {file for file in files if not file.startswith(tuple(folders))}
print(*folders, *files, "/etc/ld.so.cache", sep="\\n")
"""


def of_python(python: str, root: Path) -> list[Path]:
    """The folders and files that every start of an interpreter uses."""
    words = ["env", "LC_ALL=C.UTF-8", python, "-c", USED]
    used = run(words if root == Path("/") else [*enter(root), *words]).splitlines()
    return [Path(line) for line in used]


def pack(paths: Sequence[Path], root: Path, archive: Path, folders: Path) -> None:
    """Puts those that exist into an archive, and the names of the folders into another file.

    Packages beside a standard library are left out: they are not those of the virtual environment.
    """
    names = [str(path.relative_to("/")) for path in paths]
    names = [name for name in names if (root / name).exists()]
    excludes = [f"--exclude={name}/*-packages" for name in names]
    run(["tar", "-C", root, "--no-wildcards-match-slash", *excludes, "-cf", archive, *names])
    folders.write_text("".join(f"/{name}\n" for name in names if (root / name).is_dir()))
