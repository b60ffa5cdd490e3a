# SPDX-License-Identifier: MIT
"""Sealed records (TRAMPFD_SEAL=1), and plans: no store of the process changes where a call goes."""

from __future__ import annotations

import os
import sys

import pytest
from support import core

COMPILERS = ("cc", "clang")

SEALED = {**os.environ, "TRAMPFD_SEAL": "1", "TRAMPFD_PROVIDER": "table"}


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["stores", "fork", "surroundings", "damaged"])
def test_program(name: str, compiler: str) -> None:
    core.check(core.executable(f"sealed/{name}", compiler=compiler), environment=SEALED)


@pytest.mark.parametrize("records", ["sealed", "plain"])
@pytest.mark.parametrize("argument", ["", "refused"])
@pytest.mark.needs_port_with("plan")
def test_plans(argument: str, records: str) -> None:
    environment = SEALED if records == "sealed" else {**SEALED, "TRAMPFD_SEAL": "0"}
    program = core.executable("sealed/plans")
    core.check(program, *filter(None, [argument]), environment=environment)


def test_without_a_file_in_memory() -> None:
    for name, *argument in (("stores", "private"), ("fork",)):
        program = core.executable(f"sealed/{name}")
        core.check(*core.without_memfd(), program, *argument, environment=SEALED)


@pytest.mark.parametrize("when", ["early", "late"])
def test_asked_for_by_the_program(when: str) -> None:
    environment = {name: value for name, value in SEALED.items() if name != "TRAMPFD_SEAL"}
    core.check(core.executable("sealed/asked"), when, environment=environment)


SEAL = """
import ctypes, trampfd
make = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
late = trampfd.callback(make, abs) if LATE else None
try:
    trampfd.install(seal=True)
except RuntimeError as error:
    assert LATE and "before the first one is made" in str(error) and not trampfd.is_installed()
    raise SystemExit(0)
assert not LATE
callback = make(lambda number: number + 1)
assert callback(41) == 42
report = trampfd.verify(callback)
assert report and report.protected and report.provider == "sealed", report
"""


@pytest.mark.parametrize("late", [False, True])
def test_asked_for_by_install(late: bool) -> None:
    environment = {name: value for name, value in SEALED.items() if name != "TRAMPFD_SEAL"}
    core.check(sys.executable, "-c", f"LATE = {late}\n{SEAL}", environment=environment)


def test_asked_for_on_the_command_line() -> None:
    """Children are sealed, too."""
    code = (
        "import subprocess, sys, trampfd; print(trampfd.status().provider, flush=True);"
        "subprocess.run([sys.executable, '-c', 'import trampfd; print(trampfd.status().provider)'])"
    )
    environment = {name: value for name, value in SEALED.items() if name != "TRAMPFD_SEAL"}
    words = [sys.executable, "-m", "trampfd", "run", "--seal", "-c", code]
    assert core.check(*words, environment=environment) == "sealed\nsealed\n"


def test_unknown_value_is_refused() -> None:
    code = "import trampfd, ctypes; trampfd.callback(ctypes.CFUNCTYPE(None), print)"
    done = core.run(sys.executable, "-c", code, environment={**os.environ, "TRAMPFD_SEAL": "yes"})
    assert done.returncode == 1
    assert "TRAMPFD_SEAL: 0 or 1: Invalid argument" in done.stderr
