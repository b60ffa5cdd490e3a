# SPDX-License-Identifier: MIT
"""Files from the network, kept for the next time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from debian import cache


def cached(name: str, fetch: Callable[[Path], Path]) -> Path:
    """The kept file of that name, which may be a pattern; or the one that `fetch` returns.

    fetch: is given a folder for what it downloads, which is removed.
    """
    place = cache.folder()
    found = list(place.glob(name))
    if found:
        return found[0]
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(Path(folder))
        unfinished = place / f"{fetched.name}.{os.getpid()}"
        shutil.copyfile(fetched, unfinished)
    return unfinished.replace(place / fetched.name)
