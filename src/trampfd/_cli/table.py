# SPDX-License-Identifier: MIT
"""The tables that commands print."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence


def print_table(
    rows: Sequence[Sequence[str]], *, indent: int = 0, max_width: int | None = None
) -> None:
    """Print rows in columns, each as wide as its widest cell.

    With `max_width`, a last column that would make a line longer than that is wrapped in its place.
    """
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows))]
    for *cells, last in rows:
        padded = (cell.ljust(width + 2) for cell, width in zip(cells, widths))
        start = " " * indent + "".join(padded)
        if max_width is None:
            print((start + last).rstrip())
        else:
            rest = " " * len(start)
            print(textwrap.fill(last, max_width, initial_indent=start, subsequent_indent=rest))
