# SPDX-License-Identifier: MIT
"""`trampfd preload`: the library that the package carries, or else the system's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import core, scale

import trampfd
from trampfd.__main__ import main
from trampfd._system import preload_library
from trampfd._system.elf import read_elf

# Two callbacks by the stock ctypes of a process that may have no W+X memory.
PROGRAM = """
import os
from support import hardening
try:
    hardening.systemd_mdwe()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(77)
code = '''
import ctypes, sys
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
assert [cls(lambda x: x + 1)(1), cls(lambda x: x * 2)(4)] == [2, 8]
print(*sorted(name for name in sys.modules if "trampfd" in name))
'''
os.environ["LD_PRELOAD"] = sys.argv[1]
os.environ["TRAMPFD_REPORT"] = "1"
os.execv(sys.executable, [sys.executable, "-c", code])
"""


def test_path_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preload"]) == 0
    path = Path(capsys.readouterr().out.removesuffix("\n"))
    assert path == Path(trampfd.__file__).with_name("libtrampfd-ffi.so")
    assert read_elf(path).soname == "libtrampfd-ffi.so.0"


def test_path_that_the_loader_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    library = Path(trampfd.__file__).with_name("libtrampfd-ffi.so")
    shutil.copy(library, tmp_path / "libtrampfd-ffi.so.0")
    monkeypatch.setattr(preload_library, "PACKAGE", tmp_path / "package")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    assert main(["preload"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/libtrampfd-ffi.so.0\n"


def test_a_path_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    """The shell gets the bytes of the path, whatever the encoding of the output."""
    folder = os.fsencode(tmp_path) + b"/\xe6\x97\xa5\xff"
    package = os.fsdecode(folder) + "/trampfd"
    shutil.copytree(Path(trampfd.__file__).parent, package, ignore=shutil.ignore_patterns("__*__"))
    done = subprocess.run(
        [sys.executable, "-c", "from trampfd.__main__ import main; main(['preload'])"],
        env={**os.environb, b"PYTHONPATH": folder, b"PYTHONIOENCODING": b"ascii"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        timeout=scale.seconds(60),
        check=True,
    )
    assert done.stdout == os.fsencode(package) + b"/libtrampfd-ffi.so\n"


@pytest.mark.parametrize("name", ["a b", "a:b"])
def test_a_path_that_ld_preload_cannot_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    library = tmp_path / name / "libtrampfd-ffi.so"
    library.parent.mkdir()
    library.write_text("")
    monkeypatch.setattr(preload_library, "PACKAGE", library.parent)
    assert main(["preload"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert f"LD_PRELOAD cannot name {library}" in seen.err


def test_missing_library_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(preload_library, "PACKAGE", tmp_path)
    monkeypatch.setattr(preload_library, "SONAME", "libtrampfd-absent.so.0")
    assert main(["preload"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith(f"trampfd preload: neither {tmp_path} nor the dynamic loader has")


def test_library_of_the_package_serves_a_stock_python() -> None:
    import _ctypes

    needed = read_elf(Path(_ctypes.__file__)).needed if hasattr(_ctypes, "__file__") else ()
    if not any(name.startswith("libffi.so") for name in needed):
        pytest.skip("a _ctypes with a shared libffi: this Python has libffi inside")
    done = core.run(*core.python_command(PROGRAM), preload_library.find())
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
    assert "_ctypes" in done.stderr
    # CPython 3.14 makes one of its own when ctypes is imported.
    times = 3 if sys.version_info >= (3, 14) else 2
    assert f"makes closures ({times} times)" in done.stderr
