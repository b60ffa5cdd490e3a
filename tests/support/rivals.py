# SPDX-License-Identifier: MIT
"""The libraries that the programs of ``tests/modes`` run with: two of libffi, and trampfd.

The libffi with static trampolines is Debian sid's: its objects, as Debian has compiled them, are
linked to a shared library with this system's C library, which may be older than theirs.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from debian import libffi_static
from debian.apt import AptError

import trampfd
from support import core, library, preload

MODES = core.TESTS / "modes"
SONAME = "libffi.so.8"

# Where the slots of the table come from, the first resort first.
SOURCES = ("built in", "own file", "memfd")


class Unavailable(Exception):
    """Why a rival cannot be had."""


def _copy(path: Path, folder: Path, name: str) -> Path:
    """For the program to spoil."""
    return Path(shutil.copyfile(path, folder / name))


@dataclass(frozen=True)
class Libffi:
    """A shared libffi, which takes the place of the system's."""

    name: str
    version: str
    file: Path

    def environment(self, folder: Path) -> dict[str, str]:
        """What makes a C program use the copy of the library that is put into the folder."""
        copy = _copy(self.file, folder, SONAME)
        return {"LD_LIBRARY_PATH": str(folder), "MODE_LIBRARY": str(copy)}

    def python(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        """The same for a Python program: words that start it, and its environment."""
        return [sys.executable], self.environment(folder)


@dataclass(frozen=True)
class Trampfd:
    """trampfd: its preload library for C programs, and ``trampfd run`` for those in Python."""

    name: str
    source: str
    settings: dict[str, str] = field(default_factory=dict)
    version: str = trampfd.__version__

    def environment(self, folder: Path) -> dict[str, str]:
        copy = _copy(library.path(preload.FFI), folder, preload.FFI)
        more = [_use_up()] if "MODE_SOURCE" in self.settings else []
        return {
            "LD_PRELOAD": " ".join(map(str, [copy, *more])),
            "MODE_LIBRARY": str(copy),
            "TRAMPFD_DEBUG": "1",
            **self.settings,
        }

    def python(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        package = Path(trampfd.__file__).parent
        shutil.copytree(package, folder / package.name)
        path = os.pathsep.join([str(folder), *filter(None, sys.path)])
        return [sys.executable, "-m", "trampfd", "run"], {"PYTHONPATH": path, **self.settings}


Rival = Union[Libffi, Trampfd]


def _use_up() -> Path:
    """It names the preload library, which the loader initialises first then."""
    flags = ("-shared", "-fPIC", "-Wl,--no-as-needed", *preload.linked())
    return preload.compiled(MODES / "use_up.c", *flags)


def of_trampfd(provider: str) -> list[Trampfd]:
    """trampfd with a provider; with the table, once for each source of its slots."""
    if provider != "table":
        return [Trampfd(f"trampfd, {provider}", provider, {"TRAMPFD_PROVIDER": provider})]
    first, *others = SOURCES
    settings = {"TRAMPFD_PROVIDER": provider}
    return [
        Trampfd(f"trampfd, {first}", first, settings),
        *(Trampfd(f"trampfd, {name}", name, {**settings, "MODE_SOURCE": name}) for name in others),
    ]


@functools.cache
def stock() -> Libffi:
    """The system's libffi."""
    version = core.check("pkg-config", "--modversion", "libffi").strip()
    return Libffi("libffi", version, preload.libffi())


@functools.cache
def with_static_trampolines() -> Libffi:
    try:
        debian = libffi_static.fetch()
    except AptError as error:
        raise Unavailable(f"libffi with static trampolines: {error}") from None
    command = [
        *("cc", "-shared", "-fPIC", "-o", SONAME, f"-Wl,-soname,{SONAME}", "-Wl,-z,defs"),
        f"-Wl,--version-script={MODES / 'libffi.map'}",
        core.TESTS.parent / "benchmarks" / "c" / "glibc_c23.c",
        *("-Wl,--whole-archive", debian.archive, "-Wl,--no-whole-archive"),
    ]
    file = core.compiled(*command) / SONAME
    return Libffi("libffi with static trampolines", debian.version, file)
