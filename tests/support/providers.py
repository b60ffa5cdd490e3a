# SPDX-License-Identifier: MIT
"""Which provider the tests run with, and running something with another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import scale

NAMES = ("table", "sealed", "trampfd", "trampfd-user")
KERNEL = NAMES[2:]
DEVICE = "/dev/trampfd"


def need(provider: str) -> str:
    """The provider's name; skips the test where the kernel has no trampfd."""
    if provider in KERNEL and not os.path.exists(DEVICE):
        pytest.skip(f"trampfd: no {DEVICE}")
    return provider


def of_auto() -> str:
    """The provider that `auto` takes."""
    return "trampfd" if os.path.exists(DEVICE) else "table"


def current() -> str:
    """The provider that this process, and a child with its environment, takes."""
    name = os.environ.get("TRAMPFD_PROVIDER") or "auto"
    return of_auto() if name == "auto" else name


def environment(provider: str) -> dict[str, str]:
    """Variables with which Python takes it, and can import the helpers of the tests."""
    path = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    return {"TRAMPFD_PROVIDER": provider, "PYTHONPATH": os.pathsep.join(path)}


def run(provider: str, *words: str, **keywords: Any) -> subprocess.CompletedProcess[str]:
    """Run Python with a provider; it can import the helpers of the tests."""
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
        env={**os.environ, **environment(provider)},
        **keywords,
    )
