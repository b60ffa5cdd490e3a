# SPDX-License-Identifier: MIT
"""The page about services in a virtual machine, and what it makes of outcomes; no service runs."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import write_services

pytestmark = pytest.mark.any_provider

DENIALS = Path(__file__).parent / "services" / "denials.py"
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


# SELinux


LINE = (
    "5,1234,90000,-;audit: type=1400 audit(1.2:3): avc:  denied  { read write } for  pid=7 "
    'comm="python3" path="/tmp/x y" dev="vda" ino=5 scontext=system_u:system_r:httpd_t:s0 '
    "tcontext=system_u:object_r:tmp_t:s0-s0:c0.c3 tclass=file permissive=0\n"
)


def denials_of(line: str) -> list[Any]:
    spec = importlib.util.spec_from_file_location("denials", DENIALS)
    assert spec is not None
    assert spec.loader is not None
    denials = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = denials  # where its data class looks itself up
    spec.loader.exec_module(denials)
    return [(denial.domain, denial.text) for denial in denials.parsed(line)]


def test_denials_of_a_line() -> None:
    assert denials_of(LINE) == [("httpd_t", "read file tmp_t"), ("httpd_t", "write file tmp_t")]
    itself = LINE.replace("object_r:tmp_t", "system_r:httpd_t").replace("=file", "=process")
    assert denials_of(itself.replace("read write", "execmem")) == [("httpd_t", "execmem process")]
    assert denials_of("6,1235,90001,-;audit: type=1404 audit(1.2:4): enforcing=1\n") == []


def test_what_the_drop_in_adds_to_denials() -> None:
    stock = {"denied": ["execmem process", "write dir root_t"]}
    served = {"denied": ["write dir root_t", "search dir mnt_t"]}
    assert write_services.new_denials({"stock": stock, "trampfd": served}) == ["search dir mnt_t"]
    assert write_services.denials(stock) == "`execmem` process; `write` dir root_t"
    assert write_services.denials({"denied": []}) == "none"


def test_selinux_table_is_what_was_kept() -> None:
    kept = json.loads(write_services.SELINUX_OUTCOMES.read_text())
    assert write_services.selinux_section(kept) in write_services.PAGE.read_text()


def test_selinux_denies_nothing_to_trampfd() -> None:
    kept = json.loads(write_services.SELINUX_OUTCOMES.read_text())
    assert kept.keys() == json.loads(write_services.OUTCOMES.read_text()).keys()
    for name, row in kept.items():
        served = row["trampfd"]
        assert (served["outcome"], served["memory"]) == ("works", []), name
        assert not [text for text in served["denied"] if text.startswith("exec")], name
        assert write_services.new_denials(row) == [], name
