# SPDX-License-Identifier: MIT
"""What ``trampfd doctor`` says of the kernel module: is it installed, and would it be loaded?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trampfd._system import kernel_module
from trampfd._system.fact import ABSENT, UNKNOWN, Fact

pytestmark = pytest.mark.any_provider


def write(root: Path, **files: str) -> None:
    """Write files below ``root``; in their names ``__`` stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


KIND = f"{'asymmetric':.9}"  # as wide as the column is
KEYS = (
    f"1a39e171 I------     1 perm 1f030000     0     0 {KIND} Debian Secure Boot CA:"
    " 6ccece7e4c6c0d1f: X509.rsa cbb419ea1 []\n"
)
DKMS = f"1a39e172 I------  1 perm 1f030000  0  0 {KIND} DKMS module signing key: 7: X509 7 []\n"


@pytest.fixture
def installed_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A system with a module that has this signer, with these keys and settings of the kernel."""

    def make(signer: str, keys: str, **files: str) -> Any:
        write(
            tmp_path,
            **{"lib__modules__7__updates__dkms__trampfd.ko.xz": ""},
            proc__keys=keys,
            bin__modinfo=f"#!/bin/sh\necho '{signer}'\n",
            **files,
        )
        (tmp_path / "bin/modinfo").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        return kernel_module.look(tmp_path, "7")

    return make


LOCKED = {"sys__kernel__security__lockdown": "none [integrity] confidentiality\n"}
FREE = {
    "sys__kernel__security__lockdown": "[none] integrity confidentiality\n",
    "sys__module__module__parameters__sig_enforce": "N\n",
}
ENFORCED = {**FREE, "sys__module__module__parameters__sig_enforce": "Y\n"}


@pytest.mark.parametrize("policy", [LOCKED, ENFORCED])
def test_a_module_whose_key_the_kernel_lacks(installed_module: Any, policy: Any) -> None:
    facts = installed_module("DKMS module signing key", KEYS, **policy)
    assert facts.file.value.endswith("trampfd.ko.xz")
    assert facts.signatures.value is True
    assert facts.signer.value == "DKMS module signing key"
    assert facts.key.value is False
    assert facts.rejected.value is True
    assert "Key was rejected by service" in facts.rejected.note
    assert "'DKMS module signing key'" in facts.rejected.note
    assert "mokutil --import" in facts.rejected.note


def test_a_module_whose_key_is_enrolled(installed_module: Any) -> None:
    facts = installed_module("DKMS module signing key", KEYS + DKMS, **LOCKED)
    assert facts.key.value is True
    assert facts.rejected == Fact(False)


def test_a_kernel_that_takes_unsigned_modules(installed_module: Any) -> None:
    facts = installed_module("", KEYS, **FREE)
    assert facts.signatures.value is False
    assert facts.signer.state == ABSENT
    assert facts.rejected == Fact(False)


def test_an_unsigned_module_is_rejected(installed_module: Any) -> None:
    facts = installed_module("", KEYS, **LOCKED)
    assert facts.rejected.value is True
    assert "not signed" in facts.rejected.note


def test_keys_that_the_user_cannot_see(installed_module: Any) -> None:
    facts = installed_module("DKMS module signing key", "", **LOCKED)
    assert facts.key.state == UNKNOWN
    assert facts.rejected.state == UNKNOWN


def test_no_module(tmp_path: Path) -> None:
    facts = kernel_module.look(tmp_path, "7")
    assert facts.file.state == ABSENT
    assert facts.rejected.state == ABSENT
    assert "lib/modules/7" in facts.rejected.note
