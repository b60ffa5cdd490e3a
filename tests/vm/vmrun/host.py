# SPDX-License-Identifier: MIT
"""Tools of the host: running them, and installing what is absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Union

from . import VmError
from .machines import Machine

Word = Union[str, Path]

# An own mount namespace: /dev/null and /proc for what runs there, and nothing left mounted whatever
# happens. Without root it is root of an own user namespace.
IN_ROOT = """
mount --bind /dev/null "$0/dev/null" && mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"
"""

# tool -> Debian package
BUILD_TOOLS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
    "unshare": "util-linux",
    "chroot": "coreutils",
}
BOOT_TOOLS = {
    "busybox": "busybox-static",
    "cpio": "cpio",
    "gcc": "gcc",
    "make": "make",
    "xz": "xz-utils",
}


def run(
    words: Sequence[Word], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Runs a tool and returns what it printed; VmError with its output when it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        check=False,
    )
    if done.returncode:
        line = " ".join(str(word) for word in words[:8])
        raise VmError(f"{line} ... failed with status {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def enter(root: Path) -> list[Word]:
    """Words to put before a command that is to run in another root."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "sh", "-c", IN_ROOT, root]


def run_in(root: Path, words: Sequence[Word]) -> str:
    """Runs a tool of another root, and returns what it printed."""
    return run([*enter(root), *words], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})


def require_tools(machine: Machine, *, boot: bool) -> None:
    """Makes sure that the tools are there; root gets them installed."""
    boot_tools = {machine.qemu: machine.package, **BOOT_TOOLS}
    if not machine.is_native:
        # The C++ compiler brings the C library for that CPU with it.
        boot_tools[f"{machine.compiler}-g++"] = f"g++-{machine.compiler}"
    tools = {**BUILD_TOOLS, **(boot_tools if boot else {})}
    packages = sorted({package for tool, package in tools.items() if not shutil.which(tool)})
    if not packages:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise VmError("not installed here: " + " ".join(packages) + "; run: " + " ".join(install))
    print("vm: installing " + " ".join(packages), flush=True)
    run(["apt-get", "update"])
    run(install, env={"DEBIAN_FRONTEND": "noninteractive"})
