# SPDX-License-Identifier: MIT
"""`trampfd enable` and `disable`: what a Python that was enabled does at its start, and survives.

All in virtual environments of their own, which find trampfd and cffi by a .pth file.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import core, scale
from support.environment import PACKAGE, Environment, others

from trampfd import _native
from trampfd._cli import _hook, enable

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


def test_option_S_disables_the_hook(enabled: Environment) -> None:
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
    assert environment.run("-X", "importtime", "-c", "pass").stderr.count("\n") == imports + 1
    modules_now, finders_now = environment.run("-c", STATE).stdout.splitlines()
    assert set(eval(modules_now)) == {*eval(modules), "trampfd_enable"}
    assert eval(finders_now)[1:] == eval(finders)
    done = environment.run("-c", f"import json, socket, subprocess\n{STATE}")
    assert "'trampfd'" not in done.stdout.splitlines()[0]


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
    added = {environment.file, environment.modules[0].parent}
    assert set(environment.packages.iterdir()) == {*before, *added}
    assert environment.trampfd("disable").stdout == environment.disabled()
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


def test_on_request(environment: Environment) -> None:
    done = environment.trampfd("enable", "--on-request")
    assert "with TRAMPFD_ENABLE=1 in its environment from now on" in done.stdout
    for value, is_served in (("1", True), ("yes", True), ("0", False), ("", False)):
        done = environment.run("-c", CALLBACKS, TRAMPFD_ENABLE=value)
        assert done.stdout.split()[0] == str(is_served), value
    assert environment.run("-c", CALLBACKS).stdout.split()[0] == "False"
    status = environment.trampfd("enable", "--status").stdout
    assert status == f"enabled on request: {environment.file}\n"
    assert environment.trampfd("enable").stdout.startswith(f"enabled: {environment.file}\n")
    assert environment.run("-c", CALLBACKS).stdout.split()[0] == "True"
    assert environment.trampfd("disable").stdout == environment.disabled()


def test_status_reports_the_disabling_variable(enabled: Environment) -> None:
    done = enabled.run("-m", "trampfd", "enable", "--status", check=False, TRAMPFD_DISABLE="1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith("but TRAMPFD_DISABLE is set")


@pytest.mark.parametrize("length", [0, 20, 90, 100])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_file_that_was_cut_off(enabled: Environment, number: int, length: int) -> None:
    path = [enabled.file, *enabled.modules][number]
    content = path.read_text()
    assert len(content) > length
    path.write_text(content[:length])
    done = enabled.trampfd("enable", "--status", check=False)
    assert done.returncode == 1
    assert f"{path} is incomplete, or of another version" in done.stdout
    assert enabled.trampfd("enable").stdout.startswith("enabled: ")
    assert path.read_text() == content
    path.write_text(content[:length])
    assert enabled.trampfd("disable").stdout == enabled.disabled()


def test_file_that_cannot_be_read(environment: Environment) -> None:
    environment.file.mkdir()
    done = environment.trampfd("enable", "--status", check=False)
    assert done.returncode == 1
    assert f"but cannot read {environment.file}: Is a directory" in done.stdout
    for command in ("enable", "disable"):
        done = environment.trampfd(command, check=False)
        assert done.returncode == 1
        assert f"cannot read {environment.file}: Is a directory" in done.stderr


# Pythons that ignore code in .pth files, of which there is none yet: 3.15 takes .start files too.
START = "from trampfd._cli import enable; enable._IGNORES_CODE_IN_PTH_FILES = True; import sys\n"
START += "from trampfd.__main__ import main; sys.exit(main(sys.argv[1:]))"


def test_start_file(environment: Environment) -> None:
    before = sorted(environment.packages.iterdir())
    done = environment.run("-c", START, "enable")
    assert done.stdout.startswith(f"enabled: {environment.file}\n")
    start = environment.file.with_suffix(".start")
    module = environment.modules[0]
    added = {environment.file, start, module.parent}
    assert set(environment.packages.iterdir()) == {*before, *added}
    assert start.read_text().splitlines()[1:] == ["trampfd_enable:start"]
    # As site calls it, without the package too.
    use = f"import trampfd_enable; trampfd_enable.start()\n{STOCK}\nimport sys\n"
    use += "print('trampfd._install' in sys.modules)"
    environment.file.unlink()
    assert environment.run("-c", use).stdout == "42\nTrue\n"
    done = environment.run("-c", START, "enable", "--status", check=False)
    assert f"there is no {environment.file}" in done.stdout
    text = environment.find.read_text()
    environment.remove_package()
    done = environment.run("-c", use)
    assert (done.stdout, done.stderr) == ("42\nFalse\n", "")
    environment.find.write_text(text)
    module.unlink()
    done = environment.run("-c", START, "enable", "--status", check=False)
    assert f"there is no {module}" in done.stdout
    environment.run("-c", START, "enable")
    environment.trampfd("disable")
    left = [path for path in environment.packages.rglob("*enable*") if path.is_file()]
    assert not left


def test_start_file_of_a_python_that_takes_them(environment: Environment) -> None:
    if sys.version_info < (3, 15):
        pytest.skip(".start files: CPython 3.15 is the first that takes them")
    environment.run("-c", START, "enable")
    done = environment.run("-v", "-c", CALLBACKS)
    assert done.stdout.split()[0] == "True"
    assert "import trampfd_enable" in done.stderr.replace("'", "")
    environment.remove_package()
    done = environment.run("-c", STOCK)
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_readable_for_all_whatever_the_umask(environment: Environment) -> None:
    old = os.umask(0o077)
    try:
        environment.trampfd("enable")
    finally:
        os.umask(old)
    for file in (environment.file, *environment.modules[0].parent.rglob("*")):
        assert file.stat().st_mode & 0o777 == (0o755 if file.is_dir() else 0o644)
    assert len(list(environment.modules[0].parent.glob("*/*.pyc"))) == 2


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

    monkeypatch.setattr(enable, "_site_folders", lambda: [tmp_path])
    monkeypatch.setattr(enable, "write", refuse)
    assert enable.run(argparse.Namespace(command="enable", status=False, on_request=False)) == 1
    assert capsys.readouterr().err == (
        f"trampfd enable: cannot write {tmp_path}/trampfd_enable/__init__.py: Permission denied. "
        f"Do it as the user who owns {tmp_path}/trampfd_enable (root for the system's Python), or "
        "use a virtual environment\n"
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
    monkeypatch.setattr(enable, "_site_folders", lambda: [tmp_path])
    monkeypatch.setattr(enable, "_refusal", lambda: None)
    monkeypatch.setattr(enable.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert enable.run(argparse.Namespace(command="enable", status=False, on_request=False)) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == f"enabled: {tmp_path}/trampfd-enable.pth"
    assert last.startswith("This Python is the system's") == managed


def test_folder_is_that_of_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian's Python has several; the one for what the administrator installs is taken."""
    folders = [tmp_path / name for name in ("dist-packages", "local", "absent")]
    for folder in folders[:2]:
        folder.mkdir()
    monkeypatch.setattr(site, "getsitepackages", lambda: list(map(str, folders)))
    monkeypatch.setattr(enable.sysconfig, "get_path", lambda name: str(folders[1]))
    assert enable._site_folders() == [folders[1], folders[0]]


@pytest.mark.parametrize("value", ["1", "yes"])
def test_variable_disables_the_hook(enabled: Environment, value: str) -> None:
    done = enabled.run("-c", CALLBACKS, TRAMPFD_DISABLE=value)
    assert done.stdout.split()[0] == "False"
    assert enabled.run("-c", STATE, TRAMPFD_DISABLE=value).stdout.count("Waiting") == 0


@pytest.mark.parametrize("value", ["0", ""])
def test_other_values_do_not_disable_the_hook(enabled: Environment, value: str) -> None:
    assert enabled.run("-c", CALLBACKS, TRAMPFD_DISABLE=value).stdout.split()[0] == "True"


IS_DISABLED = """
import os
from trampfd._cli._hook import is_disabled
print(os.getuid(), os.geteuid(), is_disabled())
"""


def test_variable_is_ignored_in_privileged_programs() -> None:
    """A set-user-ID Python that root, or another user, runs."""
    if os.geteuid():
        pytest.skip("set-user-ID programs: only root can make one for another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        python = shutil.copy(os.path.realpath(sys.executable), folder)
        os.chmod(python, 0o4755)
        for user, told in ((0, "0 0 True\n"), (65534, "65534 0 False\n")):
            done = subprocess.run(
                [python, "-c", IS_DISABLED],
                env={
                    "TRAMPFD_DISABLE": "1",
                    "PYTHONHOME": sys.base_prefix,
                    "PYTHONPATH": str(PACKAGE.parent),
                },
                user=user,
                cwd="/",
                capture_output=True,
                text=True,
                timeout=scale.seconds(60),
            )
            if user and done.stdout.startswith("65534 65534"):
                pytest.skip(f"set-user-ID programs: {folder} is mounted without them")
            assert done.stdout == told, done.stderr


@pytest.mark.parametrize("secure", [0, 1])
def test_privileged_agrees_with_the_kernel(monkeypatch: pytest.MonkeyPatch, secure: int) -> None:
    """File capabilities, say, change no user ID."""
    vector = b"".join(word.to_bytes(8, sys.byteorder) for word in (6, 4096, 23, secure, 0, 0))
    monkeypatch.setenv("TRAMPFD_DISABLE", "1")
    monkeypatch.setattr(_hook, "open", lambda *_: io.BytesIO(vector), raising=False)
    assert _hook.is_disabled() == (not secure)


def test_variable_does_not_affect_explicit_install(environment: Environment) -> None:
    done = environment.run("-m", "trampfd", "run", "-c", CALLBACKS, TRAMPFD_DISABLE="1")
    assert done.stdout.split()[0] == "False"
    assert (
        done.stderr
        == "trampfd run: TRAMPFD_DISABLE is set: callbacks are those of ctypes and cffi\n"
    )
    code = f"import trampfd\ntrampfd.install()\n{CALLBACKS}"
    assert environment.run("-c", code, TRAMPFD_DISABLE="1").stdout.split()[0] == "True"


STOCK = "import ctypes; print(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 42)())"


def test_hook_survives_a_removed_package(enabled: Environment) -> None:
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
def test_hook_survives_a_broken_package(
    enabled: Environment, name: str, text: str, message: str
) -> None:
    if "never closed" in message and sys.version_info < (3, 10):
        message = "SyntaxError: unexpected EOF"
    enabled.replace_package(name, text)
    assert enabled.run("-c", "pass").stderr == ""
    done = enabled.run("-c", STOCK)
    assert done.stdout == "42\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"trampfd: ctypes and cffi callbacks are not redirected: {message}")
    assert f"`trampfd disable` ends this message, or remove {enabled.file}" in line


def remove_extension(environment: Environment, content: bytes | None = None) -> Path:
    """Give it a package without the extension, as after an upgrade of Python, or with a damaged
    one; returns the file."""
    package = environment.packages / "trampfd"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("_native*", "*.so"))
    environment.find.write_text("".join(f"{path}\n" for path in others()))
    extension = package / Path(_native.__file__).name
    if content is not None:
        extension.write_bytes(content)
    return extension


def damaged(kind: str) -> bytes | None:
    whole = Path(_native.__file__).read_bytes()
    return {
        "absent": None,
        "empty": b"",
        "text": b"no library",
        "header": whole[:4096],  # the loader maps the rest all the same: SIGBUS
    }[kind]


@pytest.mark.parametrize("kind", ["absent", "empty", "text"])
def test_missing_extension_is_reported(enabled: Environment, kind: str) -> None:
    remove_extension(enabled, damaged(kind))
    done = enabled.run("-c", STOCK)
    assert done.stdout == "42\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("trampfd: ctypes and cffi callbacks are not redirected: ImportError: ")
    assert f"or remove {enabled.file}" in line
    Path(enabled.file).unlink()
    assert enabled.run("-c", STOCK).stderr == ""


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "header"])
def test_commands_without_a_working_extension(enabled: Environment, kind: str) -> None:
    remove_extension(enabled, damaged(kind))
    assert enabled.trampfd("--version").stdout.startswith("trampfd ")
    assert "disable" in enabled.trampfd("--help").stdout
    assert enabled.run("-c", "import trampfd; print(trampfd.__version__)").stdout != ""
    done = enabled.trampfd("enable", "--status", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"enabled: {enabled.file}\nbut {enabled.python} does not use")
    done = enabled.trampfd("doctor", check=False)
    assert (done.returncode, done.stderr) == (1, "")
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("trampfd: extension")]
    assert "cannot be loaded: " in row and "install trampfd again" in row
    assert done.stdout.splitlines()[-1].endswith("does not work here")
    if kind in ("absent", "empty", "text"):  # the loader may end a process for others
        done = enabled.trampfd("run", "-c", "print('not run')", check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("trampfd run: trampfd cannot be loaded: ")
    done = enabled.trampfd("enable", check=False)
    assert done.returncode == 1
    assert "would not use trampfd at its start" in done.stderr
    assert enabled.trampfd("disable").stdout == enabled.disabled()
    assert not enabled.file.exists()


def test_failed_enable_leaves_nothing(environment: Environment) -> None:
    remove_extension(environment, b"")
    before = sorted(environment.packages.iterdir())
    assert environment.trampfd("enable", check=False).returncode == 1
    assert sorted(environment.packages.iterdir()) == before


def test_standard_error_that_is_gone(enabled: Environment) -> None:
    """The message of a broken package goes nowhere then, not to standard output."""
    remove_extension(enabled)
    for gone in ("sys.stderr = None", "sys.stderr.close()"):
        assert enabled.run("-c", f"import sys; {gone}\n{STOCK}").stdout == "42\n"


SHADOWS = (
    "__future__", "_thread", "collections", "contextlib", "enum", "functools", "importlib",
    "threading", "trampfd", "types", "typing", "warnings", "weakref",
)  # fmt: skip


@pytest.mark.parametrize("module", ["_ctypes", "_cffi_backend"])
def test_files_of_the_program_are_not_imported(
    enabled: Environment, tmp_path: Path, module: str
) -> None:
    if module == "_cffi_backend" and not has_cffi(enabled):
        pytest.skip("cffi: not installed")
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"print({name!r}, 'of the program is imported')\n")
    script = tmp_path / "trampfd.py"
    script.write_text(
        f"import {module}, sys; print(sys.modules['trampfd._install'].is_installed())\n"
    )
    done = enabled.run(script)
    assert (done.stdout, done.stderr) == ("True\n", "")
    script.write_text(f"import sys; sys.path.insert(0, 'elsewhere')\n{script.read_text()}")
    assert enabled.run(script).stdout == "True\n"


def test_only_what_is_loaded_or_built_in_is_imported(enabled: Environment) -> None:
    for module in ("_ctypes", "_cffi_backend") if has_cffi(enabled) else ("_ctypes",):
        code = (
            f"import sys; old = set(sys.modules); import {module}; print(*set(sys.modules) - old)"
        )
        stock = enabled.run("-c", code, TRAMPFD_DISABLE="1").stdout.split()
        new = set(enabled.run("-c", code).stdout.split()) - set(stock)
        allowed = {"__future__", *sys.builtin_module_names}
        assert {name for name in new if not name.startswith("trampfd")} <= allowed
        assert "trampfd._native" in new


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


def test_installs_without_the_lock_of_all_imports(enabled: Environment) -> None:
    """Another thread may hold what this one waits for, and wait for that lock."""
    code = """
import _imp, sys, types
def install_at_start():
    print(_imp.lock_held())
sys.modules["trampfd"] = types.ModuleType("trampfd")
sys.modules["trampfd._install"] = types.SimpleNamespace(install_at_start=install_at_start)
class Finder:
    def find_spec(name, path, target=None):
        if name == "_ctypes":
            held.append(_imp.lock_held())
held = []
sys.meta_path.insert(0, Finder)
sys.meta_path.append(Finder)
import ctypes
assert held[0] == held[-1]
"""
    done = enabled.run("-c", code)
    assert (done.stdout, done.stderr) == ("False\n", "")


SUBINTERPRETER = f"""
try:
    import _interpreters as interpreters
    new = lambda: interpreters.create(KIND)
    run = interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
    new = lambda: interpreters.create(isolated=KIND == "isolated")
    run = interpreters.run_string
for _ in range(2):
    interpreter = new()
    failed = run(interpreter, {STOCK!r})
    assert not failed, failed
    interpreters.destroy(interpreter)
"""


OURS = f"{STOCK}; import sys; print('trampfd._native' in sys.modules)"


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="isolated ones have no ctypes in 3.12")
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
@pytest.mark.parametrize("first", ["", "import ctypes"], ids=["alone", "after main"])
def test_subinterpreter_is_served(enabled: Environment, kind: str, first: str) -> None:
    code = SUBINTERPRETER.replace(repr(STOCK), repr(OURS))
    done = enabled.run("-c", f"{first}\nKIND = {kind!r}\n{code}")
    assert (done.stdout, done.stderr) == ("42\nTrue\n" * 2, "")


def test_subinterpreter_is_quiet_where_the_extension_is_missing(enabled: Environment) -> None:
    remove_extension(enabled)
    done = enabled.run("-c", f"KIND = 'isolated'\n{SUBINTERPRETER}")
    assert (done.stdout, done.stderr) == ("42\n" * 2, "")


def test_works_under_memory_deny_write_execute(enabled: Environment) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(core.TESTS)!r})
from support import hardening
try:
    hardening.mdwe()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({core.SKIPPED})
{CALLBACKS}
assert not hardening.wx_mappings() and not hardening.aliased()
"""
    done = enabled.run("-c", code, check=False)
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "True"
