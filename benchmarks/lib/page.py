# SPDX-License-Identifier: MIT
"""The page of the documentation about the benchmarks, with parts that programs write."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"

END = "<!-- until here -->\n"


def updated(writer: str, section: str) -> str:
    """The page with the section between the mark of the writer, a benchmarks/*.py, and the end."""
    begin = f"<!-- benchmarks/{writer} writes this -->\n"
    before, _, rest = PAGE.read_text().partition(begin)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE} lacks the lines {begin}and {END}")
    return before + begin + section + END + after


def put(writer: str, section: str) -> None:
    """Have it on the page."""
    PAGE.write_text(updated(writer, section))
