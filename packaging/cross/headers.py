# SPDX-License-Identifier: MIT
"""CPython's headers for a target: Debian's for the CPU, or those of an installed Python.

Headers do not depend on the CPU but for pyconfig.h.  Those of Debian's packages for amd64 and for
arm64 differ in the macros below, and in some that no header looks at.  The C library makes no
difference to what headers look at.  Without a global lock, Py_GIL_DISABLED is defined, and all else
is the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from debian import cache
from debian.apt import Apt, unpack

from cross.target import CPUS, Target

# Releases whose Python has this version.
SUITES = {9: "bullseye", 11: "bookworm", 13: "trixie", 14: "sid", 15: "sid"}

OF_A_CPU = ("HAVE_GCC_ASM_FOR_X64", "HAVE_GCC_ASM_FOR_X87", "HAVE_USABLE_WCHAR_T")

# Of a header that the compiler has not: CPython before 3.11 includes it.
ABSENT = "HAVE_CRYPT_H"


def _undefine(folder: Path, *macros: str) -> None:
    with open(folder / "pyconfig.h", "a", encoding="ascii") as configuration:
        configuration.writelines(f"#undef {macro}\n" for macro in macros)


def _from_debian(target: Target, folder: Path) -> None:
    debian = CPUS[target.cpu]
    place = cache.folder() / "cross" / f"python{target.version}-{debian}"
    with cache.locked(place):
        if not (place / "usr").exists():
            suites = [f"debian {SUITES[target.minor]} main"]
            apt = Apt(place / "apt", suites, architecture=debian)
            apt.update()
            unpack(apt.download(f"libpython{target.version}-dev"), place / "partial")
            (place / "partial/usr").rename(place / "usr")
            shutil.rmtree(place / "apt")
    include = place / "usr/include"
    shutil.copytree(include / f"python{target.version}", folder)
    (configuration,) = include.glob(f"*-linux-gnu/python{target.version}/pyconfig.h")
    shutil.copy(configuration, folder)


def _installed(version: str) -> Iterator[str]:
    """Pythons of that version: the first in PATH, and pyenv's."""
    name = f"python{version}"
    yield name
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(str(path) for path in root.glob(f"versions/{version}.*/bin/{name}"))


def _from_here(target: Target, folder: Path) -> None:
    code = "import sysconfig; print(sysconfig.get_config_var('INCLUDEPY'))"
    for python in _installed(target.version):
        try:
            found = subprocess.check_output(
                [python, "-c", code], stderr=subprocess.DEVNULL, text=True
            ).strip()
        except (OSError, subprocess.CalledProcessError):
            continue
        if Path(found, "Python.h").exists():
            break
    else:
        raise SystemExit(f"Debian has no headers of CPython {target.version}: install that Python")
    shutil.copytree(found, folder)
    _undefine(folder, *OF_A_CPU)


def write(target: Target, folder: Path) -> None:
    """Into `folder`, which must not exist."""
    if target.minor in SUITES:
        _from_debian(target, folder)
    else:
        _from_here(target, folder)
    _undefine(folder, ABSENT)
    if target.threads:
        with open(folder / "pyconfig.h", "a", encoding="ascii") as configuration:
            configuration.write("#define Py_GIL_DISABLED 1\n")
