# SPDX-License-Identifier: MIT
"""The Pythons that a program of `trampfd run` starts: served, or reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from support import hardening, scale

from trampfd._cli import children

pytest.importorskip("_cffi_backend", reason="cffi is not installed")

# What a process makes of a callback, and what is left in it of how it was started.
LOOK = """
import json, os, sys

def look():
    import ctypes
    try:
        made = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)
        answer = made()
        import _cffi_backend
        ffi = _cffi_backend.FFI()
        other = ffi.callback("int(*)(int)", lambda x: x + 1)(answer)
    except (MemoryError, ImportError) as error:
        answer = other = type(error).__name__
    native = sys.modules.get("trampfd._native")
    with open("/proc/self/maps") as file:
        modes = [line.split()[1] for line in file]
    return {
        "answers": [answer, other],
        "used": native.status()["slots_used"] if native else 0,
        "wx": sum("w" in mode and "x" in mode for mode in modes),
        "path": [folder for folder in sys.path if "children" in folder],
        "added": sorted({"PYTHONPATH", "TRAMPFD_CHILDREN"} & set(os.environ)),
        "site": getattr(sys.modules.get("sitecustomize"), "OWN", None),
    }
"""

PROGRAM = """
import multiprocessing, os, subprocess, sys
from look import json, look

def _child(queue):
    queue.put(look())

def by_multiprocessing(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_child, args=(queue,))
    process.start()
    seen = queue.get(timeout=%d)
    process.join()
    return seen

PRINT = "import sys; sys.path.insert(0, %r); from look import json, look; print(json.dumps(look()))"
COMMAND = [sys.executable, "-c", PRINT]

def by_subprocess(*options, **arguments):
    command = [sys.executable, *options, "-c", PRINT]
    return json.loads(subprocess.check_output(command, **arguments))

def by_exec():
    sys.stdout.flush()
    os.execv(sys.executable, COMMAND)

def by_shell():
    import shlex
    return json.loads(subprocess.check_output(shlex.join(COMMAND) + " | cat", shell=True))

def grandchild():
    return json.loads(subprocess.check_output([sys.executable, "-c",
        f"import subprocess, sys; subprocess.run({COMMAND!r}, check=True)"]))

if __name__ == "__main__":
    print(json.dumps(eval(sys.argv[1])))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "look.py").write_text(LOOK)
    path = tmp_path / "program.py"
    path.write_text(PROGRAM % (scale.seconds(60), os.fspath(tmp_path)))
    return path


def trampfd_run(program: Path, how: str, *options: str, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "trampfd", "run", *options, program, how],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=scale.seconds(120),
    )


SERVED = {"answers": [42, 43], "path": [], "added": ["PYTHONPATH", "TRAMPFD_CHILDREN"], "wx": 0}

WAYS = (
    "look()",
    "by_multiprocessing('fork')",
    "by_multiprocessing('spawn')",
    "by_multiprocessing('forkserver')",
    "by_subprocess()",
    "by_subprocess('-O', '-B', '-X', 'utf8')",
    "by_exec()",
    "by_shell()",
    "grandchild()",
)

needs_mdwe = pytest.mark.skipif(not hardening.has_mdwe(), reason="PR_SET_MDWE needs Linux 6.3")

HARDENED = pytest.param(("--harden",), marks=needs_mdwe)


@pytest.mark.parametrize("options", [(), HARDENED], ids=["plain", "hardened"])
@pytest.mark.parametrize("how", WAYS)
def test_every_python_is_served(program: Path, how: str, options: tuple[str, ...]) -> None:
    done = trampfd_run(program, how, *options)
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    assert seen["used"] > 0
    assert {name: seen[name] for name in SERVED} == SERVED


def test_no_children(program: Path) -> None:
    for how in ("by_subprocess()", "by_multiprocessing('spawn')"):
        seen = json.loads(trampfd_run(program, how, "--no-children").stdout)
        assert (seen["answers"], seen["used"], seen["added"]) == ([42, 43], 0, [])


def test_no_children_of_a_served_child(program: Path) -> None:
    inner = [sys.executable, "-m", "trampfd", "run", "--no-children"]
    how = (
        f"json.loads(subprocess.check_output([*{inner!r}, {os.fspath(program)!r}, "
        "'by_subprocess()']))"
    )
    seen = json.loads(trampfd_run(program, how).stdout)
    assert (seen["used"], seen["added"]) == (0, [])


def test_own_pythonpath_and_sitecustomize_are_kept(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("OWN = 'the site'\n")
    done = trampfd_run(program, "by_subprocess()", PYTHONPATH=os.fspath(folder))
    seen = json.loads(done.stdout)
    assert (seen["site"], seen["used"] > 0, seen["path"]) == ("the site", True, [])


def test_disabled(program: Path) -> None:
    seen = json.loads(trampfd_run(program, "by_subprocess()", TRAMPFD_DISABLE="1").stdout)
    assert (seen["used"], seen["added"]) == (0, [])


@needs_mdwe
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("by_subprocess('-I')", "option -I"),
        ("by_subprocess('-BE')", "option -E"),
        ("by_subprocess('-S')", "option -S"),
        ("by_subprocess(env={})", "its environment has another PYTHONPATH"),
        ("by_subprocess(env={**os.environ, 'PYTHONPATH': ''})", "another PYTHONPATH"),
    ],
)
def test_a_child_that_is_not_served_is_reported(program: Path, how: str, reason: str) -> None:
    done = trampfd_run(program, how, "--harden")
    reports = [line for line in done.stderr.splitlines() if line.startswith("trampfd run: ")]
    assert len(reports) == 1, done.stderr
    assert reason in reports[0]
    assert "trampfd run:" not in trampfd_run(program, how).stderr, "without --harden"


@needs_mdwe
@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_options_that_workers_inherit_are_reported(option: str) -> None:
    """multiprocessing starts Python with the options of its own, and reports no start."""
    start = """
import multiprocessing, sys
process = multiprocessing.get_context("spawn").Process(target=print, args=(1,))
if sys.argv[1] == "start":
    process.start()
    process.join()
"""
    command = [sys.executable, option, "-m", "trampfd", "run", "--harden", "-c", start]
    # Without `site` there is no editable install either.
    path = os.pathsep.join(sys.path) if option == "-S" else ""
    environment = {**os.environ, "PYTHONPATH": path}

    def run(word: str) -> subprocess.CompletedProcess[str]:
        words = [*command, word]
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)

    done = run("start")
    assert done.stdout == "1\n", done.stderr
    assert [line.split(" (")[0] for line in done.stderr.splitlines()] == [
        "trampfd run: its workers have stock callbacks"
    ]
    assert run("nothing").stderr == ""


@needs_mdwe
def test_a_python_without_trampfd_says_so(program: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "other", with_pip=False)
    how = f"subprocess.call([{os.fspath(tmp_path / 'other/bin/python')!r}, '-c', 'import ctypes'])"
    done = trampfd_run(program, how, "--harden")
    assert done.stdout == "0\n"
    assert len(done.stderr.splitlines()) == 1
    assert "No module named 'trampfd'" in done.stderr
    assert trampfd_run(program, how).stderr == ""


@pytest.mark.parametrize(
    ("argv", "letters"),
    [
        ("python script.py -I", ""),
        ("python -Iu script.py", "Iu"),
        ("python -c -I", ""),
        ("python -uc -I", "u"),
        ("python -W error -X dev -m x -I", "WX"),
        ("python -Wall -E -", "WE"),
        ("python --check-hash-based-pycs -I -S", "S"),
        ("python --version -s", "s"),
        ("python", ""),
    ],
)
def test_options_of_the_interpreter(argv: str, letters: str) -> None:
    assert "".join(children._options(argv.split())) == letters
