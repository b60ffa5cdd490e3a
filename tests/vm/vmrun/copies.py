# SPDX-License-Identifier: MIT
"""Folders of its root that the guest has in its memory as well, as the top layer of it.

Opening files through the share takes the emulated machine half of the time that Python starts in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .host import run

FOLDERS = """
import sys, sysconfig
print(sysconfig.get_path("stdlib"))
if sys.prefix != sys.base_prefix:
    print(sys.prefix)
"""


def of_python(python: str, root: Path) -> list[Path]:
    """The standard library and, if it is one, the virtual environment of an interpreter."""
    enter = [] if root == Path("/") else ["chroot", str(root)]
    return [Path(line) for line in run([*enter, python, "-c", FOLDERS]).splitlines()]


def pack(folders: Sequence[Path], root: Path, archive: Path) -> None:
    """Puts those that exist into an archive, without the packages beside a standard library."""
    names = [str(folder.relative_to("/")) for folder in folders]
    names = [name for name in names if (root / name).exists()]
    excludes = [f"--exclude={name}/*-packages" for name in names]
    run(["tar", "-C", root, "--no-wildcards-match-slash", *excludes, "-cf", archive, *names])
