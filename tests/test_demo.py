# SPDX-License-Identifier: MIT
"""`trampfd demo`: it does real jobs, and what it prints is what happened."""

from __future__ import annotations

import ast
import functools
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import scale

import trampfd
from trampfd._cli.demo import policies

POLICIES = ("mdwe", "seccomp")

needs_soundfile = pytest.mark.skipif(
    importlib.util.find_spec("soundfile") is None, reason="soundfile is not installed"
)

may_be_writable_and_executable = pytest.mark.skipif(
    policies.is_refused(), reason="this system refuses writable and executable memory"
)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trampfd", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
    )


@functools.cache
def demo(*words: str, **environment: str) -> dict[str, Any]:
    """The JSON of a demo, with its exit status; one run for all that ask the same."""
    result = run("demo", "--json", *words, **environment)
    assert result.stderr == ""
    report: dict[str, Any] = json.loads(result.stdout)
    return {**report, "status": result.returncode}


def runs(report: dict[str, Any], closures: str) -> dict[str, Any]:
    """The hardened runs by job."""
    return {
        run["job"]: run["report"]
        for run in report["runs"]
        if run["closures"] == closures and run["policy"] == report["policy"]
    }


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    reason = policies.why_not(name)
    if reason is not None:
        pytest.skip(reason)
    return name


@needs_soundfile
def test_every_job_works_under_hardening_without_writable_executable_memory(policy: str) -> None:
    report = demo("--policy", policy)
    assert report["policy"] == policy
    ours = runs(report, "trampfd")
    assert list(ours) == ["flac", "sqlite", "qsort"]
    for job in ours.values():
        assert job["ok"], job["outcome"]
        assert (job["refused"], job["writable_executable"], job["aliased"]) == (True, 0, 0)
    assert (report["works"], report["status"]) == (True, 0)


@needs_soundfile
def test_stock_cffi_fails_under_hardening(policy: str) -> None:
    stock = runs(demo("--policy", policy), "stock")["flac"]
    assert not stock["ok"]
    assert stock["outcome"].startswith("MemoryError: Cannot allocate write+execute memory")
    assert (stock["refused"], stock["writable_executable"]) == (True, 0)


@needs_soundfile
@may_be_writable_and_executable
def test_stock_cffi_has_writable_executable_memory_without_hardening() -> None:
    report = demo("--policy", "none")
    stock, ours = runs(report, "stock")["flac"], runs(report, "trampfd")["flac"]
    assert stock["ok"], stock["outcome"]
    assert stock["writable_executable"] > 0
    assert (ours["ok"], ours["writable_executable"], ours["aliased"]) == (True, 0, 0)
    assert ours["outcome"] == stock["outcome"]


@needs_soundfile
def test_table_and_summary_agree_with_json() -> None:
    report = demo()
    result = run("demo")
    assert (result.returncode, result.stderr) == (0, "")
    text = result.stdout
    assert all(len(line) <= 100 for line in text.splitlines()[:-1]), text
    for job in runs(report, "trampfd").values():
        assert job["outcome"] in text
    stock = runs(report, "stock").values()
    done = sum(job["ok"] for job in stock)
    exposed = sum(bool(job["writable_executable"] or job["aliased"]) for job in stock)
    assert text.splitlines()[-1].endswith(
        f": stock {done} of 3 jobs done, {exposed} with W+X memory; "
        "trampfd 3 of 3 jobs done, 0 with W+X memory."
    )


# Stands for a soundfile whose behaviour the demo cannot know; tells what it was asked to do.
FAKE_SOUNDFILE = """\
import mmap, os, signal, sys

class SoundFile:
    kept = b""

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def buffer_write(self, data, dtype):
        SoundFile.kept = bytes(data)

    def buffer_read(self, dtype):
        how = os.environ["FAKE_SOUNDFILE"]
        if how == "loses":
            return SoundFile.kept[:-2]
        if how == "raises":
            raise LookupError("first sentence. second sentence")
        if how == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "crashes oddly":
            os.kill(os.getpid(), signal.SIGRTMIN + 3)
        if how == "exits":
            sys.exit("no more")
        if how == "aliases":
            file = os.memfd_create("fake")
            os.ftruncate(file, mmap.PAGESIZE)
            SoundFile.maps = [mmap.mmap(file, mmap.PAGESIZE, prot=prot) for prot in (3, 5)]
        if how == "exposes":
            SoundFile.maps = mmap.mmap(-1, mmap.PAGESIZE, prot=7)
        return SoundFile.kept
"""


@pytest.fixture
def fake_soundfile(tmp_path: Path) -> str:
    (tmp_path / "soundfile.py").write_text(FAKE_SOUNDFILE)
    return str(tmp_path)


@pytest.mark.any_provider
@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("loses", "ValueError: the samples read back are not those written"),
        ("raises", "LookupError: first sentence. second sentence"),
        ("crashes", "killed by SIGSEGV"),
        ("crashes oddly", f"killed by signal {signal.SIGRTMIN + 3}"),
        ("exits", "ended with exit status 1 and no result: no more"),
    ],
)
def test_failing_jobs_are_reported(fake_soundfile: str, how: str, outcome: str) -> None:
    report = demo("--policy", "none", PYTHONPATH=fake_soundfile, FAKE_SOUNDFILE=how)
    ours = runs(report, "trampfd")
    assert (ours["flac"]["ok"], ours["flac"]["outcome"]) == (False, outcome)
    assert (ours["sqlite"]["ok"], ours["qsort"]["ok"]) == (True, True)
    assert (report["works"], report["status"]) == (False, 1)


@pytest.mark.any_provider
@may_be_writable_and_executable
@pytest.mark.parametrize(("how", "found"), [("exposes", (1, 0)), ("aliases", (0, 1))])
def test_writable_executable_memory_is_reported(
    fake_soundfile: str, how: str, found: tuple[int, int]
) -> None:
    report = demo("--policy", "none", PYTHONPATH=fake_soundfile, FAKE_SOUNDFILE=how)
    flac = runs(report, "trampfd")["flac"]
    assert flac["ok"]
    assert (flac["writable_executable"], flac["aliased"]) == found
    assert (report["works"], report["status"]) == (False, 1)


@pytest.mark.any_provider
def test_correct_fake_passes(fake_soundfile: str) -> None:
    """So that the failures above are those of their cause."""
    report = demo("--policy", "none", PYTHONPATH=fake_soundfile, FAKE_SOUNDFILE="works")
    assert (report["works"], report["status"]) == (True, 0)


@pytest.mark.any_provider
def test_missing_soundfile(tmp_path: Path) -> None:
    (tmp_path / "soundfile.py").write_text("raise ImportError('not here')")
    result = run("demo", PYTHONPATH=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "trampfd demo: soundfile is missing (not here): pip install soundfile\n"
    )


@pytest.mark.any_provider
def test_missing_sqlite(tmp_path: Path, fake_soundfile: str) -> None:
    (tmp_path / "libsqlite3.so.0").write_text("not a library")
    result = run(
        "demo", LD_LIBRARY_PATH=str(tmp_path), PYTHONPATH=fake_soundfile, FAKE_SOUNDFILE="works"
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert "trampfd demo: SQLite is missing (" in result.stderr
    assert "install libsqlite3-0" in result.stderr
    assert "Traceback" not in result.stderr


# A kernel without PR_SET_MDWE answers EINVAL: so does this filter, for prctl(PR_SET_MDWE).
WITHOUT_MDWE = """\
import errno, runpy, sys
from trampfd._system.mdwe import PR_SET_MDWE
from trampfd._system.seccomp import Refusal, put_in_force

put_in_force(Refusal("prctl", 0, bits=PR_SET_MDWE, mask=0xFFFFFFFF, error=errno.EINVAL))
sys.argv[:] = ["trampfd", "demo", *sys.argv[1:]]
runpy.run_module("trampfd", run_name="__main__", alter_sys=True)
"""


def without_mdwe(fake_soundfile: str, *words: str) -> subprocess.CompletedProcess[str]:
    reason = policies.why_not("seccomp")
    if reason is not None:
        pytest.skip(reason)
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_MDWE, *words],
        env={**os.environ, "PYTHONPATH": fake_soundfile, "FAKE_SOUNDFILE": "works"},
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
    )


@pytest.mark.any_provider
def test_older_kernels_get_the_seccomp_filter(fake_soundfile: str) -> None:
    result = without_mdwe(fake_soundfile)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert "seccomp" in lines[0]
    assert lines[1] == (
        f"(not possible here: Linux has PR_SET_MDWE since 6.3, this kernel is {os.uname().release})"
    )


@pytest.mark.any_provider
def test_requested_policy_that_is_unavailable_is_an_error(fake_soundfile: str) -> None:
    result = without_mdwe(fake_soundfile, "--policy", "mdwe")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"trampfd demo: Linux has PR_SET_MDWE since 6.3, this kernel is {os.uname().release}\n"
    )


@pytest.mark.any_provider
def test_policies_of_a_package_whose_compiled_part_is_broken(tmp_path: Path) -> None:
    package = tmp_path / "trampfd"
    own = Path(trampfd.__file__).parent
    shutil.copytree(own, package, ignore=shutil.ignore_patterns("_native*", "*.so"))
    (package / "__init__.py").write_text("")
    (package / "_native.py").write_text("raise ImportError('it is broken')")
    code = "from trampfd._cli.demo.policies import NAMES, why_not; print([*map(why_not, NAMES)])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    assert done.stderr == ""
    mdwe, seccomp, none = ast.literal_eval(done.stdout)
    assert mdwe == "PR_SET_MDWE: trampfd cannot be loaded: it is broken"
    assert seccomp.endswith(": trampfd cannot be loaded: it is broken")
    assert none is None


def test_jobs_can_be_run_alone() -> None:
    command = ["-m", "trampfd._cli.demo.jobs", "qsort"]
    stock = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=scale.seconds(60)
    )
    ours = run("run", *command)
    for result in (stock, ours):
        assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(stock.stdout)["outcome"] == json.loads(ours.stdout)["outcome"]
    assert json.loads(ours.stdout)["writable_executable"] == 0


@pytest.mark.any_provider
def test_help() -> None:
    result = run("demo", "--help")
    assert result.returncode == 0
    for word in ("--json", "--policy", "exit status", "soundfile", "SQLite"):
        assert word in result.stdout
