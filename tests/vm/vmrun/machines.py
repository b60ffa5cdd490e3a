# SPDX-License-Identifier: MIT
"""The machines that QEMU emulates: one for each CPU that a guest may have."""

from __future__ import annotations

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """`debian` is Debian's name of its CPU, and `cpu` the kernel's."""

    debian: str
    cpu: str
    board: tuple[str, ...]
    emulated_cpu: str
    parameters: str  # for the kernel
    package: str  # of Debian, with QEMU for it
    compiler: str  # what names of cross compilers begin with

    @property
    def qemu(self) -> str:
        return f"qemu-system-{self.cpu}"

    @property
    def is_native(self) -> bool:
        """Does this machine run its programs?"""
        return platform.machine() == self.cpu


X86_64 = Machine(
    debian="amd64",
    cpu="x86_64",
    board=("-M", "q35"),
    emulated_cpu="max",
    # tsc: it is the host's; an emulated clock takes longer.
    parameters="console=ttyS0 tsc=reliable",
    package="qemu-system-x86",
    compiler="x86_64-linux-gnu",
)

# Signatures of pointers by QEMU's own method: that of the architecture takes most of the time.
AARCH64 = Machine(
    debian="arm64",
    cpu="aarch64",
    board=("-M", "virt"),
    emulated_cpu="max,pauth-impdef=on",
    parameters="console=ttyAMA0",
    package="qemu-system-arm",
    compiler="aarch64-linux-gnu",
)
