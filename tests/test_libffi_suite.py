# SPDX-License-Identifier: MIT
"""libffi's own test-suite, program by program: stock, and with the preload library hardened."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from support import core, libffi_suite, library, preload
from support.libffi_suite import Outcome

# What `watch_wx` logs of a program that has no memory that is writable and executable.
CLEAN = ["end"]


@functools.cache
def programs() -> tuple[libffi_suite.Program, ...]:
    try:
        return tuple(libffi_suite.programs(libffi_suite.source()))
    except libffi_suite.Unavailable as absent:
        pytest.skip(f"needs {absent}")


@functools.cache
def compiled() -> Path:
    """A file that names the compiled programs."""
    folder = core.new_folder()
    file = folder / "paths.json"
    file.write_text(json.dumps(libffi_suite.compile_all(libffi_suite.source(), programs(), folder)))
    return file


@functools.cache
def outcomes(*before: object, libraries: tuple[Path, ...]) -> dict[str, Outcome]:
    """Of all programs, run by a command that has the words `before` in front."""
    environment = {"PRELOAD": " ".join(map(str, libraries))}
    code = "from support.libffi_suite import main; main(*sys.argv[1:])"
    command = [*before, *core.python_command(code), compiled()]
    written = json.loads(core.check(*command, environment=environment))
    return {name: Outcome(**outcome) for name, outcome in written.items()}


def stock() -> dict[str, Outcome]:
    return outcomes(libraries=(preload.watcher(),))


def ours() -> dict[str, Outcome]:
    return outcomes(
        *preload.under(preload.HARDENED), libraries=(library.path(preload.FFI), preload.watcher())
    )


def test_each_program_ends_as_on_stock() -> None:
    assert stock().keys() == {program.name for program in programs()}
    different = {
        name: (before, ours()[name])
        for name, before in stock().items()
        if (before.status, before.output) != (ours()[name].status, ours()[name].output)
    }
    assert not different


def test_the_suite_passes_on_stock() -> None:
    """Or comparing with it would prove little."""
    assert not {name: outcome for name, outcome in stock().items() if outcome.status}


def test_no_memory_is_writable_and_executable() -> None:
    assert not {name: one.watched for name, one in ours().items() if one.watched != CLEAN}


@pytest.mark.parametrize("folder", ["closures", "go", "complex", "call"])
def test_each_folder_has_programs(folder: str) -> None:
    assert [program for program in programs() if program.name.startswith(f"{folder}/")]


def test_stock_is_seen_to_have_such_memory() -> None:
    """Or the watcher would see nothing."""
    seen = [name for name, one in stock().items() if one.watched != CLEAN]
    if not seen:
        pytest.skip("this libffi has static trampolines: it needs no such memory either")
    assert any(name.startswith("closures/") for name in seen)
