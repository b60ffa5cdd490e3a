# SPDX-License-Identifier: MIT
"""The page about services in a virtual machine, and what it makes of outcomes; no service runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import write_services

pytestmark = pytest.mark.any_provider

WORKS = {"outcome": "works", "memory": []}
ALIASED = {"outcome": "works", "memory": ["alias"]}
FAILS = {"outcome": "fails: MemoryError: no | memory", "memory": []}


def row(hardened: dict[str, Any], served: dict[str, Any], verdict: str) -> dict[str, Any]:
    return {"hardened": hardened, "trampfd": served, "advice": {"hardenable": verdict}}


@pytest.mark.parametrize(
    ("hardened", "served", "verdict", "confirmed"),
    [
        (FAILS, WORKS, "yes, with", "yes"),
        (ALIASED, WORKS, "yes, with", "yes"),
        (WORKS, WORKS, "yes, with", "**no**"),
        (FAILS, FAILS, "yes, with", "**no**"),
        (FAILS, ALIASED, "yes, with", "**no**"),
        (WORKS, WORKS, "yes", "yes"),
        (ALIASED, WORKS, "yes", "**no**"),
        (FAILS, FAILS, "no", "yes"),
        (FAILS, WORKS, "no", "**no**"),
        (WORKS, WORKS, "unknown", "**no**"),
    ],
)
def test_what_confirms_a_verdict(
    hardened: dict[str, Any], served: dict[str, Any], verdict: str, confirmed: str
) -> None:
    assert write_services.confirmed(row(hardened, served, verdict)) == confirmed


def test_cells() -> None:
    assert write_services.cell(WORKS) == "works, none"
    assert write_services.cell(ALIASED) == "works, **alias**"
    assert write_services.cell(FAILS) == r"**fails: MemoryError: no \| memory**"


def test_page_is_what_was_kept() -> None:
    kept = json.loads(write_services.OUTCOMES.read_text())
    assert write_services.section(kept) in write_services.PAGE.read_text()


def test_every_service_works_hardened_with_its_drop_in() -> None:
    kept = json.loads(write_services.OUTCOMES.read_text())
    assert kept
    assert {name: row["trampfd"] for name, row in kept.items()} == dict.fromkeys(kept, WORKS)
