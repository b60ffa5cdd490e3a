# SPDX-License-Identifier: MIT
"""`trampfd doctor` tells the truth of this system, hardened or not."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import core, scale

from trampfd._cli import selftest

pytestmark = pytest.mark.any_provider

TESTS = Path(__file__).parent

NO_MEMFD = "from support import hardening; hardening.no_memfd()"


def doctor(*words: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a child that first runs the statement `before`, support/hardening.py at hand."""
    code = (
        f"import sys; path = sys.path[:]; sys.path.insert(0, {str(TESTS)!r}); {before or 'pass'};"
        "sys.path[:] = path;"
        f"from trampfd.__main__ import main; sys.exit(main(['doctor', *{words!r}]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=scale.seconds(120),
        env={**os.environ, "TRAMPFD_PROVIDER": "auto", **environment},
    )


def report(**options: Any) -> dict[str, Any]:
    child = doctor("--json", **options)
    assert child.stderr == ""
    found: dict[str, Any] = json.loads(child.stdout)
    assert found["works"] == (child.returncode == 0)
    return found


def trials(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(trial["interface"], trial["closures"]): trial for trial in found["trials"]}


def test_text_names_every_part() -> None:
    child = doctor()
    assert child.returncode == 0, child.stdout
    assert child.stdout.splitlines()[-1].split() == ["trampfd", "works"]
    for part in (
        "kernel: release",
        "python: version",
        "hardening: mdwe",
        "hardening: seccomp",
        "hardening: memfd noexec",
        "hardening: pax",
        "hardening: selinux: mode",
        "libffi of _ctypes: linkage",
        "libffi of _cffi_backend: linkage",
        "provider: trampfd",
        "provider: built in",
        "provider: own file",
        "provider: memfd",
        "self-test: ctypes, stock",
        "self-test: cffi, trampfd",
    ):
        assert part in child.stdout


def test_everything_works_unhardened() -> None:
    pytest.importorskip("cffi")
    found = report()
    assert found["works"] is True
    without_kernel = core.port_lacks("kernel")
    device = os.path.exists("/dev/trampfd") and not without_kernel
    assert found["provider"] == ("trampfd" if device else "table")
    sources = {one["name"]: (one["errno"], one["call"]) for one in found["sources"]}
    if device:
        assert sources.pop("trampfd")[0] == 0
    elif without_kernel:
        assert sources.pop("trampfd") == (errno.ENOSYS, "support for this CPU")
    else:
        assert sources.pop("trampfd") == (errno.ENOENT, "open /dev/trampfd")
    assert {name: error for name, (error, _) in sources.items()} == {
        "built in": 0,
        "own file": 0,
        "memfd": 0,
    }
    for interface in selftest.INTERFACES:
        ours = trials(found)[interface, "trampfd"]
        assert ours["ok"] and ours["writable_executable"] == ours["aliased"] == 0


def test_hardening_is_seen_and_stock_cffi_fails() -> None:
    pytest.importorskip("cffi")
    found = report(before="from support import hardening; hardening.systemd_mdwe()")
    assert found["works"] is True
    assert found["system"]["hardening"]["seccomp"]["value"] == "filter"
    stock = trials(found)["cffi", "stock"]
    assert not stock["ok"] and "MemoryError" in stock["outcome"]


def test_refused_sources_are_named() -> None:
    found = report(before=f"import ctypes, trampfd; {NO_MEMFD}")
    sources = {one["name"]: one for one in found["sources"]}
    assert sources["own file"]["errno"] == 0
    assert sources["memfd"]["call"] == "memfd_create"
    assert sources["memfd"]["errno"] != 0
    assert "provider: memfd" in doctor(before=NO_MEMFD).stdout


def test_failing_provider_gives_exit_status_1() -> None:
    found = report(TRAMPFD_PROVIDER="nonsense")
    assert found["works"] is False
    assert found["sources"][0]["name"] == "TRAMPFD_PROVIDER"
    assert "TRAMPFD_PROVIDER" in trials(found)["ctypes", "trampfd"]["outcome"]


def test_a_crash_of_the_self_test_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "__name__", "trampfd_no_such_module")
    found = selftest.trial("ctypes", "stock")
    assert not found.ok
    assert found.outcome.startswith("ended with exit status 1 and no result: ")
    assert "No module named trampfd_no_such_module" in found.outcome
