# SPDX-License-Identifier: MIT
"""The first file system of the guest: busybox, the modules for its mounts, and the init script."""

from __future__ import annotations

import lzma
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import VmError
from .host import run
from .kernels import Kernel

WANTED = ("virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "crc32c_generic", "ext4")
NEVER_BUILT_IN = {"virtio_blk", "9p", "overlay", "ext4"}  # in Debian's kernels
SCRIPTS = {"init": "init.sh", "finish": "finish.sh", "command.service": "command.service"}


def module_image(path: Path) -> bytes:
    """A module's ELF image, whichever way the package compressed it."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def depends(path: Path) -> list[str]:
    """Modules that this one needs, from its .modinfo section; of any CPU."""
    found = re.search(rb"depends=([^\0]*)\0", module_image(path))
    names = found[1].decode().split(",") if found else []
    return [name.replace("-", "_") for name in names if name]


def load_order(files: Mapping[str, Path]) -> list[str]:
    """The wanted modules and what they need, needed ones first. Built-in ones have no file."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or name not in files:
            return
        for other in depends(files[name]):
            visit(other)
        order.append(name)

    for name in WANTED:
        visit(name)
    return order


def make_initramfs(kernel: Kernel, target: Path) -> None:
    """Writes the compressed archive to target."""
    files = kernel.module_files()
    order = load_order(files)
    needed = set() if kernel.source.configs else NEVER_BUILT_IN
    missing = ", ".join(sorted(needed.difference(order)))
    if missing:
        raise VmError(f"{kernel.folder} lacks modules: {missing}; remove that folder and try again")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in (
            "bin",
            "modules",
            "proc",
            "sys",
            "dev",
            "host",
            "new",
            "upper",
            "out",
            "copies",
        ):
            (folder / name).mkdir()
        shutil.copy(kernel.busybox, folder / "bin" / "busybox")
        for name, source in SCRIPTS.items():
            shutil.copy(Path(__file__).with_name(source), folder / name)
        (folder / "init").chmod(0o755)
        for name in order:
            (folder / "modules" / f"{name}.ko").write_bytes(module_image(files[name]))
        (folder / "modules" / "order").write_text("".join(f"{name}\n" for name in order))
        run(
            ["sh", "-c", 'find . | cpio -o -H newc --quiet | gzip -1 > "$1"', "sh", target],
            cwd=folder,
        )
