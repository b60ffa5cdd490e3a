# SPDX-License-Identifier: MIT
"""The scripts for virtual machines tell what they do, and start none for an unknown word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_provider

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPTS = {
    "run": ([sys.executable, str(CHECKOUT / "tests/vm/run")], "--kernel"),
    "make-services-root": (["sh", str(CHECKOUT / "tests/vm/make-services-root")], "services"),
    "make-services-disk": (["sh", str(CHECKOUT / "tests/vm/make-services-disk")], "IMAGE"),
    "suite": (["sh", str(CHECKOUT / "tests/vm/suite")], "KERNEL PYTHON [PART...]"),
    "run.sh": (["sh", str(CHECKOUT / "cbackend/kmod/selftest/run.sh")], "FOLDER [short]"),
}
UNKNOWN = [
    ("run", ["--no-such-option"], "--no-such-option"),
    ("run", ["--kern", "6.12"], "--kern"),
    ("run", ["--kernel", "5.0"], "5.0"),
    ("run", ["selftests"], "selftests"),
    ("run", ["--kernel", "arm64-16k", "--", "true"], "name a root file system"),
    ("run", ["--no-module"], "give a command"),
    ("make-services-root", ["folder"], "folder is not short"),
    ("make-services-disk", [], "missing"),
    ("suite", [], "missing"),
    ("suite", ["6.12"], "missing"),
    ("suite", ["--no-such-option"], "--no-such-option"),
    ("suite", ["5.0", sys.executable], "5.0"),
    ("suite", ["6.12", "/no/such/python"], "/no/such/python"),
    ("suite", ["6.12", sys.executable, "short", "no-such-part"], "no-such-part"),
    ("run.sh", [], "usage"),
    ("run.sh", ["/no/such/folder", "long"], "usage"),
    ("run.sh", ["/no/such/folder", "short", "more"], "usage"),
]


def start(script: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCRIPTS[script][0], *words],
        env={"PATH": "/usr/bin:/bin", "TRAMPFD_CACHE": "/dev/null/cache"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_help(script: str, option: str) -> None:
    done = start(script, [option])
    assert done.returncode == 0, done.stderr
    assert SCRIPTS[script][1] in done.stdout


@pytest.mark.parametrize(("script", "words", "named"), UNKNOWN)
def test_unknown_words_are_refused(script: str, words: list[str], named: str) -> None:
    done = start(script, words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert named in done.stderr
    assert done.stdout == ""
