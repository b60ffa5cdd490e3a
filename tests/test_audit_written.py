# SPDX-License-Identifier: MIT
"""`trampfd audit` and code that a process wrote before it could execute it."""

from __future__ import annotations

import argparse
import functools
import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

import pytest
from support import core

from trampfd._cli.audit import command as cli
from trampfd._cli.audit.inspect import Finding, audit
from trampfd._cli.audit.target import WRITTEN
from trampfd._system.elf import read_elf
from trampfd._system.maps import parse_smaps, read_maps, written_executable

pytestmark = pytest.mark.any_provider

PAGE = mmap.PAGESIZE

Start = Callable[..., "tuple[int, list[int]]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a command; gives its PID and the addresses it prints first, in a line."""
    children = []

    def run(*command: object, env: dict[str, str] | None = None) -> tuple[int, list[int]]:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            text=True,
        )
        children.append(child)
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line and child.wait(60) == core.SKIPPED:
            pytest.skip("code that was written may not be executed here")
        assert line, f"exit status {child.poll()}"
        return child.pid, [int(word, 16) for word in line.split()]

    yield run
    for child in children:
        child.kill()
        child.communicate()


@functools.cache
def program() -> Path:
    source = core.PROGRAMS / "audit/written.c"
    command = ["cc", *core.compile_flags(), "-o", "written", source, *core.link_flags()]
    return core.compiled(*command) / "written"


def library(source: str, *flags: str) -> Path:
    command = ["cc", "-shared", *flags, "-o", "libaudited.so", core.PROGRAMS / source]
    return core.compiled(*command) / "libaudited.so"


def command(*arguments: object) -> int:
    """Run `trampfd audit` in this process; return its exit status."""
    parser = argparse.ArgumentParser(prog="trampfd")
    cli.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["audit", *map(str, arguments)])
    status = args.run(args)
    assert isinstance(status, int)
    return status


def the_finding(pid: int) -> Finding:
    (finding,) = audit([pid])
    assert (finding.pid, finding.kind, finding.writable) == (pid, WRITTEN, None)
    return finding


# What is found


@pytest.mark.parametrize(
    ("how", "path", "perms"),
    [
        ("private", "", "r-xp"),
        ("shared", "/dev/zero (deleted)", "r-xs"),
        ("memfd", "/memfd:audit (deleted)", "r-xs"),
    ],
)
def test_memory_made_executable_after_it_was_written(
    start: Start, how: str, path: str, perms: str
) -> None:
    pid, [address] = start(program(), how)
    finding = the_finding(pid)
    assert finding.executable.start <= address < finding.executable.end
    assert (finding.executable.path, finding.executable.perms) == (path, perms)
    assert PAGE <= finding.size < finding.executable.size
    assert finding.maker == ("memfd:audit" if how == "memfd" else "unknown")


def test_changed_code_of_a_file(start: Start) -> None:
    pid, [address] = start(program(), "patched")
    finding = the_finding(pid)
    assert finding.executable.start <= address < finding.executable.end
    assert finding.size == PAGE
    assert finding.maker == f"unknown ({program().name})"
    assert finding.reason.startswith(f"code of {program()} was changed in memory")


def test_text_relocations_are_named(start: Start) -> None:
    path = library("audit/textrel.S", "-nostdlib", "-Wl,-z,notext")
    assert read_elf(path).text_relocations
    pid, [address] = start(program(), f"library={path}")
    finding = the_finding(pid)
    assert finding.executable.start <= address < finding.executable.end
    assert (finding.maker, finding.reason) == (
        "text relocations (libaudited.so)",
        f"DT_TEXTREL of {path}",
    )


def test_unwritten_code_is_not_reported(start: Start) -> None:
    path = library("audit/library.c", "-fPIC")
    assert not read_elf(path).text_relocations
    ways = ["unwritten", "unwritten-memfd", f"library={path}", f"library-in-memory={path}"]
    pid, addresses = start(program(), *ways)
    executable = [mapping for mapping in read_maps(pid) if mapping.executable]
    paths = [m.path for a in addresses for m in executable if m.start <= a < m.end]
    assert paths == ["", "/memfd:audit (deleted)", str(path), "/memfd:audit (deleted)"]
    assert "[vdso]" in [mapping.path for mapping in executable]
    assert audit([pid]) == []


def test_smaps_sizes_are_parsed() -> None:
    text = b"""\
1000-9000 r-xp 00000000 00:00 0
Rss:                  16 kB
Anonymous:             8 kB
Swap:                  4 kB
VmFlags: rd ex
9000-a000 r-xp 00000000 00:01 7                          /a/b-c d
Rss:                  16 kB
Anonymous:             4 kB
Swap:                  4 kB
a000-b000 r-xs 00000000 00:01 8                          /memfd:a (deleted)
Rss:                   4 kB
Anonymous:             0 kB
Private_Hugetlb:    2048 kB
"""
    assert [(m.path, m.written) for m in parse_smaps(text)] == [
        ("", 12 << 10),
        ("/a/b-c d", 4 << 10),
        ("/memfd:a (deleted)", 2052 << 10),
    ]


def test_without_smaps_sizes_only_memory_without_a_file_counts() -> None:
    """As on kernels that are built without CONFIG_PROC_PAGE_MONITOR."""
    paths = ["", "[anon:code]", "[heap]", "/dev/zero (deleted)", "[vdso]", "[uprobes]", "/a.so"]
    lines = [
        f"1000-2000 r-xp 00000000 00:01 {int(path.startswith('/'))} {path}\n" for path in paths
    ]
    maps = parse_smaps("".join(lines).encode())
    assert [m.path for m in written_executable(maps)] == paths[:4]


# Who made it


def python_that_writes(how: str) -> list[object]:
    """A Python program that writes to memory, and makes it executable."""
    code = f"""
import ctypes, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 4, ctypes.c_long]
memory = libc.mmap(None, {PAGE}, 3, 0x22, ctypes.c_size_t(-1).value, 0)
code = bytes.fromhex({how!r})
ctypes.memmove(memory, code, len(code))
if libc.mprotect(ctypes.c_void_p(memory), ctypes.c_size_t({PAGE}), 5):
    sys.exit({core.SKIPPED})
for path in sys.argv[1:]:
    ctypes.CDLL(path)
print(hex(memory), flush=True)
sys.stdin.read()
"""
    return [sys.executable, "-c", code]


def written_by_python(
    start: Start, code: str, *arguments: object, env: dict[str, str] | None = None
) -> Finding:
    pid, [address] = start(*python_that_writes(code), *arguments, env=env)
    (finding,) = [f for f in audit([pid]) if f.executable.start == address]
    assert finding.kind == WRITTEN
    return finding


NOTHING_KNOWN = "01"
PERF = "CPython perf trampolines"
JIT = "CPython JIT"


@pytest.mark.parametrize(
    "once",
    [
        "48 83 ec 08 ff d1 48 83 c4 08 c3",
        "48 83 ec 08 ff d1 48 83 c4 08 c3 00 00 00 00 00",
        "f3 0f 1e fa 55 48 89 e5 ff d1 5d c3 00 00 00 00",
        "fd 7b bf a9 fd 03 00 91 60 00 3f d6 fd 7b c1 a8 c0 03 5f d6 00 00 00 00",
    ],
)
def test_perf_trampolines_are_known_by_their_code(start: Start, once: str) -> None:
    assert written_by_python(start, f"{once} {once}").maker == PERF
    assert written_by_python(start, f"{once} 01").maker == "unknown"


def test_jit_code_is_recognised_by_its_message(start: Start) -> None:
    text = b"\x90_JIT_ENTRY\0Fatal error uop executed.\0"
    assert written_by_python(start, text.hex()).maker == JIT


def as_a_later_python() -> Path:
    """A file that looks as if it were a CPython with the compiler in it."""
    path = core.new_folder() / "libpython3.99.so.1.0"
    shutil.copy(library("audit/library.c", "-fPIC"), path)
    return path


@pytest.mark.parametrize(
    ("variables", "maker"),
    [
        ({"PYTHON_JIT": "1"}, JIT),
        ({"PYTHON_JIT": "0"}, "unknown"),
        ({"PYTHON_JIT": ""}, "unknown"),
        ({"PYTHONPERFSUPPORT": "1"}, PERF),
        ({"PYTHON_PERF_JIT_SUPPORT": "1", "PYTHON_JIT": "1"}, PERF),
    ],
)
def test_jit_and_perf_are_detected_by_environment(
    start: Start, variables: dict[str, str], maker: str
) -> None:
    if sys.version_info >= (3, 12) and maker == PERF:
        pytest.skip("this Python would make such trampolines")
    found = written_by_python(start, NOTHING_KNOWN, as_a_later_python(), env=variables)
    assert found.maker == maker


def test_jit_and_perf_are_detected_by_option(start: Start) -> None:
    if sys.version_info >= (3, 12):
        pytest.skip("this Python would make such trampolines")
    python, *arguments = python_that_writes(NOTHING_KNOWN)
    for option in (["-X", "perf"], ["-Xperf_jit"]):
        pid, _ = start(python, *option, *arguments)
        (finding,) = [f for f in audit([pid]) if f.kind == WRITTEN]
        assert finding.maker == PERF


def test_the_jit_is_not_guessed_for_a_python_without_one(start: Start) -> None:
    if sys.version_info >= (3, 13):
        pytest.skip("this Python may have one")
    assert written_by_python(start, NOTHING_KNOWN, env={"PYTHON_JIT": "1"}).maker == "unknown"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="-X perf is new in CPython 3.12")
def test_perf_trampolines_of_this_python(start: Start, tmp_path: Path) -> None:
    code = "import sys; print(flush=True); sys.stdin.read()"
    pid, _ = start(sys.executable, "-X", "perf", "-c", code)
    Path(f"/tmp/perf-{pid}.map").unlink(missing_ok=True)
    finding = the_finding(pid)
    assert finding.maker == PERF
    assert "copies of Python's trampoline" in finding.reason


def test_the_jit_of_this_python(start: Start) -> None:
    jit = getattr(sys, "_jit", None)
    if jit is None or not jit.is_available():
        pytest.skip("this Python has no JIT")
    code = """
import sys
def loop(n):
    total = 0
    for i in range(n):
        total += i * 2
        if total > 10**9: total -= 10**9
for i in range(100): loop(20000)
print(flush=True); sys.stdin.read()
"""
    pid, _ = start(sys.executable, "-c", code, env={"PYTHON_JIT": "1"})
    findings = audit([pid])
    assert {(finding.kind, finding.maker) for finding in findings} == {(WRITTEN, JIT)}
    assert all("a text of that compiler" in finding.reason for finding in findings)


@pytest.mark.parametrize(
    ("names", "maker"),
    [
        (["libffi.so.8"], "unknown"),
        (["_cffi_backend.so"], "unknown"),
        (["_cffi_backend.so", "libLLVM-19.so.1"], "LLVM"),
        (["libllvmlite.so"], "llvmlite"),
        (["libllvmlite.so", "numba/_dispatcher.so"], "Numba"),
        (["libluajit-5.1.so.2"], "LuaJIT"),
    ],
)
def test_guesses_from_libraries_leave_out_what_keeps_its_memory_writable(
    start: Start, tmp_path: Path, names: Sequence[str], maker: str
) -> None:
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        shutil.copy(library("audit/library.c", "-fPIC"), path)
    pid, _ = start(program(), "private", *(f"library={path}" for path in paths))
    assert the_finding(pid).maker == maker


# The command


def test_written_code_gives_exit_status_1(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    pid, [address] = start(program(), "private")
    assert command(pid) == cli.FOUND
    headings, row = capsys.readouterr().out.splitlines()[-2:]
    assert row.split()[:3] == ["written", f"{PAGE // 1024}", "KiB"]
    column = headings.index("WRITABLE AT")
    assert row[column:].startswith("no longer ")
    assert f"{address:x} r-xp" in row


def test_written_code_is_in_the_json_report(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    pid, [address] = start(program(), "private")
    assert command("--json", pid) == cli.FOUND
    [process] = json.loads(capsys.readouterr().out)
    [finding] = process["findings"]
    assert (finding["kind"], finding["writable"], finding["size"]) == ("written", None, PAGE)
    assert finding["executable"]["start"] == hex(address)
    assert finding["executable"]["written"] == PAGE
