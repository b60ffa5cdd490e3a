# SPDX-License-Identifier: MIT
"""The tables that commands print."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence


def table_lines(
    rows: Sequence[Sequence[str]], *, indent: int = 0, max_width: int | None = None
) -> Iterator[str]:
    """The lines of a table: rows in columns, each as wide as its widest cell.

    With `max_width`, a last column that would make a line longer than that is wrapped in its place.
    """
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows))]
    for *cells, last in rows:
        padded = (cell.ljust(width + 2) for cell, width in zip(cells, widths))
        start = " " * indent + "".join(padded)
        if max_width is None:
            yield (start + last).rstrip()
        else:
            rest = " " * len(start)
            yield textwrap.fill(last, max_width, initial_indent=start, subsequent_indent=rest)


def print_table(
    rows: Sequence[Sequence[str]], *, indent: int = 0, max_width: int | None = None
) -> None:
    """Print the lines of `table_lines`."""
    for line in table_lines(rows, indent=indent, max_width=max_width):
        print(line)
