# SPDX-License-Identifier: MIT
"""libffi with static trampolines: the static library of Debian sid's package libffi-dev.

Fetched by apt, with configuration and lists of its own, and unpacked into the cache folder;
nothing is installed.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from absent import Absent

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCE = f"deb [arch=amd64 signed-by={KEYRING}] http://deb.debian.org/debian sid main\n"
TIMEOUT = 300  # seconds


@dataclass(frozen=True)
class Library:
    """An unpacked package."""

    folder: Path

    @property
    def version(self) -> str:
        return self.folder.name

    @property
    def archive(self) -> Path:
        return self.folder / "usr/lib/x86_64-linux-gnu/libffi_pic.a"

    @property
    def headers(self) -> Path:
        return self.folder / "usr/include/x86_64-linux-gnu"


def _cache() -> Path:
    base = os.environ.get("TRAMPFD_CACHE")
    return (Path(base) if base else Path.home() / ".cache" / "trampfd") / "libffi-static"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _configure(folder: Path) -> Path:
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "archives/partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(SOURCE)
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\nDir::Etc::preferencesparts "/dev/null";\n'
        f'Dir::State "{folder}";\nDir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}";\nAPT::Architecture "amd64";\nAPT::Sandbox::User "";\n'
        'Acquire::Languages "none";\nAcquire::Retries "1";\n'
    )
    return configuration


def _run(*command: object, configuration: Path) -> None:
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"},
            cwd=configuration.parent,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"Debian's package cannot be fetched: {error}") from error
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
    # apt-get update ends with 0 and old lists when there is no network.
    if done.returncode or "Failed to fetch" in done.stderr:
        reason = lines[0] if lines else f"{command[0]} ended with {done.returncode}"
        raise Absent(f"Debian's package cannot be fetched: {reason}")


def _fetch(cache: Path) -> Library:
    work = cache / "apt"
    shutil.rmtree(work, ignore_errors=True)
    configuration = _configure(work)
    _run("apt-get", "update", "-q", configuration=configuration)
    _run("apt-get", "download", "-q", "libffi-dev", configuration=configuration)
    package = next(work.glob("libffi-dev_*.deb"))
    partial = cache / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    _run("dpkg-deb", "-x", package, partial, configuration=configuration)
    folder = cache / package.name.split("_")[1]
    partial.rename(folder)
    shutil.rmtree(work)
    return Library(folder)


@functools.cache
def _found() -> Library | Absent:
    """One attempt is enough."""
    cache = _cache()
    with _locked(cache):
        for archive in sorted(cache.glob("[0-9]*/usr/lib/*/libffi_pic.a"), reverse=True):
            return Library(archive.parents[3])
        try:
            return _fetch(cache)
        except Absent as reason:
            return reason


def fetch() -> Library:
    """The library, from the cache if it is there.  Raises Absent without apt or network."""
    found = _found()
    if isinstance(found, Absent):
        raise found
    return found
