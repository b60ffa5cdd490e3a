# SPDX-License-Identifier: MIT
"""The preload library in programs that look for races: thread sanitizer, helgrind and drd."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import core, library, preload

SUPPRESSIONS = core.BACKEND / "trampfd.supp"
FOUND = 9
SMALL = "20"  # rounds of a thread: valgrind is slow


def thread_sanitizer() -> Path:
    path = Path(core.check(core.need("cc"), "-print-file-name=libtsan.so").strip()).resolve()
    if not path.is_absolute() or not path.exists():
        pytest.skip("the compiler has no libtsan.so")
    return path


@pytest.mark.parametrize("first", ["libtsan", "libtrampfd-ffi"])
@pytest.mark.parametrize("name", ["preload/one", "preload/threads"])
def test_a_preloaded_thread_sanitizer(name: str, first: str) -> None:
    """The program itself was not compiled for it, and constructors run before the sanitizer is."""
    libraries = [thread_sanitizer(), library.path(preload.FFI)]
    if first != "libtsan":
        libraries.reverse()
    environment = {"LD_PRELOAD": " ".join(map(str, libraries))}
    done = core.run(preload.program(name), SMALL, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "ThreadSanitizer" not in done.stderr


def under_valgrind(tool: str, *arguments: object) -> int:
    """The status of preload/threads with the library, and with its suppressions."""
    command = [
        core.need("valgrind"),
        f"--tool={tool}",
        f"--suppressions={SUPPRESSIONS}",
        f"--error-exitcode={FOUND}",
        "--trace-children=yes",
        "--trace-children-skip=*/env",
    ]
    # The library is for the program, and not for valgrind.
    preloaded = [f"{key}={value}" for key, value in preload.preloaded().items()]
    program = preload.program("preload/threads")
    done = core.run(*command, core.need("env"), *preloaded, program, *arguments)
    assert done.returncode in (0, FOUND), done.stderr
    assert f"Command: {program}" in done.stderr
    return done.returncode


@pytest.mark.only_table
@pytest.mark.parametrize("tool", ["helgrind", "drd"])
def test_valgrind_finds_no_race(tool: str) -> None:
    assert under_valgrind(tool, SMALL) == 0


@pytest.mark.only_table
@pytest.mark.parametrize("tool", ["helgrind", "drd"])
def test_valgrind_finds_a_race_of_the_program(tool: str) -> None:
    """What is suppressed hides nothing but the library's own accesses."""
    assert under_valgrind(tool, SMALL, "race") == FOUND
