# SPDX-License-Identifier: MIT
"""Virtual environments that find trampfd and cffi by a .pth file; nothing is installed in them."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trampfd
from support import scale

PACKAGE = Path(trampfd.__file__).parent


class Environment:
    """A virtual environment of a Python, which finds packages in `paths`."""

    def __init__(
        self, folder: Path, python: str = sys.executable, paths: Sequence[object] | None = None
    ) -> None:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        self.file = self.packages / "trampfd-enable.pth"
        package = self.packages / "trampfd_enable"
        self.modules = [package / "__init__.py", package / "_hook.py"]
        # The package first: an environment for development may have another one by a finder.
        self.find = self.packages / "a-find-trampfd.pth"
        paths = [PACKAGE.parent, *others()] if paths is None else paths
        self.find.write_text("".join(f"{path}\n" for path in paths))

    def run(
        self, *words: object, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python; it must succeed, unless `check` is false."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TRAMPFD_DISABLE")}
        done = subprocess.run(
            [str(self.python), *map(str, words)],
            env={**kept, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=scale.seconds(120),
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def trampfd(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "trampfd", *words, check=check)

    def disabled(self, *more: Path) -> str:
        """What `trampfd disable` prints."""
        files = [self.file, *more, *self.modules]
        return "".join(f"disabled: {file} is removed\n" for file in files)

    def remove_package(self) -> None:
        self.find.unlink()

    def replace_package(self, name: str, text: str) -> None:
        """Let the package be one file, at another place."""
        package = self.packages / "trampfd"
        package.mkdir()
        (package / name).write_text(text)
        self.remove_package()


def others() -> list[str]:
    """Where cffi, and the package's metadata, are."""
    return [path for path in sys.path if path in site.getsitepackages()]
