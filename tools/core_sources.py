# SPDX-License-Identifier: MIT
"""The C files of each part of cbackend: the lists that meson.build reads too.

For setup.py, the tests and the benchmarks.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

BACKEND = Path(__file__).resolve().parent.parent / "cbackend"


def architecture(compiler: list[str]) -> str:
    """The folder in cbackend/arch for what this compiler compiles for, or that of TRAMPFD_ARCH.

    Raises RuntimeError with one sentence where trampfd does not work.
    """
    command = [*compiler, "-E", "-P", "-x", "c", "-"]
    text = f'#include "{BACKEND / "supported.h"}"\nunsupported TRAMPFD_UNSUPPORTED\n'
    text += "arch TRAMPFD_ARCH\n"
    try:
        output = subprocess.run(
            command, input=text, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"trampfd needs a C compiler: {error}.") from None
    found = dict(re.findall(r'^(\w+) "(.*)"$', output, re.MULTILINE))
    if "unsupported" in found:
        raise RuntimeError(found["unsupported"])
    return os.environ.get("TRAMPFD_ARCH") or found["arch"]


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


def include_flags(arch: str) -> list[str]:
    return [f"-I{folder}" for folder in include_folders(arch)]


def include_folders(arch: str) -> list[Path]:
    return [BACKEND / "include", BACKEND, BACKEND / "arch" / arch]
