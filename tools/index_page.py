# SPDX-License-Identifier: MIT
"""README.md as a package index shows it: by itself, without the files that lie beside it.

An index shows neither pictures of the source distribution nor pictures inside the text, and it
takes a link to a file for one to itself.  So a picture becomes the table that it was drawn from,
and a link to a file becomes its text.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "benchmarks" / "figures"

_PICTURE = re.compile(r"^!\[([^\]]+)\]\(benchmarks/figures/(\w+)\.svg\)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?://|#)[^)]*\)")


def _tables() -> dict[str, str]:
    """The tables of figures by the name of the picture: what their first column is called."""
    tables = {}
    for table in re.findall(r"(?:^\|.*\n)+", (FIGURES / "summary.md").read_text(), re.MULTILINE):
        question = table.split("|")[1].strip()
        tables[re.sub(r"\W+", "_", question).lower()] = table.rstrip()
    return tables


def index_page() -> str:
    tables = _tables()
    readme = (ROOT / "README.md").read_text()
    page = _PICTURE.sub(lambda match: f"{match[1]}:\n\n{tables[match[2].lower()]}", readme)
    return _LINK.sub(r"\1", page)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="index_page", description=__doc__).parse_args()
    print(index_page(), end="")
