# SPDX-License-Identifier: MIT
"""`trampfd enable` and `disable`: what a Python that was enabled does at its start, and survives.

All in virtual environments of their own, which find trampfd and cffi by a .pth file.
"""

from __future__ import annotations

import argparse
import errno
import os
import site
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import core
import pytest
import scale

import trampfd
from trampfd import _enable

PACKAGE = Path(trampfd.__file__).parent

# Prints whether a callback of ctypes, and of cffi, is made by trampfd.
CALLBACKS = """
def is_ours(address):
    from trampfd import _native
    return _native.find(address) is not None
import ctypes
callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)
assert callback() == 42
print(is_ours(ctypes.c_void_p.from_buffer(callback).value))
try:
    import cffi
except ImportError:
    pass
else:
    ffi = cffi.FFI()
    callback = ffi.callback("int(void)", lambda: 42)
    assert callback() == 42
    print(is_ours(int(ffi.cast("uintptr_t", callback))))
"""


class Environment:
    """A virtual environment of a Python, which finds packages in `paths`."""

    def __init__(
        self, folder: Path, python: str = sys.executable, paths: Sequence[object] | None = None
    ) -> None:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        self.file = self.packages / "trampfd-enable.pth"
        # The package first: an environment for development may have another one by a finder.
        self.find = self.packages / "a-find-trampfd.pth"
        paths = [PACKAGE.parent, *others()] if paths is None else paths
        self.find.write_text("".join(f"{path}\n" for path in paths))

    def run(
        self, *words: object, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python; it must succeed, unless `check` is false."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TRAMPFD_DISABLE")}
        done = subprocess.run(
            [str(self.python), *map(str, words)],
            env={**kept, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=scale.seconds(120),
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def trampfd(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "trampfd", *words, check=check)

    def remove_package(self) -> None:
        self.find.unlink()

    def replace_package(self, name: str, text: str) -> None:
        """Let the package be one file, at another place."""
        package = self.packages / "trampfd"
        package.mkdir()
        (package / name).write_text(text)
        self.remove_package()


def others() -> list[str]:
    """Where cffi, and the package's metadata, are."""
    return [path for path in sys.path if path in site.getsitepackages()]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


@pytest.fixture
def enabled(environment: Environment) -> Environment:
    environment.trampfd("enable")
    return environment


def has_cffi(environment: Environment) -> bool:
    return environment.run("-c", "import cffi", check=False).returncode == 0


def test_callbacks_of_an_enabled_python(enabled: Environment) -> None:
    for words in (["-c", CALLBACKS], ["-I", "-c", CALLBACKS], ["-E", "-s", "-c", CALLBACKS]):
        done = enabled.run(*words)
        assert done.stdout.split() == ["True"] * (1 + has_cffi(enabled))
        assert done.stderr == ""


def test_not_without_site(enabled: Environment) -> None:
    done = enabled.run("-S", "-c", "import _ctypes, sys; print('trampfd' in sys.modules)")
    assert done.stdout == "False\n"


def test_cffi_first(enabled: Environment) -> None:
    if not has_cffi(enabled):
        pytest.skip("cffi: not installed")
    done = enabled.run("-c", f"import cffi\n{CALLBACKS}")
    assert done.stdout.split() == ["True", "True"]


STATE = """
import sys
print(sorted(sys.modules))
print([str(finder) for finder in sys.meta_path])
"""


def test_nothing_is_imported_until_it_is_needed(environment: Environment) -> None:
    modules, finders = environment.run("-c", STATE).stdout.splitlines()
    imports = environment.run("-X", "importtime", "-c", "pass").stderr.count("\n")
    environment.trampfd("enable")
    assert environment.run("-X", "importtime", "-c", "pass").stderr.count("\n") == imports
    modules_now, finders_now = environment.run("-c", STATE).stdout.splitlines()
    assert modules_now == modules
    assert eval(finders_now)[1:] == eval(finders)
    done = environment.run("-c", f"import json, socket, subprocess\n{STATE}")
    assert "trampfd" not in done.stdout.splitlines()[0]


def test_import_of_ctypes_brings_little_more(environment: Environment) -> None:
    """The modules that ctypes needs itself, trampfd and the parts of the library that it uses."""
    count = "import ctypes, sys; print(len(sys.modules))"
    without = int(environment.run("-c", count).stdout)
    environment.trampfd("enable")
    assert 0 < int(environment.run("-c", count).stdout) - without < 60
    for name in ("dataclasses", "inspect", "pathlib", "tempfile"):
        assert environment.run("-c", f"import ctypes, sys; print({name!r} in sys.modules)").stdout \
            == "False\n"  # fmt: skip


def test_enable_again_and_disable(environment: Environment) -> None:
    before = sorted(environment.packages.iterdir())
    assert environment.trampfd("enable").stdout.startswith(f"enabled: {environment.file}\n")
    content = environment.file.read_bytes()
    assert environment.trampfd("enable").stdout.startswith(f"already enabled: {environment.file}\n")
    assert environment.file.read_bytes() == content
    assert sorted(environment.packages.iterdir()) == sorted([*before, environment.file])
    assert environment.trampfd("disable").stdout == f"disabled: {environment.file} is removed\n"
    assert sorted(environment.packages.iterdir()) == before
    assert environment.run("-c", CALLBACKS).stdout.split()[0] == "False"
    done = environment.trampfd("disable")
    assert done.stdout == f"not enabled: there is no {environment.file}\n"


def test_file_of_an_earlier_version_is_replaced(enabled: Environment) -> None:
    content = enabled.file.read_text()
    enabled.file.write_text(content.splitlines()[0] + "\nimport sys\n")
    done = enabled.trampfd("enable", "--status", check=False)
    assert done.returncode == 1
    assert "does not use trampfd at its start" in done.stdout
    assert enabled.trampfd("enable").stdout.startswith("enabled: ")
    assert enabled.file.read_text() == content


def test_status(environment: Environment) -> None:
    done = environment.trampfd("enable", "--status", check=False)
    assert (done.returncode, done.stdout) == (1, f"not enabled: there is no {environment.file}\n")
    environment.trampfd("enable")
    done = environment.trampfd("enable", "--status")
    assert (done.returncode, done.stdout) == (0, f"enabled: {environment.file}\n")


def test_readable_for_all_whatever_the_umask(environment: Environment) -> None:
    old = os.umask(0o077)
    try:
        environment.trampfd("enable")
    finally:
        os.umask(old)
    assert environment.file.stat().st_mode & 0o777 == 0o644


def test_file_that_somebody_else_made_stays(environment: Environment) -> None:
    environment.file.write_text("# mine\n")
    for command in ("enable", "disable"):
        done = environment.trampfd(command, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith(f"trampfd {command}: {environment.file} was not made by")
    assert environment.file.read_text() == "# mine\n"


def test_package_that_a_new_python_does_not_find(environment: Environment) -> None:
    environment.remove_package()
    path = os.pathsep.join([str(PACKAGE.parent), *others()])
    done = environment.run("-m", "trampfd", "enable", check=False, PYTHONPATH=path)
    assert done.returncode == 1
    assert f"finds no trampfd, although there is one in {PACKAGE}" in done.stderr
    assert not environment.file.exists()


def test_no_permission(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Root may write anywhere, so the refusal comes from a function in the way."""

    def refuse(path: Path, content: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(_enable, "_site_folders", lambda: [tmp_path])
    monkeypatch.setattr(_enable, "_write", refuse)
    assert _enable.run(argparse.Namespace(command="enable", status=False)) == 1
    assert capsys.readouterr().err == (
        f"trampfd enable: cannot write {tmp_path}/trampfd-enable.pth: Permission denied. Do it as "
        f"the user who owns {tmp_path} (root for the system's Python), or use a virtual "
        "environment\n"
    )


@pytest.mark.parametrize("managed", [True, False])
def test_python_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    managed: bool,
) -> None:
    """One that the system's packages manage, by PEP 668, is told what was added to it."""
    if managed:
        (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(_enable, "_site_folders", lambda: [tmp_path])
    monkeypatch.setattr(_enable, "_refusal", lambda: None)
    monkeypatch.setattr(_enable.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert _enable.run(argparse.Namespace(command="enable", status=False)) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == f"enabled: {tmp_path}/trampfd-enable.pth"
    assert last.startswith("This Python is the system's") == managed


def test_folder_is_that_of_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's Python has several; the one for what the administrator installs is taken."""
    folders = [tmp_path / name for name in ("dist-packages", "local", "absent")]
    for folder in folders[:2]:
        folder.mkdir()
    monkeypatch.setattr(site, "getsitepackages", lambda: list(map(str, folders)))
    monkeypatch.setattr(_enable.sysconfig, "get_path", lambda name: str(folders[1]))
    assert _enable._site_folders() == [folders[1], folders[0]]


@pytest.mark.parametrize("value", ["1", "yes"])
def test_way_out(enabled: Environment, value: str) -> None:
    done = enabled.run("-c", CALLBACKS, TRAMPFD_DISABLE=value)
    assert done.stdout.split()[0] == "False"
    assert enabled.run("-c", STATE, TRAMPFD_DISABLE=value).stdout.count("Waiting") == 0


@pytest.mark.parametrize("value", ["0", ""])
def test_no_way_out(enabled: Environment, value: str) -> None:
    assert enabled.run("-c", CALLBACKS, TRAMPFD_DISABLE=value).stdout.split()[0] == "True"


def test_way_out_is_for_what_is_automatic(environment: Environment) -> None:
    done = environment.run("-m", "trampfd", "run", "-c", CALLBACKS, TRAMPFD_DISABLE="1")
    assert done.stdout.split()[0] == "False"
    assert done.stderr == "trampfd run: TRAMPFD_DISABLE is set: callbacks are stock\n"
    code = f"import trampfd\ntrampfd.install()\n{CALLBACKS}"
    assert environment.run("-c", code, TRAMPFD_DISABLE="1").stdout.split()[0] == "True"


STOCK = "import ctypes; print(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)())"


def test_package_is_gone(enabled: Environment) -> None:
    enabled.remove_package()
    done = enabled.run("-c", STOCK)
    assert (done.stdout, done.stderr) == ("42\n", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("__init__.py", "", "ModuleNotFoundError: No module named 'trampfd._install'"),
        ("left.py", "", "ModuleNotFoundError: No module named 'trampfd._install'"),
        ("__init__.py", "1 / 0", "ZeroDivisionError: division by zero"),
        ("__init__.py", "(", "SyntaxError: '(' was never closed"),
        ("_install.py", "", "ImportError: cannot import name 'install_at_start'"),
    ],
)
def test_package_is_broken(enabled: Environment, name: str, text: str, message: str) -> None:
    if "never closed" in message and sys.version_info < (3, 10):
        message = "SyntaxError: unexpected EOF"
    enabled.replace_package(name, text)
    assert enabled.run("-c", "pass").stderr == ""
    done = enabled.run("-c", STOCK)
    assert done.stdout == "42\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"trampfd: ctypes and cffi callbacks are not redirected: {message}")
    assert "`trampfd disable` ends this message" in line


def test_cffi_that_cannot_be_redirected(enabled: Environment) -> None:
    (enabled.packages / "_cffi_backend.py").write_text("number = 42\n")
    done = enabled.run("-c", "import _cffi_backend; print(_cffi_backend.number)")
    assert done.stdout == "42\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("trampfd: _cffi_backend is not redirected: this version of cffi")
    done = enabled.run("-c", "import trampfd; trampfd.install(); import _cffi_backend", check=False)
    assert done.returncode == 1
    assert "RuntimeError: this version of cffi" in done.stderr


def test_ctypes_is_imported_by_another_pth_file(enabled: Environment) -> None:
    (enabled.packages / "a.pth").write_text("import ctypes\n")
    assert enabled.run("-c", CALLBACKS).stdout.split()[0] == "True"


def test_many_threads_import_at_once(enabled: Environment) -> None:
    code = """
import sys, threading
start = threading.Barrier(8)
def work(i):
    start.wait()
    if i % 2:
        import ctypes
        callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)
        addresses.append(ctypes.c_void_p.from_buffer(callback).value)
        kept.append(callback)
    else:
        try:
            import cffi
        except ImportError:
            return
        ffi = cffi.FFI()
        kept.append(ffi.callback("int(void)", lambda: 42))
        addresses.append(int(ffi.cast("uintptr_t", kept[-1])))
addresses, kept = [], []
threads = [threading.Thread(target=work, args=[i]) for i in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
from trampfd import _native
assert len(addresses) in (4, 8)
assert all(map(_native.find, addresses))
assert not any("Waiting" in str(finder) for finder in sys.meta_path)
"""
    for _ in range(5):
        assert enabled.run("-c", code).stderr == ""


def test_subinterpreter_stays_stock(enabled: Environment) -> None:
    code = f"""
import sys
try:
    import _interpreters as interpreters
    new = lambda: interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    new = interpreters.create
interpreter = new()
failed = interpreters.run_string(interpreter, {STOCK!r})
assert not failed, failed
interpreters.destroy(interpreter)
"""
    done = enabled.run("-c", code)
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_under_denial(enabled: Environment) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(core.TESTS)!r})
import deny
try:
    deny.mdwe()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({core.SKIPPED})
{CALLBACKS}
assert not deny.wx_mappings() and not deny.aliased()
"""
    done = enabled.run("-c", code, check=False)
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "True"
