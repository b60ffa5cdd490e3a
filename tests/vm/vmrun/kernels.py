# SPDX-License-Identifier: MIT
"""Debian's kernels: fetched and unpacked into the cache folder, never installed.

For each kernel a private apt configuration with its own lists and an empty package status resolves
the newest kernel of the suite, its headers, and the compiler that the headers ask for. Everything
but the kernel itself is unpacked into one folder that serves as root of the build.  What builds is
always for x86-64; for a kernel of another CPU, that is a cross compiler.  Kernels for debugging are
built there once, from Debian's source.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from debian import cache
from debian.apt import Apt, AptError

from . import VmError, build
from .host import run
from .machines import AARCH64, X86_64, Machine

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
    "fs/ext4/*",
    "fs/jbd2/*",
    "fs/mbcache.*",
    "crypto/crc32c_generic.*",
    "lib/*crc*",
)
MARKER = "guest-modules"  # in the folder of a kernel: what was unpacked of its modules


@dataclass(frozen=True)
class Source:
    """Where a kernel comes from: lines for apt, and the meta packages to resolve.

    With configs, the image is the package of the source, and the kernel is built with them; there
    are no headers then.
    """

    suites: tuple[str, ...]
    image: str
    headers: str
    machine: Machine = X86_64
    configs: tuple[str, ...] = ()

    @property
    def is_cross(self) -> bool:
        """Is the kernel for another CPU than the programs that build?"""
        return self.machine != X86_64

    @property
    def packages(self) -> list[list[str]]:
        """What to unpack, one list after the other.

        Each is resolved by itself: headers ask for a compiler that runs on their own CPU, beside
        which no cross compiler can be installed.  Unpacked later, that takes its place.
        """
        if self.configs:
            return [[self.image, *TOOLS, *build.TOOLS]]
        if not self.is_cross:
            return [[self.image, self.headers, *TOOLS]]
        kernel = [self.image, self.headers, "busybox-static"]
        return [
            [f"{name}:{self.machine.debian}" for name in kernel],
            [f"gcc-{self.machine.compiler}", *TOOLS],
        ]

    @property
    def reports_races(self) -> bool:
        return RACES in self.configs

    @property
    def suffix(self) -> str:
        """Of the folder in the cache: another configuration is another kernel."""
        return f"_{build.digest(self.configs)}" if self.configs else ""


RACES = "kcsan"
BOOKWORM = ("debian bookworm main", "debian-security bookworm-security main")
TRIXIE = ("debian trixie main",)
KERNELS = {
    "6.1": Source(BOOKWORM, "linux-image-amd64", "linux-headers-amd64"),
    "6.12": Source(BOOKWORM, "linux-image-6.12-amd64", "linux-headers-6.12-amd64"),
    "sid": Source(("debian sid main",), "linux-image-amd64", "linux-headers-amd64"),
    # These report each wrong use of memory, each wrong order of locks, and each data race.
    "debug": Source(BOOKWORM, "linux-source-6.12", "", configs=("kasan",)),
    "debug-6.1": Source(BOOKWORM, "linux-source-6.1", "", configs=("kasan",)),
    "debug-sid": Source(("debian sid main",), "linux-source", "", configs=("kasan",)),
    "races": Source(BOOKWORM, "linux-source-6.12", "", configs=(RACES,)),
    # AArch64 with pages of 4 and of 16 KiB.  Debian has no kernel with pages of 64 KiB.
    "arm64": Source(TRIXIE, "linux-image-arm64", "linux-headers-arm64", AARCH64),
    "arm64-16k": Source(TRIXIE, "linux-image-arm64-16k", "linux-headers-arm64-16k", AARCH64),
}


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel.

    folder/root has compiler and headers at their own paths, folder/image the kernel and the
    modules that the guest needs to reach the host's files.
    """

    release: str
    folder: Path
    source: Source

    @property
    def machine(self) -> Machine:
        return self.source.machine

    @property
    def tools(self) -> str:
        """What names of the compiler and its tools in root begin with."""
        return f"{self.machine.compiler}-" if self.source.is_cross else ""

    @property
    def busybox(self) -> Path:
        """One that runs in the guest without libraries."""
        if self.source.is_cross:
            return self.root / "usr" / "bin" / "busybox"
        found = shutil.which("busybox")
        if not found:
            raise VmError("there is no busybox for the guest: install busybox-static")
        return Path(found)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def headers(self) -> str:
        """Header folder as seen inside root."""
        if self.source.configs:
            return build.BUILD
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


def unpack_all(archives: Path, names: list[str], folder: Path, configs: tuple[str, ...]) -> None:
    """Fills the folder of a kernel; it is complete or absent, whatever happens."""
    for left in folder.parent.glob("*.partial"):
        shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(folder.name + ".partial")
    make_root(partial / "root")
    for name in names:
        if is_image(name):
            unpack_image(archives / name, partial / "image")
        else:
            unpack(archives / name, partial / "root")
    finish_root(partial / "root")
    if configs:
        print("vm: building it, which takes ten minutes", flush=True)
        build.build_kernel(partial / "root", configs, partial / "image")
    (partial / MARKER).write_text("\n".join(GUEST_MODULES))
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def is_complete(folder: Path, source: Source) -> bool:
    """Has it the modules that guests need now?  One that is built here needs none."""
    if source.configs:
        return folder.exists()
    marker = folder / MARKER
    return marker.exists() and marker.read_text() == "\n".join(GUEST_MODULES)


def release_of(names: list[str]) -> str:
    """Kernel release, from the file name of its image or source."""
    for name in names:
        found = re.match(r"linux-image-(\d+\.\d+\.\d[^_]*)_", name) or re.match(
            r"linux-source-[\d.]+_(\d+\.\d+\.\d+)-", name
        )
        if found:
            return found[1]
    raise VmError("apt resolved no kernel image; is the Debian mirror complete?")


def resolve_and_unpack(source: Source, place: Path) -> Kernel:
    """Brings the newest kernel of the source into that folder of the cache."""
    # Of an attempt that failed; apt does not name packages that are there already.
    shutil.rmtree(place / "apt" / "cache", ignore_errors=True)
    apt = Apt(
        place / "apt",
        source.suites,
        architecture=X86_64.debian,
        foreign=source.machine.debian if source.is_cross else "",
        timeout=3600,
    )
    apt.update()
    names = [name for packages in source.packages for name in apt.resolve(packages)]
    package = source.headers or source.image
    version = next(name for name in names if name.startswith(package + "_")).split("_")[1]
    folder = place / f"{release_of(names)}_{version}{source.suffix}"
    if not is_complete(folder, source):
        print(f"vm: fetching {release_of(names)} and what belongs to it", flush=True)
        for packages in source.packages:
            archives = apt.download_all(packages)
        unpack_all(archives, names, folder, source.configs)
        shutil.rmtree(place / "apt" / "cache")
    return Kernel(release_of(names), folder, source)


def fetch(name: str, *, refresh: bool) -> Kernel:
    """The newest kernel called name; from the cache alone while that is less than a day old.

    VmError when there is neither a network nor an earlier copy.
    """
    source = KERNELS[name]
    place = cache.folder() / "kernels" / name
    current = place / "current"
    with cache.locked(place):
        known = current.read_text().strip() if current.exists() else ""
        if not known.endswith(source.suffix) or not is_complete(place / known, source):
            known = ""
        if known and not refresh and time.time() - current.stat().st_mtime < RECENT:
            return Kernel(known.split("_")[0], place / known, source)
        try:
            kernel = resolve_and_unpack(source, place)
        except (AptError, VmError) as error:
            if not known:
                raise VmError(str(error)) from error
            print(f"vm: using the copy of {known}, as looking for a newer one failed: {error}")
            return Kernel(known.split("_")[0], place / known, source)
        current.write_text(kernel.folder.name)
        return kernel
