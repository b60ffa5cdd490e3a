# SPDX-License-Identifier: MIT
"""`trampfd run` beside `python`: what the program sees and how it ends are the same."""

from __future__ import annotations

import errno
import os
import py_compile
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import scale

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
    py_compile.compile(os.fspath(tmp_path / "script.py"), os.fspath(tmp_path / "script.pyc"))
    (tmp_path / "broken_hook.py").write_text(
        "import sys\ndef hook(*error):\n    raise KeyError(1)\nsys.excepthook = hook\n1 / 0\n"
    )
    (tmp_path / "exit_hook.py").write_text(
        "import sys\nsys.excepthook = lambda *error: sys.exit(5)\n1 / 0\n"
    )
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", SCRIPT)
    return tmp_path


def python(
    folder: Path, *words: str, program: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        input=program,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )


_ELSEWHERE = "end of a program: CPython 3.9 shows another line of a file than of its text"


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
        ["-cimport sys; print(sys.argv, repr(sys.path[0]), sorted(globals()))", "1"],
        ["-c", "def f():\n    1 / 0\nf()"],
        ["-c", "(", "syntax"],
        ["-c", "\n  import sys\n  1 / 0", "indented"],
        ["-mpackage", "argument"],
        ["-mscript", "raise"],
        ["script.pyc", "raise"],
        ["syntax.py"],
        ["broken_hook.py"],
        ["exit_hook.py"],
    ],
    ids=" ".join,
)
def test_same_as_python(programs: Path, words: list[str]) -> None:
    if words == ["syntax.py"] and sys.version_info < (3, 10):
        pytest.skip(_ELSEWHERE)
    stock = python(programs, *words)
    ours = python(programs, "-m", "trampfd", "run", *words)
    assert ours.stdout == stock.stdout
    assert traceback_of_program(ours.stderr) == traceback_of_program(stock.stderr)
    assert ours.returncode == stock.returncode


@pytest.mark.parametrize("last", ["pass", "fail()", "sys.exit(3)", "x = ("])
def test_program_from_standard_input(programs: Path, last: str) -> None:
    if last == "x = (" and sys.version_info < (3, 10):
        pytest.skip(_ELSEWHERE)
    program = f"{SCRIPT}\nprint(input.__name__, sys.stdin.read())\n{last}\n"
    stock = python(programs, "-", "a", "b", program=program)
    ours = python(programs, "-m", "trampfd", "run", "-", "a", "b", program=program)
    assert (ours.stdout, ours.stderr, ours.returncode) == (
        stock.stdout, stock.stderr, stock.returncode
    )  # fmt: skip


def test_script_of_an_installed_package(programs: Path) -> None:
    """It is found by its name, as a shell would find it."""
    path = Path(sys.executable).with_name("pip")
    if not path.exists():
        pytest.skip("pip: not installed beside this Python")
    stock = python(programs, str(path), "--version")
    ours = python(programs, "-m", "trampfd", "run", "pip", "--version")
    assert (ours.stdout, ours.returncode) == (stock.stdout, 0), ours.stderr
    (programs / "pip").write_text("print('a file of this name comes first')\n")
    assert "comes first" in python(programs, "-m", "trampfd", "run", "pip").stdout


@pytest.mark.parametrize("name", ["contextlib", "functools", "typing", "threading", "trampfd"])
def test_files_beside_the_script_are_the_programs(programs: Path, name: str) -> None:
    pytest.importorskip("_cffi_backend", reason="cffi is not installed")
    (programs / "folder" / f"{name}.py").write_text(f"print({name!r}, 'is imported')\n")
    (programs / "folder" / "main.py").write_text(
        "import _cffi_backend, _ctypes\nprint(_ctypes.CFuncPtr.__name__[-8:])\n"
    )
    done = python(programs, "-m", "trampfd", "run", "folder/main.py")
    assert (done.stdout, done.stderr) == ("CFuncPtr\n", "")


def test_little_is_imported(programs: Path) -> None:
    code = "import sys; print(*sys.modules)"
    module = python(programs, "-c", f"import runpy, importlib.util, linecache; {code}")
    ours = python(programs, "-m", "trampfd", "run", "-c", code)
    more = set(ours.stdout.split()) - set(module.stdout.split())
    assert {name for name in more if not name.startswith("trampfd")} <= {
        "__future__",
        "atexit",
        "errno",
    }


def test_exception_of_code_has_status_1(programs: Path) -> None:
    ours = python(programs, "-m", "trampfd", "run", "-c", "1 / 0")
    assert ours.returncode == 1
    assert "ZeroDivisionError" in ours.stderr
    assert "_cli" not in ours.stderr


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
    pytest.importorskip("cffi")
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


WRITERS = """
import os, sys
jit = getattr(sys, "_jit", None)
print(jit.is_enabled() if jit else None, getattr(sys, "is_stack_trampoline_active", bool)(),
      os.environ.get("PYTHON_JIT"), os.environ.get("PYTHONPERFSUPPORT"),
      sys.argv, sys.flags.optimize)
def hot():
    total = 0
    for i in range(200000):
        total += i
    return total
assert hot() + hot() > 0
"""


@pytest.mark.parametrize("name", ["PYTHON_JIT", "PYTHONPERFSUPPORT"])
def test_harden_starts_without_code_that_python_writes(programs: Path, name: str) -> None:
    """Where this Python has neither, the environment is right for those that it starts."""
    if not mdwe_is_supported():
        pytest.skip("--harden: PR_SET_MDWE is not in this kernel")
    (programs / "hot.py").write_text(WRITERS)
    words = ["-O", "-m", "trampfd", "run", "--harden", "hot.py", "a b"]
    done = python(programs, *words, **{name: "1"})
    assert (done.returncode, done.stderr) == (0, "")
    jit, perf, *values = done.stdout.split(" ", 4)
    assert jit in ("None", "False") and perf == "False"
    assert values[name == "PYTHONPERFSUPPORT"] == "0"
    assert values[2] == "['hot.py', 'a b'] 1\n"
    # Ignored by this process, not by those that it starts.
    words[0] = "-E"
    if sys.flags.ignore_environment == 0 and not os.environ.get("PYTHONPATH"):
        done = python(programs, *words, **{name: "1"})
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", ["perf", "perf_jit"])
def test_harden_refuses_what_it_cannot_switch_off(programs: Path, option: str) -> None:
    if not mdwe_is_supported():
        pytest.skip("--harden: PR_SET_MDWE is not in this kernel")
    code = "import sys; print(sys.is_stack_trampoline_active())"
    if python(programs, "-X", option, "-c", code).stdout != "True\n":
        pytest.skip(f"-X {option}: not in this Python")
    words = ["-m", "trampfd", "run", "--harden", "-c", "print('not run')"]
    done = python(programs, "-X", option, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--harden: this Python runs with perf trampolines; start it without -X" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_and_version(programs: Path) -> None:
    assert "--harden" in python(programs, "-m", "trampfd", "run", "--help").stdout
    overview = python(programs, "-m", "trampfd", "--help").stdout
    for command in ("run", "doctor", "audit", "demo"):
        assert command in overview
    assert python(programs, "-m", "trampfd", "--version").stdout.startswith("trampfd ")
    nothing = python(programs, "-m", "trampfd")
    assert nothing.returncode == 2
    assert "Traceback" not in nothing.stderr


LAZY = """
import ctypes, _cffi_backend, sys, trampfd
if "install" in sys.argv:
    trampfd.install()
callbacks = (
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1),
    _cffi_backend.FFI().callback("int(int)", lambda x: x + 2),
)
print(*(callback(1) for callback in callbacks), trampfd.status().slots_used)
"""


@pytest.mark.skipif(sys.version_info < (3, 15), reason="-X lazy_imports is new in CPython 3.15")
@pytest.mark.parametrize("way", ["install", "run", "run --harden"])
def test_all_imports_are_lazy(programs: Path, way: str) -> None:
    """Modules are imported where a name of theirs is first used."""
    pytest.importorskip("cffi")
    if way.endswith("--harden") and not mdwe_is_supported():
        pytest.skip("--harden: PR_SET_MDWE is not in this kernel")
    (programs / "lazy.py").write_text(LAZY)
    words = ["lazy.py", "install"]
    if way != "install":
        words = ["-m", "trampfd", *way.split(), "lazy.py"]
    done = python(programs, "-X", "lazy_imports=all", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 3 2\n", "")
