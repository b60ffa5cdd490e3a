# SPDX-License-Identifier: MIT
"""The documentation agrees with the sources; `make docs` builds the site itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from support import core

ROOT = core.BACKEND.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import c_header  # noqa: E402

# What people open where the repository is shown, without the site.
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md")]


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)[^)]*\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_c_reference_has_every_exported_function() -> None:
    names = set(c_header.functions((core.BACKEND / "include/trampfd.h").read_text()))
    symbols = (core.BACKEND / "libtrampfd.map").read_text()
    exported = set(re.findall(r"^ +(trampfd_\w+);", symbols, re.MULTILINE))
    assert names == exported


def test_c_reference_is_made_from_comments() -> None:
    header = """/* SPDX-License-Identifier: MIT */
/* Results: what functions give back. */

/*
 * Multiply `a` by 2.  See twice().
 *
 *   errors: none
 *     at all
 */
TRAMPFD_API int twice(int a);

#define MOST 3 /* of them */
/* A pair. */
struct pair {
    int a, b; /* both */
};
"""
    lines = [line for line in c_header.reference(header, "First") if line.strip()]
    assert lines == [
        "Results", "-------", "What functions give back.",
        "First", "-----",
        ".. c:function:: int twice(int a)",
        "   Multiply ``a`` by 2.  See :c:func:`twice`.",
        "   errors", "       none", "       at all",
        ".. c:macro:: MOST",
        ".. c:struct:: pair", "   A pair.",
        "   .. c:member:: int a", "      both", "   .. c:member:: int b", "      both",
    ]  # fmt: skip


def test_python_reference_has_every_public_name() -> None:
    import trampfd

    page = (DOCS / "python.rst").read_text()
    documented = re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE)
    assert sorted(documented) == sorted(trampfd.__all__)


def test_command_reference_has_every_command() -> None:
    page = (DOCS / "commands.md").read_text()
    documented = re.findall(r"^```\{command-help\} (\w+)$", page, re.MULTILINE)
    manual = re.findall(r"^\.It Cm (\w+)$", (DOCS / "man/trampfd.1").read_text(), re.MULTILINE)
    assert set(documented) == set(manual)


def test_environment_reference_has_every_variable_of_the_manual() -> None:
    documented = set(re.findall(r"`(TRAMPFD_\w+)`", (DOCS / "environment.md").read_text()))
    manual = (DOCS / "man/trampfd.7").read_text()
    assert set(re.findall(r"^\.It Ev (\w+)", manual, re.MULTILINE)) <= documented
