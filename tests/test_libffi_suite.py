# SPDX-License-Identifier: MIT
"""libffi's own test-suite, program by program: stock, and with the preload library hardened."""

from __future__ import annotations

import pytest
from support import libffi_suite, library, preload
from support.libffi_suite import Outcome


def stock() -> dict[str, Outcome]:
    return libffi_suite.outcomes(libraries=(preload.watcher(),))


def ours() -> dict[str, Outcome]:
    return libffi_suite.outcomes(
        *preload.under(preload.HARDENED), libraries=(library.path(preload.FFI), preload.watcher())
    )


def test_each_program_ends_as_on_stock() -> None:
    assert stock().keys() == {program.name for program in libffi_suite.all_programs()}
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
    assert not {
        name: one.watched for name, one in ours().items() if one.watched != libffi_suite.CLEAN
    }


@pytest.mark.parametrize("folder", ["closures", "go", "complex", "call"])
def test_each_folder_has_programs(folder: str) -> None:
    assert [
        program for program in libffi_suite.all_programs() if program.name.startswith(f"{folder}/")
    ]


def test_stock_is_seen_to_have_such_memory() -> None:
    """Or the watcher would see nothing."""
    seen = [name for name, one in stock().items() if one.watched != libffi_suite.CLEAN]
    if not seen:
        pytest.skip("this libffi has static trampolines: it needs no such memory either")
    assert any(name.startswith("closures/") for name in seen)
