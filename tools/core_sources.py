# SPDX-License-Identifier: MIT
"""The C files of each part of cbackend: the lists that meson.build reads too.

For setup.py, the tests and the benchmarks.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

BACKEND = Path(__file__).resolve().parent.parent / "cbackend"


@dataclass(frozen=True)
class Target:
    """The folder in cbackend/arch for a CPU, and that in cbackend/libc for a C library."""

    arch: str
    libc: str

    def include_folders(self) -> list[Path]:
        folders = ("include", "", f"arch/{self.arch}", f"libc/{self.libc}")
        return [BACKEND / folder for folder in folders]

    def include_flags(self) -> list[str]:
        return [f"-I{folder}" for folder in self.include_folders()]


def target(compiler: list[str]) -> Target:
    """What this compiler compiles for; TRAMPFD_ARCH names another folder in cbackend/arch.

    Raises RuntimeError with one sentence where trampfd does not work.
    """
    command = [*compiler, "-E", "-P", "-x", "c", "-"]
    text = f'#include "{BACKEND / "supported.h"}"\nunsupported TRAMPFD_UNSUPPORTED\n'
    text += "arch TRAMPFD_ARCH\nlibc TRAMPFD_LIBC\n"
    try:
        output = subprocess.run(
            command, input=text, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"trampfd needs a C compiler: {error}.") from None
    found = dict(re.findall(r'^(\w+) "(.*)"$', output, re.MULTILINE))
    if "unsupported" in found:
        raise RuntimeError(found["unsupported"])
    return Target(os.environ.get("TRAMPFD_ARCH") or found["arch"], found["libc"])


def _listed(name: str) -> list[Path]:
    return [BACKEND / line for line in (BACKEND / name).read_text().split()]


def portable(part: str) -> list[Path]:
    """Of a part: "core", "linked" (what calls libffi), "nested", "preload" or "shared"."""
    return _listed(f"sources/{part}.txt")


def of_architecture(arch: str, part: str = "sources") -> list[Path]:
    """What belongs to the core, to "linked" or to "preload", of one architecture."""
    return _listed(f"arch/{arch}/{part}.txt")


def lacks(arch: str, what: str) -> bool:
    """Whether that port has an answer of arch/generic/ in place of a feature, such as "plan"."""
    parts = (of_architecture(arch, part) for part in ("sources", "preload"))
    return any(path.name == f"no_{what}.c" for paths in parts for path in paths)


def core(arch: str) -> list[Path]:
    """All that the extension, and a program that is linked with the core, consists of."""
    linked = [*portable("linked"), *of_architecture(arch, "linked")]
    paths = [*portable("core"), *linked, *of_architecture(arch)]
    # One command may compile all of them into one folder, which has room for one object of a name.
    if len({path.stem for path in paths}) < len(paths):
        raise RuntimeError(f"two files of the core have one name: {sorted(map(str, paths))}")
    return paths
