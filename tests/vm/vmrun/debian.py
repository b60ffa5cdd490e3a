# SPDX-License-Identifier: MIT
"""Debian's kernels: fetched and unpacked into the cache folder, never installed.

For each kernel a private apt configuration with its own lists and an empty package status resolves
the newest kernel of the suite, its headers, and the compiler that the headers ask for. Everything
but the kernel itself is unpacked into one folder that serves as root of the build.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import VmError
from .host import run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org"
RECENT = 24 * 3600.0
TOOLS = ("make", "dash", "coreutils", "sed", "grep", "findutils", "mawk", "sparse")
GUEST_MODULES = (
    "net/9p/*",
    "fs/9p/*",
    "fs/netfs/*",
    "fs/fscache/*",
    "fs/overlayfs/*",
    "drivers/virtio/*",
    "drivers/block/virtio_blk.*",
)


@dataclass(frozen=True)
class Source:
    """Where a kernel comes from: lines for apt, and the meta packages to resolve."""

    suites: tuple[str, ...]
    image: str
    headers: str


BOOKWORM = ("debian bookworm main", "debian-security bookworm-security main")
KERNELS = {
    "6.1": Source(BOOKWORM, "linux-image-amd64", "linux-headers-amd64"),
    "6.12": Source(BOOKWORM, "linux-image-6.12-amd64", "linux-headers-6.12-amd64"),
    "sid": Source(("debian sid main",), "linux-image-amd64", "linux-headers-amd64"),
}


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel.

    folder/root has compiler and headers at their own paths, folder/image the kernel and the
    modules that the guest needs to reach the host's files.
    """

    release: str
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def headers(self) -> str:
        """Header folder as seen inside root."""
        return f"/usr/src/linux-headers-{self.release}"

    @property
    def vmlinuz(self) -> Path:
        found = sorted((self.folder / "image").rglob("vmlinuz*"))
        if not found:
            raise VmError(f"no kernel in {self.folder}; remove that folder and try again")
        return found[0]

    def module_files(self) -> dict[str, Path]:
        """Name of each guest module (as in depends=) and its file."""
        return {
            path.name.split(".")[0].replace("-", "_"): path
            for path in (self.folder / "image").rglob("*.ko*")
        }


def cache_folder() -> Path:
    """Folder for all that is fetched or built."""
    place = os.environ.get("TRAMPFD_VM_CACHE")
    return Path(place).absolute() if place else Path.home() / ".cache" / "trampfd" / "kernels"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Apt:
    """apt with its own sources, lists and cache, and nothing installed."""

    def __init__(self, folder: Path, suites: tuple[str, ...]) -> None:
        self.folder = folder
        self.config = folder / "apt.conf"
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(
            "".join(f"deb [arch=amd64 signed-by={KEYRING}] {MIRROR}/{suite}\n" for suite in suites)
        )
        self.config.write_text(
            f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
            'Dir::Etc::sourceparts "/dev/null";\n'
            'Dir::Etc::preferencesparts "/dev/null";\n'
            f'Dir::State "{folder}";\nDir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\n'
            'APT::Architecture "amd64";\nAPT::Install-Recommends "false";\n'
            'APT::Sandbox::User "";\nAcquire::Retries "3";\n'
        )

    def get(self, *words: str) -> str:
        return run(["apt-get", *words], env={"APT_CONFIG": str(self.config)})

    def resolve(self, packages: list[str]) -> list[str]:
        """File names of the packages and of all they depend on."""
        printed = self.get("install", "--print-uris", "-y", *packages)
        return re.findall(r"^'\S+' (\S+\.deb) ", printed, re.MULTILINE)

    def download(self, packages: list[str]) -> Path:
        """Fetches what resolve() names and returns the folder that it is in."""
        self.get("install", "--download-only", "-y", *packages)
        return self.folder / "cache" / "archives"


def unpack(package: Path, target: Path, *patterns: str) -> None:
    """Unpacks a package, or the files of it that match."""
    target.mkdir(parents=True, exist_ok=True)
    chosen = " ".join(f"'{pattern}'" for pattern in patterns)
    run(
        [
            "sh",
            "-c",
            'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --no-same-owner '
            f'--keep-directory-symlink --wildcards {chosen} || test -n "$3"',
            "sh",
            package,
            target,
            chosen,
        ]
    )


def unpack_image(package: Path, target: Path) -> None:
    """Unpacks the kernel and the few modules that the guest needs."""
    unpack(package, target, "*/vmlinuz*", *(f"*/kernel/{name}" for name in GUEST_MODULES))


def make_root(root: Path) -> None:
    """An empty root with /bin and the like being part of /usr."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "tmp", "build"):
        (root / name).mkdir()
    (root / "dev" / "null").touch()


def finish_root(root: Path) -> None:
    """The links that package scripts would have made."""
    for link, target in (("awk", "mawk"), ("sh", "dash")):
        path = root / "usr" / "bin" / link
        if not path.exists():
            path.symlink_to(target)


def is_image(name: str) -> bool:
    return bool(re.match(r"linux-(image|binary|modules)-", name))


def unpack_all(archives: Path, names: list[str], folder: Path) -> None:
    """Fills the folder of a kernel; it is complete or absent, whatever happens."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_root(partial / "root")
    for name in names:
        if is_image(name):
            unpack_image(archives / name, partial / "image")
        else:
            unpack(archives / name, partial / "root")
    finish_root(partial / "root")
    partial.rename(folder)


def release_of(names: list[str]) -> str:
    """Kernel release, from the file name of its image."""
    for name in names:
        found = re.match(r"linux-image-(\d+\.\d+\.\d[^_]*)_", name)
        if found:
            return found[1]
    raise VmError("apt resolved no kernel image; is the Debian mirror complete?")


def resolve_and_unpack(source: Source, cache: Path) -> Kernel:
    """Brings the newest kernel of the source into the cache."""
    apt = Apt(cache / "apt", source.suites)
    apt.get("update")
    packages = [source.image, source.headers, *TOOLS]
    names = apt.resolve(packages)
    version = next(name for name in names if name.startswith(source.headers + "_")).split("_")[1]
    folder = cache / f"{release_of(names)}_{version}"
    if not folder.exists():
        print(f"vm: fetching {release_of(names)} and its compiler", flush=True)
        unpack_all(apt.download(packages), names, folder)
        shutil.rmtree(cache / "apt" / "cache" / "archives")
    return Kernel(release_of(names), folder)


def fetch(name: str, *, refresh: bool) -> Kernel:
    """The newest kernel called name; from the cache alone while that is less than a day old.

    VmError when there is neither a network nor an earlier copy.
    """
    cache = cache_folder() / name
    current = cache / "current"
    with locked(cache):
        known = current.read_text().strip() if current.exists() else ""
        if known and not refresh and time.time() - current.stat().st_mtime < RECENT:
            return Kernel(known.split("_")[0], cache / known)
        try:
            kernel = resolve_and_unpack(KERNELS[name], cache)
        except VmError as error:
            if not known:
                raise
            print(f"vm: using the copy of {known}, as looking for a newer one failed: {error}")
            return Kernel(known.split("_")[0], cache / known)
        current.write_text(kernel.folder.name)
        return kernel
