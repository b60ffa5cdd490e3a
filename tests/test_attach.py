# SPDX-License-Identifier: MIT
"""`trampfd attach` installs trampfd in a running Python.

CPython 3.14 and later can do that. In the others, processes of these tests run what they are told
on standard input, in the place of sys.remote_exec().
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import core

from trampfd._cli import attach

pytestmark = pytest.mark.any_provider

HAS_REMOTE = hasattr(sys, "remote_exec")

# The real thing waits for the main thread to be in Python code, the other for a line.
SERVICE = """\
import sys, time
if "stock" in sys.argv:
    import cffi
    kept = cffi.FFI().callback("int(int)", abs)
print("ready", flush=True)
while "real" in sys.argv:
    time.sleep(0.01)
for line in sys.stdin:
    exec(open(line.rstrip("\\n")).read())
"""


class Service:
    """A Python that runs, in which trampfd can be installed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def remote_exec(self, pid: int, path: str) -> None:
        assert pid == self.pid
        assert self.process.stdin is not None
        print(path, file=self.process.stdin, flush=True)

    def maps(self) -> str:
        return Path(f"/proc/{self.pid}/maps").read_text()


@contextlib.contextmanager
def running(*words: str) -> Iterator[Service]:
    command = [sys.executable, "-c", SERVICE, *words, *(["real"] if HAS_REMOTE else [])]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRAMPFD")}
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield Service(child)
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with running("stock") as found:
        if not HAS_REMOTE:
            monkeypatch.setattr(sys, "remote_exec", found.remote_exec, raising=False)
        yield found


def run(*words: object) -> int:
    parser = argparse.ArgumentParser(prog="trampfd")
    attach.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["attach", *map(str, words)])
    status = args.run(args)
    assert isinstance(status, int)
    return status


def test_trampfd_is_installed_in_a_process(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "/trampfd/_native" not in service.maps()
    assert run("--status", service.pid) == attach.NOT_INSTALLED
    assert capsys.readouterr().out == f"trampfd is not installed in process {service.pid}\n"
    assert "/trampfd/_native" not in service.maps()
    assert run(service.pid) == attach.INSTALLED
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"trampfd is installed in process {service.pid}"
    # The callback that it had made stays as it is.
    assert [line for line in others if line.startswith("from before: ")] == others != []
    assert "/trampfd/_native" in service.maps()
    assert run("--status", service.pid) == attach.INSTALLED


def test_nothing_is_left_behind(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(service.pid) == attach.INSTALLED
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_process_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = attach._SCRIPT.replace("_install.install()", "raise OSError('no slots')")
    monkeypatch.setattr(attach, "_SCRIPT", script)
    assert run(service.pid) == attach.NOT_INSTALLED
    err = capsys.readouterr().err
    assert err == f"trampfd attach: process {service.pid}: OSError: no slots\n"


def test_a_process_that_is_not_in_python_code_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "remote_exec", lambda pid, path: None, raising=False)
    assert run("--timeout", "0.1", os.getpid()) == attach.FAILED
    (folder,) = tmp_path.iterdir()
    assert capsys.readouterr().err == (
        f"trampfd attach: the main thread of process {os.getpid()} has not been in Python code; "
        f"the file {folder}/script.py waits for that\n"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(1, "no"), "the kernel does not let you reach process"),
        (RuntimeError("Failed to find the PyRuntime section"), "Failed to find the PyRuntime"),
    ],
)
def test_a_process_that_cannot_be_reached(
    error: Exception,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(pid: int, path: str) -> None:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "remote_exec", refused, raising=False)
    assert run(os.getpid()) == attach.FAILED
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "remote_exec", lambda pid, path: None, raising=False)
    assert run(2**22 + 1) == attach.FAILED
    assert capsys.readouterr().err == f"trampfd attach: there is no process {2**22 + 1}\n"


@pytest.mark.skipif(HAS_REMOTE, reason="this CPython has sys.remote_exec()")
def test_an_older_python_refuses_and_says_what_to_do_instead() -> None:
    done = core.run(sys.executable, "-m", "trampfd", "attach", str(os.getpid()))
    assert (done.returncode, done.stdout) == (2, "")
    version = "{}.{}".format(*sys.version_info)
    assert done.stderr == (
        f"trampfd attach: this is CPython {version}, and only 3.14 and later can do that, to a "
        "process of the same version; start the program by `trampfd run`, or use `trampfd enable`\n"
    )
