# SPDX-License-Identifier: MIT
"""What the cases of ctypes_cases.py note with stock ctypes and with trampfd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import core, ctypes_cases, scale

MODES = ("stock", "callback", "install")


def observe(folder: Path, python: str = sys.executable, **environment: str) -> dict[str, Any]:
    """What each mode noted of each case, and under "exit" how its process ended."""
    library = folder / "libctypes_echo.so"
    source = core.PROGRAMS / "python/ctypes_echo.c"
    options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    subprocess.run(["cc", *options, str(source), "-o", str(library)], check=True)
    found: dict[str, Any] = {}
    for mode in MODES:
        results = folder / mode
        child = subprocess.run(
            [python, ctypes_cases.__file__, mode, str(library), str(results)],
            capture_output=True,
            text=True,
            timeout=scale.seconds(120),
            env={**os.environ, **environment},
        )
        lines = results.read_text().splitlines() if results.exists() else []
        found[mode] = dict(json.loads(line) for line in lines)
        found[mode]["exit"] = f"{child.returncode} {child.stderr}"
    return found


def check_completeness(found: dict[str, Any]) -> None:
    missing = [name for name in ctypes_cases.CASES if name not in found]
    assert not missing, f"it ended in {missing[0]}: {found['exit']}"
    assert found["exit"] == "0 "
