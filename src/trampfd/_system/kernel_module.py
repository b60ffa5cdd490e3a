# SPDX-License-Identifier: MIT
"""The kernel module: is it there, and if the kernel does not load it, which key is missing?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .fact import ABSENT, UNKNOWN, Fact, absent, from_file, unknown
from .hardening import lockdown

_KEYS = "proc/keys"
_KIND = f" {'asymmetric':.9} "  # as wide as the column is


@dataclass(frozen=True)
class KernelModule:
    """The optional part in the kernel: whether it would be loaded.

    file: of the module, installed for the running kernel.
    signatures: whether the kernel takes only signed modules.
    signer: the name of the key that the file is signed with.
    key: whether the kernel has a key of that name.
    rejected: whether the kernel refuses to load the file; the note says why, and what to do.
    """

    file: Fact[str]
    signatures: Fact[bool]
    signer: Fact[str]
    key: Fact[bool]
    rejected: Fact[bool]


def look(root: Path = Path("/"), release: str = "") -> KernelModule:
    """Read what is below ``root``, for the kernel of that release (default: the running one)."""
    file = _file(root, release or os.uname().release)
    signatures = _signatures(root)
    signer = _signer(file)
    key = _key(root, signer)
    return KernelModule(file, signatures, signer, key, _rejected(file, signatures, signer, key))


def _found(folder: Path) -> Iterator[Path]:
    for place in ("updates", "extra", "kernel"):
        yield from sorted((folder / place).rglob("trampfd.ko*"))


def _file(root: Path, release: str) -> Fact[str]:
    folder = root / "lib/modules" / release
    for path in _found(folder):
        return Fact(str(path))
    return absent(f"no trampfd.ko in {folder}")


def _signatures(root: Path) -> Fact[bool]:
    """A kernel insists on them by a parameter, or when it is locked down, as under Secure Boot."""
    parameter = root / "sys/module/module/parameters/sig_enforce"
    enforced = from_file(parameter, lambda text: Fact({"Y": True, "N": False}[text]))
    if enforced.value:
        return Fact(True, "module.sig_enforce")
    if lockdown(root).value not in (None, "none"):
        return Fact(True, "the kernel is locked down")
    return absent("this kernel knows no signatures") if enforced.state == ABSENT else enforced


def _signer(file: Fact[str]) -> Fact[str]:
    if file.value is None:
        return absent(file.note)
    # Users other than root seldom have these folders in their path.
    path = os.pathsep.join([*os.get_exec_path(), "/usr/sbin", "/sbin"])
    modinfo = shutil.which("modinfo", path=path)
    if not modinfo:
        return unknown("modinfo is not installed (package kmod)")
    try:
        done = subprocess.run(
            [modinfo, "-F", "signer", file.value], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        return unknown(f"modinfo: {getattr(error, 'stderr', '') or error}".strip())
    signer = done.stdout.strip()
    return Fact(signer) if signer else absent("the file is not signed")


def _key(root: Path, signer: Fact[str]) -> Fact[bool]:
    """Of /proc/keys, which shows root the keys of the kernel by their names."""
    if signer.value is None:
        return Fact(None, signer.note, signer.state)
    line = re.compile(_KIND + re.escape(signer.value) + ": ")

    def find(text: str) -> Fact[bool]:
        if _KIND not in text:
            return unknown(f"{root / _KEYS} shows no key of the kernel; root sees them")
        return Fact(bool(line.search(text)))

    return from_file(root / _KEYS, find)


_REFUSED = "modprobe: Key was rejected by service"
_ENROL = "mokutil --import /var/lib/dkms/mok.pub, then restart and choose Enroll MOK"


def _rejected(
    file: Fact[str], signatures: Fact[bool], signer: Fact[str], key: Fact[bool]
) -> Fact[bool]:
    if file.value is None:
        return absent(file.note)
    if not signatures.value:
        return Fact(False) if signatures.state != UNKNOWN else unknown(signatures.note)
    if signer.state == ABSENT:
        return Fact(True, f"{_REFUSED}; it is not signed, which DKMS does")
    if key.value is False:
        return Fact(True, f"{_REFUSED}; the kernel has no key {signer.value!r}: {_ENROL}")
    return Fact(False) if key.value else unknown(key.note)
