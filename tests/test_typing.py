# SPDX-License-Identifier: MIT
"""What a type checker says of programs that use trampfd."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import scale

PRELUDE = """\
from __future__ import annotations
import ctypes
from typing import Any
import trampfd

Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
ffi: Any = None  # without the stubs of cffi, everything of it is Any
"""

ACCEPTED = """
@trampfd.callback(Compare)
def compare(one: int, other: int) -> int:
    return one - other

@trampfd.callback("int(int)", error=-1, ffi=ffi)
def declared(number: int) -> int:
    return number

@trampfd.callback(ffi.typeof("int(*)(int)"))
def typed(number: int) -> int:
    return number

made = trampfd.callback(Compare, lambda one, other: one - other)
of_cffi = trampfd.callback("int(int)", abs, -1, ffi=ffi)
bound = trampfd.bind(ctypes.CDLL(None).qsort, 3)
also_bound = trampfd.bind(ffi.addressof(ffi, "function"), 3, position="last")
reveal_type(compare)
reveal_type(declared)
reveal_type(typed)
reveal_type(made)
reveal_type(of_cffi)
reveal_type(bound)
reveal_type(also_bound)
"""

REFUSED = {
    "an unknown position": 'trampfd.bind(ctypes.CDLL(None).qsort, 3, position="middle")',
    "a callable that is none": "trampfd.callback(Compare, 3)",
    "a second callable": "trampfd.callback(Compare)(print, print)",
}


def mypy(program: str, folder: Path) -> list[str]:
    """Its messages, without the places."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    (folder / "program.py").write_text(PRELUDE + program)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
    )
    assert result.stderr == ""
    return re.findall(r"^program\.py:\d+: (.*)$", result.stdout, re.MULTILINE)


def test_programs_are_accepted(tmp_path: Path) -> None:
    types = ["ctypes._CFunctionType", "Any", "Any", "ctypes._CFunctionType", "Any"]
    types += ["_ctypes.CFuncPtr", "Any"]
    assert mypy(ACCEPTED, tmp_path) == [f'note: Revealed type is "{name}"' for name in types]


@pytest.mark.parametrize("name", REFUSED)
def test_mistakes_are_found(tmp_path: Path, name: str) -> None:
    messages = mypy(REFUSED[name], tmp_path)
    assert any(message.startswith("error: ") for message in messages), messages
