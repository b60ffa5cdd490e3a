# SPDX-License-Identifier: MIT
"""The drop-ins for systemd: a service under each of them has the callbacks that it promises.

No systemd is needed: what a drop-in says is done to the program by the test. Of that
MemoryDenyWriteExecute= is done twice, as systemd does it on a kernel with PR_SET_MDWE and on one
without.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from support import core, library, preload
from support.environment import PACKAGE, Environment, others

DROP_INS = core.TESTS.parent / "packaging/systemd"

CTYPES = """
import ctypes
from support import hardening
print(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(41))
print(hardening.wx_mappings(), hardening.aliased())
"""
CFFI = """
import cffi
from support import hardening
print(cffi.FFI().callback("int(int)", lambda x: x + 1)(41))
print(hardening.wx_mappings(), hardening.aliased())
"""
WORKS = "42\n[] []\n"
REFUSED = "MemoryError: Cannot allocate write+execute memory for ffi.callback()"


def settings(name: str) -> dict[str, list[str]]:
    """What a drop-in sets, by key."""
    found: dict[str, list[str]] = defaultdict(list)
    section, *lines = [
        line
        for line in (DROP_INS / name).read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert section == "[Service]"
    for line in lines:
        key, _, value = line.partition("=")
        found[key] += value.split()
    return found


@pytest.fixture(params=["mdwe", "systemd_mdwe"])
def policy(request: pytest.FixtureRequest) -> str:
    """What MemoryDenyWriteExecute= does."""
    name: str = request.param
    core.need_policy(name)
    return name


def serve(policy: str, names: list[str], *program: object, **environment: str) -> list[str]:
    """Run a program as a service with these drop-ins.

    Returns its exit status, what it wrote, and the last line of its messages.
    """
    sets, unsets = {}, []
    for name in names:
        drop_in = settings(name)
        assert drop_in.pop("MemoryDenyWriteExecute") == ["yes"]
        assert drop_in.pop("SystemCallArchitectures") == ["native"]
        unsets += drop_in.pop("UnsetEnvironment", [])
        sets.update(assignment.split("=", 1) for assignment in drop_in.pop("Environment", []))
        assert not drop_in, "the test does not know what these do"
    if "LD_PRELOAD" in sets:
        # The one of this checkout; elsewhere the dynamic loader finds it.
        sets["LD_PRELOAD"] = str(library.path(sets["LD_PRELOAD"]))
    words = [*(f"-u{name}" for name in unsets), *(f"{k}={v}" for k, v in sets.items())]
    done = core.run(*preload.under(policy, "env", *words, *program), environment=environment)
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    return [str(done.returncode), done.stdout, done.stderr.strip().rpartition("\n")[2]]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A virtual environment with trampfd and cffi, and the helpers of the tests."""
    pytest.importorskip("cffi")
    return Environment(tmp_path / "environment", paths=[PACKAGE.parent, *others(), core.TESTS])


def shares_libffi(environment: Environment) -> bool:
    of_module = "from trampfd._system.ffi_origin import of_module"
    code = f"{of_module}; print(of_module('_ctypes').linkage.value)"
    return environment.run("-c", code).stdout == "shared\n"


# trampfd-preload.conf


@pytest.mark.any_provider
def test_preload_serves_ctypes(policy: str, environment: Environment) -> None:
    if not shares_libffi(environment):
        pytest.skip("the ctypes of this Python has a libffi of its own inside")
    served = serve(policy, ["trampfd-preload.conf"], environment.python, "-c", CTYPES)
    assert served == ["0", WORKS, ""]


@pytest.mark.any_provider
def test_preload_serves_pygobject(policy: str) -> None:
    python = shutil.which("python3", path="/usr/bin") or pytest.skip("no /usr/bin/python3")
    if core.run(python, "-I", "-c", "import gi").returncode:
        pytest.skip("PyGObject is not installed")
    program = core.TESTS / "programs/gobject.py"
    status, output, messages = serve(
        policy, ["trampfd-preload.conf"], python, "-I", program, TRAMPFD_REPORT="1"
    )
    assert (status, "SPDX-License-Identifier" in output) == ("0", True)
    assert "/libgirepository-" in messages and "makes closures" in messages


@pytest.mark.any_provider
def test_preload_serves_other_languages(policy: str) -> None:
    ruby = core.need("ruby")
    if core.run(ruby, "-e", "require 'fiddle'").returncode:
        pytest.skip("Ruby's Fiddle is not installed")
    program = core.TESTS / "programs/fiddle.rb"
    assert serve(policy, ["trampfd-preload.conf"], ruby, program) == ["0", "true\n", ""]


@pytest.mark.any_provider
def test_preload_does_not_serve_cffi(policy: str, environment: Environment) -> None:
    """So it says in the file; should this fail, cffi has become better and the file can too."""
    status, output, message = serve(
        policy, ["trampfd-preload.conf"], environment.python, "-c", CFFI
    )
    assert (status, output) == ("1", "")
    assert message.startswith(REFUSED)


# trampfd-python.conf


@pytest.mark.parametrize("code", [CTYPES, CFFI], ids=["ctypes", "cffi"])
def test_python_serves_an_enabled_python(policy: str, environment: Environment, code: str) -> None:
    environment.trampfd("enable")
    served = serve(policy, ["trampfd-python.conf"], environment.python, "-c", code)
    assert served == ["0", WORKS, ""]


@pytest.mark.parametrize("code", [CTYPES, CFFI], ids=["ctypes", "cffi"])
def test_python_serves_trampfd_run(
    policy: str, environment: Environment, code: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(code)
    command = [environment.python, "-m", "trampfd", "run", program]
    assert serve(policy, ["trampfd-python.conf"], *command) == ["0", WORKS, ""]


@pytest.mark.any_provider
def test_python_does_not_serve_a_python_that_is_not_enabled(
    policy: str, environment: Environment
) -> None:
    served = serve(policy, ["trampfd-python.conf"], environment.python, "-c", CFFI)
    assert served[:2] == ["1", ""]
    assert served[2].startswith(REFUSED)


@pytest.mark.any_provider
def test_python_asks_first_whether_it_is_enabled(environment: Environment) -> None:
    """As the line in the file that is commented out."""
    text = (DROP_INS / "trampfd-python.conf").read_text()
    (command,) = [line for line in text.splitlines() if line.startswith("#ExecStartPre=")]
    python, *words = command.partition("=")[2].split()
    assert python == "/path/to/python3"
    assert environment.run(*words, check=False).returncode == 1
    environment.trampfd("enable")
    assert environment.run(*words, check=False).returncode == 0


@pytest.mark.parametrize("variable", ["PYTHON_JIT", "PYTHONPERFSUPPORT", "PYTHON_PERF_JIT_SUPPORT"])
def test_python_starts_without_what_writes_code(
    policy: str, environment: Environment, variable: str
) -> None:
    environment.trampfd("enable")
    loop = "\nfor _ in range(100):\n  t = 0\n  for i in range(20000): t += i\n"
    served = serve(
        policy, ["trampfd-python.conf"], environment.python, "-c", CFFI + loop, **{variable: "1"}
    )
    assert served == ["0", WORKS, ""]


# Both


def test_both_together(policy: str, environment: Environment) -> None:
    environment.trampfd("enable")
    both = ["trampfd-preload.conf", "trampfd-python.conf"]
    assert serve(policy, both, environment.python, "-c", CTYPES + CFFI) == ["0", WORKS * 2, ""]
