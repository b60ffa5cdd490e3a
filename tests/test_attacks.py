# SPDX-License-Identifier: MIT
"""What one store, or a few, can do to closures of each provider; docs/attacks.md has the table."""

from __future__ import annotations

import json
import os

import pytest
import write_attacks
import write_kernel_attacks
from support import attacks, providers

pytestmark = [pytest.mark.any_provider, pytest.mark.needs_port_with("plan")]

UNMAPPED = {"size of a block of malloc: records", "size of a block of malloc: slots"}
BY_SYSTEM_CALL = {"/proc/self/mem", "process_vm_writev", "mprotect, and a store"}
OBJECTS = {name for name in attacks.OF_PYTHON if "callable" in name}

# What stays open: Python's objects, and what the C library keeps of its blocks, are not trampfd's.
STILL_OPEN = {
    "table": {
        "record: entry",
        "record: handler",
        "record: user data",
        "ffi_closure of the program",
        "ffi_closure in a larger closure",
        "block: code, then a new closure",
        "block: records, then a new closure",
        *UNMAPPED,
        *BY_SYSTEM_CALL,
        *attacks.OF_PYTHON,
    },
    "sealed": {*UNMAPPED, *OBJECTS},
    attacks.WITHOUT_FILE: {
        "/proc/self/mem",
        "mprotect, and a store",
        *UNMAPPED,
        *OBJECTS,
    },
}


@pytest.mark.parametrize("column", STILL_OPEN)
def test_what_is_open(column: str) -> None:
    pytest.importorskip("cffi")
    found = {name: attacks.outcome(name, column) for name in attacks.names()}
    is_open = {name for name in found if found[name].startswith(attacks.OPEN)}
    assert is_open == STILL_OPEN[column], found


def test_the_kernel_keeps_records() -> None:
    if not os.path.exists(providers.DEVICE):
        pytest.skip(f"trampfd: no {providers.DEVICE}")
    for name in ("record: entry", "record: handler", "record: user data", *BY_SYSTEM_CALL):
        assert attacks.outcome(name, "trampfd").startswith(attacks.CLOSED), name


def test_page_is_what_was_kept() -> None:
    kept = json.loads(write_attacks.OUTCOMES.read_text())
    names = set(attacks.names())
    for column, found in kept.items():
        assert set(found["cells"]) == names, f"{column}: run `make attacks`"
    assert write_attacks.section(kept) in write_attacks.PAGE.read_text()


def test_page_of_the_kernel_is_what_was_kept() -> None:
    kept = json.loads(write_kernel_attacks.OUTCOMES.read_text())
    assert write_kernel_attacks.section(kept) in write_kernel_attacks.PAGE.read_text()
    for cells in kept.values():
        for name, outcomes in cells.items():
            for kind in ("table frozen sealed", "user frozen sealed"):
                assert "redirected" not in outcomes.get(kind, ""), (name, kind)
