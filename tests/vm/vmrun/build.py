# SPDX-License-Identifier: MIT
"""Builds a kernel from Debian's source, with a configuration that checks it while it runs."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from . import VmError
from .host import run, run_in

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
GUEST = "guest"
TOOLS = (
    *("bc", "binutils", "bison", "diffutils", "flex", "gcc", "gzip"),
    *("libc6-dev", "libelf-dev", "perl", "tar", "xz-utils"),
)
BUILD = "/build/linux"

# What building a module does not read.
NOT_KEPT = (
    *("Documentation", "block", "crypto", "drivers", "fs", "io_uring", "ipc", "kernel", "lib"),
    *("mm", "net", "rust", "samples", "security", "sound", "usr", "virt"),
)


def wanted(configs: Iterable[str]) -> str:
    """The lines of the named configurations, and of that of all guests."""
    return "".join((CONFIGS / f"{name}.config").read_text() for name in (GUEST, *configs))


def digest(configs: Iterable[str]) -> str:
    """Names them: another one is another kernel."""
    return sha256(wanted(configs).encode()).hexdigest()[:12]


def make(root: Path, *words: str) -> str:
    return run_in(root, ["make", "-C", BUILD, f"-j{os.cpu_count()}", *words])


def missing(lines: str, config: str) -> list[str]:
    """Settings that the kernel's own rules have dropped."""
    names = re.findall(r"^(CONFIG_\w+)=y$", lines, re.MULTILINE)
    return [name for name in names if f"{name}=y" not in config.splitlines()]


def unpack_source(root: Path) -> Path:
    """Unpacks the source package's archive; returns the folder, which is BUILD in the root."""
    archives = sorted((root / "usr" / "src").glob("linux-source-*.tar.*"))
    if not archives:
        raise VmError(f"{root}/usr/src has no archive of the kernel's source")
    folder = root / BUILD.lstrip("/")
    folder.mkdir()
    run(["tar", "-x", "--strip-components=1", "-C", folder, "-f", archives[-1]])
    return folder


def build_kernel(root: Path, configs: Iterable[str], image: Path) -> None:
    """Builds the source that is in the root with its own compiler; the kernel goes to `image`.

    What building a module needs stays in the root.
    """
    folder = unpack_source(root)
    lines = wanted(configs)
    (folder / "wanted.config").write_text(lines)
    make(root, "KCONFIG_ALLCONFIG=wanted.config", "allnoconfig")
    dropped = missing(lines, (folder / ".config").read_text())
    if dropped:
        raise VmError("this kernel cannot be configured with " + " ".join(dropped))
    make(root, "bzImage", "modules")
    image.mkdir(parents=True)
    shutil.copy(folder / "arch" / "x86" / "boot" / "bzImage", image / "vmlinuz")
    for name in NOT_KEPT:
        shutil.rmtree(folder / name, ignore_errors=True)
    run(["find", folder, "-name", "*.[ao]", "-delete"])
