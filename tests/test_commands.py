# SPDX-License-Identifier: MIT
"""The commands in the hands of strangers: output that cannot be written, odd names, bad files."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import core, scale

import trampfd as trampfd_package

pytestmark = pytest.mark.any_provider


def trampfd(*words: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command; its output is captured unless `options` say otherwise."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": scale.seconds(120)}
    command = [sys.executable, "-m", "trampfd", *map(str, words)]
    return subprocess.run(command, **{**streams, **options})  # type: ignore[call-overload]


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[int]:
    """The PID of a process whose name is a character that few encodings have, and no text."""
    program = os.fsencode(tmp_path) + b"/\xe6\x97\xa5\xff"
    shutil.copy(core.need("sleep"), os.fsdecode(program))
    child = subprocess.Popen([program, b"1000"])
    yield child.pid
    child.kill()
    child.wait()


EACH = pytest.mark.parametrize(
    "words",
    [["audit", os.getpid()], ["audit", "--json", os.getpid()], ["preload"]],
    ids=["audit", "audit --json", "preload"],
)


@EACH
def test_a_reader_that_has_gone_ends_a_command_quietly(words: list[object]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = trampfd(*words, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@EACH
def test_output_that_cannot_be_written_is_an_error(words: list[object]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = trampfd(*words, stdout=full)
    assert (done.returncode, done.stderr) == (
        2,
        b"trampfd: [Errno 28] No space left on device\n",
    )


def test_a_command_without_standard_output_works() -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m trampfd audit $$ >&-"],
        stderr=subprocess.PIPE,
        timeout=scale.seconds(60),
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_that_the_terminal_cannot_show(odd: int, encoding: str) -> None:
    done = trampfd("audit", odd, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    shown = "日" if encoding == "utf-8" else "\\u65e5"
    assert done.stdout.startswith(f"{odd} {shown}\\udcff: ".encode())


def test_ctrl_c_ends_a_command_quietly(tmp_path: Path) -> None:
    """While `demo` waits for its first job, which never ends."""
    began = tmp_path / "began"
    os.mkfifo(began)
    (tmp_path / "soundfile.py").write_text(
        f"import time; open({str(began)!r}, 'w').write('began'); time.sleep(1000)\n"
    )
    reader = os.open(began, os.O_RDONLY | os.O_NONBLOCK)
    words = ["-m", "trampfd", "demo", "--policy", "none"]
    child = subprocess.Popen(
        # A shell lets what it runs in the background ignore the signal, these tests too.
        ["env", "--default-signal=INT", sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert select.select([reader], [], [], scale.seconds(60))[0], "no job began"
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=scale.seconds(60))
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        os.close(reader)
    assert (child.returncode, out, err) == (128 + signal.SIGINT, b"", b"")


@pytest.mark.parametrize("content", ["[1]", "1", '{"figures": 1}', "{}"])
def test_bench_refuses_what_is_no_summary(tmp_path: Path, content: str) -> None:
    for module in ("pytest_benchmark", "matplotlib", "cffi"):
        pytest.importorskip(module)
    old = tmp_path / "old.json"
    old.write_text(content)
    done = trampfd("bench", "--compare", old, "--output", tmp_path / "new")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        f"trampfd bench: {old} is not a summary.json of an earlier run\n"
    )


def test_bench_tells_where_it_cannot_write(tmp_path: Path) -> None:
    for module in ("pytest_benchmark", "matplotlib", "cffi"):
        pytest.importorskip(module)
    file = tmp_path / "file"
    file.write_text("")
    done = trampfd("bench", "--output", file)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (
        f"trampfd bench: no results can be written to {file}: File exists\n"
    )


def test_bench_runs_no_benchmarks_of_others(tmp_path: Path) -> None:
    """In a folder that has a benchmarks/report.py which is not trampfd's."""
    package = tmp_path / "package"
    shutil.copytree(Path(trampfd_package.__file__).parent, package / "trampfd")
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks/report.py").write_text("")
    (tmp_path / "benchmarks/conftest.py").write_text("raise SystemExit('these were run')")
    command = [sys.executable, "-m", "trampfd", "bench"]
    done = core.run("env", "-C", tmp_path, f"PYTHONPATH={package}", *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "run it in a checkout of trampfd" in done.stderr
