# SPDX-License-Identifier: MIT
"""Folders of the host that the guest has in its memory as well, as the top layer of its root.

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


def of_python(python: str) -> list[Path]:
    """The standard library and, if it is one, the virtual environment of an interpreter."""
    return [Path(line) for line in run([python, "-c", FOLDERS]).splitlines()]


def pack(folders: Sequence[Path], archive: Path) -> None:
    """Puts those that exist into an archive, without the packages beside a standard library."""
    names = [str(folder.relative_to("/")) for folder in folders if folder.exists()]
    excludes = [f"--exclude={name}/*-packages" for name in names]
    run(["tar", "-C", "/", "--no-wildcards-match-slash", *excludes, "-cf", archive, *names])
