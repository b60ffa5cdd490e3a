# SPDX-License-Identifier: MIT
"""Debian's _cffi_backend, which has libffi as a shared library, unlike cffi's wheel."""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest


def link(folder: Path) -> Path:
    """The folder, with a link to it; skips the test where it is not installed for this Python."""
    package = Path("/usr/lib/python3/dist-packages")
    names = [f"_cffi_backend{suffix}" for suffix in EXTENSION_SUFFIXES]
    found = [package / name for name in names if (package / name).exists()]
    if not found:
        version = ".".join(map(str, sys.version_info[:2]))
        pytest.skip(f"python3-cffi-backend is not installed for Python {version}")
    (folder / found[0].name).symlink_to(found[0])
    return folder
