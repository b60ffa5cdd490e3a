# SPDX-License-Identifier: MIT
"""Which provider the tests run with, and running something with another one."""

from __future__ import annotations

import os

import pytest

NAMES = ("table", "trampfd", "trampfd-user")
DEVICE = "/dev/trampfd"


def need(provider: str) -> str:
    """The provider's name; skips the test where the kernel has no trampfd."""
    if provider != "table" and not os.path.exists(DEVICE):
        pytest.skip(f"trampfd: no {DEVICE}")
    return provider


def current() -> str:
    """The provider that this process, and a child with its environment, takes."""
    name = os.environ.get("TRAMPFD_BACKEND") or "auto"
    if name == "auto":
        return "trampfd" if os.path.exists(DEVICE) else "table"
    return name
