# SPDX-License-Identifier: MIT
"""A root file system for a guest with another CPU than the host's: busybox, for the selftests."""

from __future__ import annotations

import shutil
from pathlib import Path

from .kernels import Kernel

APPLETS = ("awk", "cat", "env", "sh", "sleep", "true")  # for run.sh, its tests and the command
FOLDERS = ("bin", "dev", "mnt", "proc", "run", "sys", "tmp")


def make_root(kernel: Kernel, folder: Path) -> Path:
    """Makes it in that folder, which is returned."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    shutil.copy(kernel.busybox, folder / "bin" / "busybox")
    for name in APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    return folder
