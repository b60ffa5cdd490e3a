# SPDX-License-Identifier: MIT
"""libffi with static trampolines: the static library of Debian sid's package libffi-dev.

It is fetched and unpacked into the cache folder; nothing is installed.
"""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

from debian import cache
from debian.apt import Apt, AptError, unpack


@dataclass(frozen=True)
class Library:
    """An unpacked package."""

    folder: Path

    @property
    def version(self) -> str:
        return self.folder.name

    @property
    def archive(self) -> Path:
        return next(self.folder.glob("usr/lib/*/libffi_pic.a"))

    @property
    def headers(self) -> Path:
        return next(self.folder.glob("usr/include/*/ffi.h")).parent


def _fetch(place: Path) -> Library:
    work = place / "apt"
    shutil.rmtree(work, ignore_errors=True)
    apt = Apt(work, ["debian sid main"], retries=1, timeout=300)
    apt.update()
    package = apt.download("libffi-dev")
    partial = place / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    unpack(package, partial)
    folder = place / package.name.split("_")[1]
    partial.rename(folder)
    shutil.rmtree(work)
    return Library(folder)


@functools.cache
def _found() -> Library | AptError:
    """One attempt is enough."""
    place = cache.folder() / "libffi-static"
    with cache.locked(place):
        for archive in sorted(place.glob("[0-9]*/usr/lib/*/libffi_pic.a"), reverse=True):
            return Library(archive.parents[3])
        try:
            return _fetch(place)
        except AptError as error:
            return AptError(f"Debian's package cannot be fetched: {error}")


def fetch() -> Library:
    """The library, from the cache if it is there.  Raises AptError without apt or network."""
    found = _found()
    if isinstance(found, AptError):
        raise found
    return found
