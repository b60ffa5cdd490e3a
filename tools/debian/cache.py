# SPDX-License-Identifier: MIT
"""The folder for what was downloaded or takes long to make; chroots of tools/chroot.sh, too."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def folder() -> Path:
    """$TRAMPFD_CACHE, or trampfd among the user's caches; it need not exist yet."""
    own = os.environ.get("TRAMPFD_CACHE")
    if own:
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "trampfd").absolute()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of the folder, which is made if necessary."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
