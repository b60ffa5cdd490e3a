# SPDX-License-Identifier: MIT
"""Check the links inside a built site: each must lead to a file, and to an anchor that it has."""

from __future__ import annotations

import argparse
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(site: Path) -> list[str]:
    """One line for each link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    lines = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if not target.is_file():
                lines.append(f"{path.relative_to(site)}: {link}: no such file")
            elif parts.fragment and unquote(parts.fragment) not in anchors:
                lines.append(f"{path.relative_to(site)}: {link}: no such anchor")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="check_links", description=__doc__)
    parser.add_argument("site", type=Path, help="folder of the site, such as build/docs")
    site = parser.parse_args().site.resolve()
    if not (site / "index.html").is_file():
        parser.error(f"{site} has no index.html: `make docs` makes it")
    lines = broken(site)
    print("\n".join(lines), file=sys.stderr, end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
