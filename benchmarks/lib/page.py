# SPDX-License-Identifier: MIT
"""The page of the documentation about the benchmarks, with parts that programs write."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"

END = "<!-- until here -->\n"


def put(writer: str, section: str) -> None:
    """Have the section between the mark of the writer, a file of this folder, and the end mark."""
    begin = f"<!-- benchmarks/{writer} writes this -->\n"
    before, _, rest = PAGE.read_text().partition(begin)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE} lacks the lines {begin}and {END}")
    PAGE.write_text(before + begin + section + END + after)
