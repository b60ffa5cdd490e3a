# SPDX-License-Identifier: MIT
"""The names of what is compiled for."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What wheels for a system are called, and what the compiler calls it.
SYSTEMS = {"manylinux_2_27": "gnu.2.27", "musllinux_1_2": "musl"}

# CPython 3, and "t" without a global lock.
PYTHONS = ("9", "10", "11", "12", "13", "13t", "14", "14t")

# CPUs, and what Debian calls them.
CPUS = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Target:
    minor: int  # of CPython 3
    threads: str  # "t" for a CPython without a global lock
    system: str
    cpu: str

    @property
    def version(self) -> str:
        return f"3.{self.minor}"

    @property
    def is_musl(self) -> bool:
        return self.system.startswith("musl")

    @property
    def platform(self) -> str:
        return f"{self.system}_{self.cpu}"

    @property
    def triple(self) -> str:
        return f"{self.cpu}-linux-{SYSTEMS[self.system]}"

    @property
    def host(self) -> str:
        """As configure scripts call it."""
        return re.sub(r"\.[\d.]+$", "", self.triple)


def parse(text: str) -> Target:
    """Of a name such as cp313t-musllinux_1_2_aarch64.  Raises ValueError."""
    found = re.fullmatch(rf"cp3(\d+)(t?)-(\w+?)_({'|'.join(CPUS)})", text)
    if found is None or found[3] not in SYSTEMS:
        raise ValueError(f"there is no target {text}: known are {', '.join(SYSTEMS)}")
    return Target(int(found[1]), found[2], found[3], found[4])


def names() -> list[str]:
    """Of all targets that wheels are published for."""
    return [
        f"cp3{python}-{system}_{cpu}" for system in SYSTEMS for cpu in CPUS for python in PYTHONS
    ]
