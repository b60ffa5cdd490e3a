# SPDX-License-Identifier: MIT
"""Programs of Debian that use libffi, unchanged, under hardening, with the preload library."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

import pytest
from support import core, preload

PROGRAMS = core.TESTS / "programs"


@dataclass(frozen=True)
class Program:
    """A script, what runs it, the module that must be there, and what it prints."""

    script: str
    command: tuple[str, ...]
    module: str
    prints: str
    maker: str


ROWS = [["table", "5"], ["slot", "4"], ["record", "6"], ["entry", "5"]]
SEEN = ["own handler 2", "handler 2", "activated", "tick", "tick", "tick"]
# What gobject.py reads last: its own line about the licence.
FIRST_LINE = (PROGRAMS / "gobject.py").read_text().splitlines()[0]

ALL = [
    Program(
        "ctypes_sqlite.py",
        ("/usr/bin/python3", "-I"),
        "import ctypes",
        f"{ROWS}\n",
        "/_ctypes.",
    ),
    Program(
        "gobject.py",
        ("/usr/bin/python3", "-I"),
        "import gi",
        f"{[*SEEN, FIRST_LINE]}\n",
        "/libgirepository-",
    ),
    Program("fiddle.rb", ("ruby",), "require 'fiddle'", "true\n", "/fiddle.so"),
    # Guile's own compiler ends the process where it may not write code.
    Program(
        "closure.scm",
        ("env", "GUILE_JIT_THRESHOLD=-1", "guile", "--no-auto-compile"),
        "#t",
        "#t\n",
        "/libguile-",
    ),
    Program("platypus.pl", ("perl",), "use FFI::Platypus", "true\n", "/Platypus.so"),
]
EACH = pytest.mark.parametrize("program", ALL, ids=lambda program: program.script)


def command(program: Program) -> list[object]:
    """How to run a program; skips when its interpreter or the module is not installed."""
    option = "-e" if {"ruby", "perl"} & {*program.command} else "-c"
    interpreter = next(word for word in program.command if word != "env" and "=" not in word)
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    if core.run(*program.command, option, program.module).returncode:
        pytest.skip(f"{interpreter}: {program.module} fails, it is not installed")
    return [*program.command, PROGRAMS / program.script]


def watched(program: Program, *before: object, ours: bool) -> tuple[str, str, list[str]]:
    """Run it: its output, its messages, and what `watch_wx` logged when it ended."""
    log = core.new_folder() / "log"
    environment = preload.preloaded(preload.watcher()) if ours else {}
    environment = {"LD_PRELOAD": str(preload.watcher()), "WATCH_WX": str(log), **environment}
    words = [f"{key}={value}" for key, value in environment.items()]
    words += ["TRAMPFD_REPORT=1"] if ours else []
    done = core.run(*before, "env", *words, *command(program))
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr, log.read_text().splitlines()


@EACH
@pytest.mark.parametrize("policies", ["mdwe", preload.HARDENED])
def test_works_hardened(program: Program, policies: str) -> None:
    output, messages, log = watched(program, *preload.under(policies), ours=True)
    assert output == program.prints
    assert log == ["end"]
    assert re.search(rf"^trampfd: \S*{re.escape(program.maker)}\S* makes closures", messages, re.M)
    assert "code address" not in messages


@EACH
def test_stock_has_memory_writable_and_executable(program: Program) -> None:
    output, _, log = watched(program, ours=False)
    assert output == program.prints
    if core.check(preload.program("preload/one")) == "clean\n":
        pytest.skip("this libffi has static trampolines, and needs no such memory either")
    assert [line for line in log if re.search(r" (rwx|rw-s)", line)]
