# SPDX-License-Identifier: MIT
"""Files from the network, kept for the next time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cached(name: str, fetch: Callable[[Path], Path]) -> Path:
    """The kept file of that name, which may be a pattern; or the one that `fetch` returns.

    fetch: is given a folder for what it downloads, which is removed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "trampfd")
    found = list(cache.glob(name))
    if found:
        return found[0]
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        fetched = fetch(Path(folder))
        unfinished = cache / f"{fetched.name}.{os.getpid()}"
        shutil.copyfile(fetched, unfinished)
    return unfinished.replace(cache / fetched.name)
