# SPDX-License-Identifier: MIT
"""libffi for a target: a static library, compiled from Debian's source package."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import core_sources
from debian import cache
from debian.apt import Apt

from cross import compiler
from cross.target import Target

SUITE = "trixie"

PC = """\
Name: libffi
Description: libffi for a wheel: static, and none of its names exported
Version: {version}
Cflags: -I{folder}/include
Libs: {folder}/lib/libffi.a
"""


@dataclass(frozen=True)
class Library:
    """Installed in a folder."""

    folder: Path
    source: Path

    @property
    def package_version(self) -> str:
        return self.source.parent.name

    @property
    def version(self) -> str:
        return self.package_version.rsplit("-", 1)[0]

    @property
    def licence(self) -> Path:
        return self.source / "LICENSE"

    def write_pc(self, path: Path) -> None:
        path.write_text(PC.format(version=self.version, folder=self.folder))


def _source() -> Path:
    """The unpacked package, with Debian's patches, in a folder with the name of its version."""
    place = cache.folder() / "cross" / f"libffi-{SUITE}"
    with cache.locked(place):
        found = [*place.glob("*/libffi-*/configure")]
        if not found:
            work = place / "apt"
            shutil.rmtree(work, ignore_errors=True)
            apt = Apt(work, [f"debian {SUITE} main"], sources=True)
            apt.update()
            unpacked = apt.unpack_source("libffi")
            (description,) = work.glob("libffi_*.dsc")
            if not (unpacked / "configure").exists():
                _run(["autoreconf", "--install"], unpacked, {})
            version = description.stem.partition("_")[2]
            (place / version).mkdir()
            unpacked.rename(place / version / unpacked.name)
            shutil.rmtree(work)
            found = [*place.glob("*/libffi-*/configure")]
    return found[0].parent


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _build(target: Target, source: Path, folder: Path) -> None:
    work = folder.with_name(folder.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    compiler.write(target, work)
    hardening = ("hardening.txt", f"arch/{target.cpu}/hardening.txt")
    flags = " ".join((core_sources.BACKEND / name).read_text().strip() for name in hardening)
    environment = {
        "CC": str(work / "cc"),
        "AR": f"{compiler.ZIG} ar",
        "RANLIB": f"{compiler.ZIG} ranlib",
        # Without flags it takes those for the CPU of this machine.
        "CFLAGS": f"-O2 -fPIC {flags} -ffile-prefix-map={source}=libffi",
    }
    configure = [
        str(source / "configure"),
        f"--host={target.host}",
        f"--prefix={folder}",
        "--disable-shared",
        "--disable-docs",
        "--disable-multi-os-directory",
    ]
    _run(configure, work, environment)
    _run(["make", "-s", f"-j{os.cpu_count()}", "install"], work, environment)
    shutil.rmtree(work)


def build(target: Target) -> Library:
    """Compiled, or as it was compiled before."""
    source = _source()
    name = f"libffi-{source.parent.name}-{target.platform}"
    folder = cache.folder() / "cross" / name
    with cache.locked(folder.with_name(name + "-lock")):
        if not folder.exists():
            _build(target, source, folder)
    return Library(folder, source)
