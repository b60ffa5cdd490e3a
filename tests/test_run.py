# SPDX-License-Identifier: MIT
"""`trampfd run` beside `python`: what the program sees and how it ends are the same."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import scale

from trampfd import _native

SCRIPT = """\
import sys
print(sys.argv, sys.path[0], __name__, __file__, __package__, sorted(globals()))
how = sys.argv[-1]
def fail():
    raise ValueError("deep inside")
if how == "raise":
    fail()
elif how == "interrupt":
    raise KeyboardInterrupt
elif how == "message":
    sys.exit("the message")
elif how == "status":
    sys.exit(3)
elif how == "hook":
    sys.excepthook = lambda *error: print("hook", error[0], error[1])
    fail()
elif how == "chain":
    try:
        fail()
    except ValueError:
        raise KeyError("second") from None
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for folder in (tmp_path, tmp_path / "folder", tmp_path / "package"):
        folder.mkdir(exist_ok=True)
        name = "script.py" if folder == tmp_path else "__main__.py"
        (folder / name).write_text(SCRIPT)
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "syntax.py").write_text("x = (\n")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SCRIPT)
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )


def traceback_of_program(stderr: str) -> str:
    """`python -m` and `python folder` show two frames of runpy, `trampfd run` none."""
    return "\n".join(line for line in stderr.splitlines() if "<frozen runpy>" not in line and
                     "runpy.py" not in line and "return _run_code(" not in line
                     and not line.startswith("    exec(code, run_globals)"))  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ["script.py", "a", "-m", "b", "--harden"],
        ["./script.py", "raise"],
        ["script.py", "interrupt"],
        ["script.py", "message"],
        ["script.py", "status"],
        ["script.py", "hook"],
        ["script.py", "chain"],
        ["folder", "argument"],
        ["archive.zip", "raise"],
        ["-m", "package", "argument"],
        ["-m", "package", "raise"],
        ["-m", "script", "status"],
        ["-c", "import sys; print(sys.argv, repr(sys.path[0]))", "1", "-c"],
        ["-c", "raise SystemExit(7)"],
        ["syntax.py"],
    ],
    ids=" ".join,
)
def test_same_as_python(programs: Path, words: list[str]) -> None:
    stock = python(programs, *words)
    ours = python(programs, "-m", "trampfd", "run", *words)
    assert ours.stdout == stock.stdout
    assert traceback_of_program(ours.stderr) == traceback_of_program(stock.stderr)
    assert ours.returncode == stock.returncode


def test_exception_of_code_has_status_1(programs: Path) -> None:
    ours = python(programs, "-m", "trampfd", "run", "-c", "1 / 0")
    assert ours.returncode == 1
    assert "ZeroDivisionError" in ours.stderr
    assert "_run.py" not in ours.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a script, -m module or -c code is required"),
        (["-m"], "argument -m: expected one argument"),
        (["-c"], "argument -c: expected one argument"),
        (["-O", "script.py"], "unrecognized option -O"),
        (["absent.py"], "can't open file"),
        (["-m", "no_such_module"], "no module named no_such_module"),
        (["-m", "package.absent"], "no module named package.absent"),
        (["empty"], "can't find '__main__' module"),
    ],
)
def test_user_mistakes(programs: Path, words: list[str], message: str) -> None:
    ours = python(programs, "-m", "trampfd", "run", *words)
    assert ours.returncode in (1, 2)
    assert ours.stdout == ""
    assert message in ours.stderr
    assert "Traceback" not in ours.stderr


def test_import_error_inside_the_module_is_the_programs(programs: Path) -> None:
    (programs / "broken.py").write_text("import no_such_module\n")
    ours = python(programs, "-m", "trampfd", "run", "-m", "broken")
    assert ours.returncode == 1
    assert "No module named 'no_such_module'" in ours.stderr
    assert "broken.py" in ours.stderr


def test_callbacks_are_ours(programs: Path) -> None:
    code = (
        "import cffi, ctypes, trampfd; ffi = cffi.FFI();"
        "a = ffi.callback('int(int)', lambda x: x + 1);"
        "b = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7);"
        "print(a(1), b(), trampfd.is_installed(), trampfd.status().slots_used)"
    )
    assert python(programs, "-m", "trampfd", "run", "-c", code).stdout == "2 7 True 2\n"


def test_first_path_is_left_alone_in_safe_mode(programs: Path) -> None:
    if not hasattr(sys.flags, "safe_path"):
        pytest.skip("python -P: not in this Python")
    words = ["-c", "import sys; print(sys.path)"]
    # The console script is found through the environment, not through sys.path[0].
    stock = python(programs, "-P", *words)
    ours = python(programs, "-P", "-m", "trampfd", "run", *words)
    assert ours.stdout == stock.stdout


def mdwe_is_supported() -> bool:
    try:
        _native.prctl(66)  # PR_GET_MDWE
    except OSError as error:
        assert error.errno == errno.EINVAL
        return False
    return True


def test_harden(programs: Path) -> None:
    code = "import mmap; mmap.mmap(-1, 4096, prot=7)"
    assert python(programs, "-m", "trampfd", "run", "-c", code).returncode == 0
    hardened = python(programs, "-m", "trampfd", "run", "--harden", "-c", code)
    if mdwe_is_supported():
        assert hardened.returncode == 1
        assert "PermissionError" in hardened.stderr
    else:
        assert hardened.returncode == 2
        assert f"this kernel is {os.uname().release}" in hardened.stderr


def test_help_and_version(programs: Path) -> None:
    assert "--harden" in python(programs, "-m", "trampfd", "run", "--help").stdout
    overview = python(programs, "-m", "trampfd", "--help").stdout
    for command in ("run", "doctor", "audit", "demo"):
        assert command in overview
    assert python(programs, "-m", "trampfd", "--version").stdout.startswith("trampfd ")
    nothing = python(programs, "-m", "trampfd")
    assert nothing.returncode == 2
    assert "Traceback" not in nothing.stderr
