# SPDX-License-Identifier: MIT
"""apt beside the system's: its own sources, lists and cache, and a status with nothing installed.

It fetches packages and sources of any suite of Debian, on Debian or on a relative of it, and never
installs one. Of the system's apt it uses the programs and the key of Debian's archive only.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org"

# A mirror that is late, or a clock that is ahead, does no harm here.
CONFIGURATION = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architectures}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "{retries}";
"""


class AptError(Exception):
    """What could not be had, in one line."""


def run(
    *command: object, folder: Path | None = None, config: Path | None = None, timeout: float = 600
) -> str:
    """Run a tool of apt or dpkg in a folder, and return what it printed.

    Raises AptError with the first message, or with how the tool ended.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    if config is not None:
        environment["APT_CONFIG"] = str(config)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AptError(str(error)) from error
    # Versions of apt-get that do not know the error mode end an update with 0 when there is no
    # network, and use old lists.
    if done.returncode or "Failed to fetch" in done.stderr:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
        said = [*lines, *done.stderr.splitlines(), f"it ended with {done.returncode}"]
        raise AptError(f"{command[0]}: {said[0]}")
    return done.stdout


def native_architecture() -> str:
    """Debian's name of this machine's."""
    return run("dpkg", "--print-architecture").strip()


def release() -> str:
    """The suite of Debian that this system is, "sid" for what is not released yet.

    Raises AptError on other systems.
    """
    version = Path("/etc/debian_version")
    if version.exists() and "/sid" in version.read_text():
        return "sid"
    text = Path("/etc/os-release").read_text()
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    if values.get("ID") != "debian" or not values.get("VERSION_CODENAME"):
        raise AptError("this is not Debian")
    return str(values["VERSION_CODENAME"])


class Apt:
    """apt that keeps everything in one folder.

    suites: as in a line of sources.list, after the mirror: ``debian sid main``.
    sources: fetch source packages, and no binary ones.
    foreign: another architecture; its packages are named with it, as in ``busybox:arm64``.
    """

    def __init__(
        self,
        folder: Path,
        suites: Sequence[str],
        *,
        sources: bool = False,
        architecture: str = "",
        foreign: str = "",
        retries: int = 3,
        timeout: float = 600,
    ) -> None:
        architecture = architecture or native_architecture()
        self.folder = folder
        self._config = folder / "apt.conf"
        self._timeout = timeout
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        kind = "deb-src" if sources else "deb"
        lines = [f"{kind} [signed-by={KEYRING}] {MIRROR}/{suite}\n" for suite in suites]
        (folder / "sources.list").write_text("".join(lines))
        self._config.write_text(
            CONFIGURATION.format(
                folder=folder,
                architecture=architecture,
                architectures='"; "'.join(filter(None, (architecture, foreign))),
                retries=retries,
            )
        )

    def get(self, *words: str) -> str:
        """Run apt-get in the folder, and return what it printed."""
        return run(
            "apt-get",
            "-q",
            *words,
            folder=self.folder,
            config=self._config,
            timeout=self._timeout,
        )

    def update(self) -> None:
        self.get("update")

    def resolve(self, packages: Sequence[str]) -> list[str]:
        """File names of the packages and of all they depend on."""
        printed = self.get("install", "--print-uris", "-y", *packages)
        return re.findall(r"^'\S+' (\S+\.deb) ", printed, re.MULTILINE)

    def download_all(self, packages: Sequence[str]) -> Path:
        """Fetch what resolve() names, and return the folder that it is in."""
        self.get("install", "--download-only", "-y", *packages)
        return self.folder / "cache" / "archives"

    def download(self, package: str) -> Path:
        """Fetch one package without what it depends on, and return its file."""
        self.get("download", package)
        return next(self.folder.glob(f"{package}_*.deb"))

    def download_source(self, package: str, version: str = "") -> Path:
        """Fetch the upstream archive of a source package, and return it."""
        wanted = f"{package}={version}" if version else package
        self.get("source", "--download-only", "--tar-only", wanted)
        return next(self.folder.glob(f"{package}_*.orig.tar.*[!c]"))  # not its signature, .asc

    def unpack_source(self, package: str) -> Path:
        """Fetch a source package, and return its folder, in which Debian's patches are applied."""
        self.get("source", package)
        return next(path for path in self.folder.glob(f"{package}-*") if path.is_dir())


def unpack(package: Path, folder: Path) -> None:
    run("dpkg-deb", "-x", package, folder)
