# SPDX-License-Identifier: MIT
"""The C library, built by meson and installed into a folder."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from support import build_cache, core

PREFIX = "/usr"


def build(
    source: Path, folder: Path, *options: str, environment: dict[str, str] | None = None
) -> Path:
    """Build `source` in `folder` and install it into a folder beside, which is returned."""
    target = folder.with_name(folder.name + "-installed")
    environment = {"CFLAGS": "-Werror", **(environment or {})}
    port = f"-Darch={os.environ.get('TRAMPFD_ARCH', '')}"
    for command in (
        ["setup", f"--prefix={PREFIX}", port, *options, folder, source],
        ["compile", "-C", folder],
        ["install", "--no-rebuild", "-C", folder, "--destdir", target],
    ):
        done = core.run(core.need("meson"), *command, environment=environment)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return target


@functools.cache
def installed() -> Path:
    core.need("ninja")
    key = (core.BACKEND, core.architecture())
    folder = build_cache.folder(key, lambda folder: build(core.BACKEND, folder / "build"))
    return folder / "build-installed"


def path(name: str) -> Path:
    """An installed file, by its name."""
    (found,) = (installed() / PREFIX[1:]).rglob(name)
    return found


def pkg_config(*arguments: str) -> list[str]:
    """What pkg-config says of the library, as if its folder were the system's root."""
    environment = {"PKG_CONFIG_PATH": str(path("trampfd.pc").parent)}
    prefix = f"--define-variable=prefix={installed()}{PREFIX}"
    return core.check(
        core.need("pkg-config"), prefix, *arguments, "trampfd", environment=environment
    ).split()
