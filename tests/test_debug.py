# SPDX-License-Identifier: MIT
"""TRAMPFD_DEBUG=1: the message about a freed closure says who made it and who freed it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import preload, scale

CTYPES = """\
import ctypes
import trampfd
kind = ctypes.CFUNCTYPE(ctypes.c_int)
def make(function):
    return {make}
def on_click():
    return 1
callback = make(on_click)
address = ctypes.cast(callback, ctypes.c_void_p).value
def drop():
    global callback
    callback = None
drop()
kind(address)()
"""
CFFI = """\
import cffi
import trampfd
ffi = cffi.FFI()
def make(function):
    return {make}
def on_click():
    return 1
callback = make(on_click)
address = ffi.cast("intptr_t", callback)
def drop():
    ffi.release(callback)

drop()
ffi.cast("int(*)(void)", address)()
"""
WAYS = {
    "ctypes": (CTYPES, "trampfd.callback(kind, function)"),
    "install ctypes": (CTYPES, "trampfd.install() or kind(function)"),
    "cffi": (CFFI, 'trampfd.callback("int(void)", function, ffi=ffi)'),
    "install cffi": (CFFI, 'trampfd.install() or ffi.callback("int(void)", function)'),
    "install cffi decorator": (CFFI, 'trampfd.install() or ffi.callback("int(void)")(function)'),
    "install cffi error": (CFFI, 'trampfd.install() or ffi.callback("int(void)", function, 3)'),
}


def call_freed(program: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
        env={**os.environ, **environment},
    )
    assert done.returncode == -signal.SIGABRT, done.stderr
    return done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_lines_of_python(way: str, tmp_path: Path) -> None:
    if "cffi" in way:
        pytest.importorskip("cffi")
    text, make = WAYS[way]
    program = tmp_path / "program.py"
    program.write_text(text.format(make=make))
    lines = text.splitlines()
    made = 1 + lines.index("    return {make}")
    freed = 2 + next(i for i, line in enumerate(lines) if line.startswith("def drop"))
    freed += "global" in lines[freed - 1]
    message = call_freed(program, {"TRAMPFD_DEBUG": "1"})
    assert f"(on_click, made at {program}:{made}, freed at {program}:{freed}) (slot" in message


def test_lines_are_not_looked_for_otherwise(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(CTYPES.format(make="trampfd.callback(kind, function)"))
    for debug in ("", "0"):
        assert " (on_click) (slot" in call_freed(program, {"TRAMPFD_DEBUG": debug})


def test_end_of_a_long_path_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / ("f" * 120) / "here"
    folder.mkdir(parents=True)
    program = folder / "program.py"
    program.write_text(CTYPES.format(make="trampfd.callback(kind, function)"))
    message = call_freed(program, {"TRAMPFD_DEBUG": "1"})
    found = re.search(r"made at (\.\.\.f+/here/program.py):5, freed at (\.\.\.f.*):12\)", message)
    assert found and found[1] == found[2] and len(found[1]) == 99, repr(message)


def test_no_line_where_python_runs_none(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import _thread, ctypes, functools, time, trampfd\n"
        "kind = ctypes.CFUNCTYPE(ctypes.c_int)\n"
        "lock = _thread.allocate_lock()\n"
        "lock.acquire()\n"
        "work = functools.partial(lock.acquire)\n"
        "work.callback = trampfd.callback(kind, lambda: 1)\n"
        "address = ctypes.cast(work.callback, ctypes.c_void_p).value\n"
        "_thread.start_new_thread(work, ())\n"
        "del work\n"
        "lock.release()\n"
        "while trampfd.status().slots_used:\n"
        "    time.sleep(0.01)\n"
        "kind(address)()\n"
    )
    message = call_freed(program, {"TRAMPFD_DEBUG": "1"})
    assert f"made at {program}:6, freed at no line of Python)" in message


def test_bound_function(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import ctypes, trampfd\n"
        "c = ctypes.CDLL(None)\n"
        "kind = ctypes.CFUNCTYPE(ctypes.c_int)\n"
        "c.abs.argtypes = [ctypes.c_int]\n"
        "function = trampfd.bind(c.abs, -3)\n"
        "address = ctypes.cast(function, ctypes.c_void_p).value\n"
        "del function\n"
        "kind(address)()\n"
    )
    message = call_freed(program, {"TRAMPFD_DEBUG": "1"})
    assert f"made at {program}:5, freed at {program}:7)" in message


@pytest.mark.parametrize("address", ["w", "c"])
def test_object_files(address: str) -> None:
    program = preload.program("preload/call_freed")
    done = preload.run("preload/call_freed", address, environment={"TRAMPFD_DEBUG": "1"})
    assert done.returncode == -signal.SIGABRT
    assert f"(made by {program}, freed by {program}) (slot" in done.stderr
    assert "made by" not in preload.run("preload/call_freed", address).stderr
