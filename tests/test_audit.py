# SPDX-License-Identifier: MIT
"""`trampfd audit` against real processes that hold each kind of memory it looks for."""

from __future__ import annotations

import argparse
import json
import mmap
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from trampfd._cli.audit import command as cli
from trampfd._cli.audit.inspect import Finding, audit, inspect
from trampfd._cli.audit.target import ALIAS, WRITABLE_EXECUTABLE
from trampfd._system.elf import read_elf
from trampfd._system.maps import (
    Mapping,
    aliases,
    parse_maps,
    read_maps,
    writable_executable,
)

pytestmark = pytest.mark.any_provider

PAGE = mmap.PAGESIZE
NO_PID = 1 << 22  # the kernel's ids end below this on every Linux

Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program in a child process and give its PID once the program has run."""
    children = []

    def run(
        code: str, *, interpreter: str = sys.executable, env: dict[str, str] | None = None
    ) -> int:
        program = f"{code}\nprint('ready', flush=True)\nimport sys\nsys.stdin.read()\n"
        child = subprocess.Popen(
            [interpreter, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        return child.pid

    yield run
    for child in children:
        child.kill()
        child.communicate()


def command(*arguments: str) -> int:
    """Run `trampfd audit` with these arguments in this process; return its exit status."""
    parser = argparse.ArgumentParser(prog="trampfd")
    cli.add_parser(parser.add_subparsers(required=True))
    try:
        args = parser.parse_args(["audit", *arguments])
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code
    status = args.run(args)
    assert isinstance(status, int)
    return status


def the_finding(pid: int, kind: str = WRITABLE_EXECUTABLE) -> Finding:
    """The one finding in process `pid`, which must be of this kind."""
    (finding,) = audit([pid])
    assert finding.pid == pid
    assert finding.kind == kind
    return finding


CLEAN = "pass"
ANONYMOUS = f"""
import mmap
memory = mmap.mmap(-1, {PAGE}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
"""
CTYPES = """
import ctypes
callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0)
"""


def memfd_twice(flags: str, offset: int = 0) -> str:
    """A program that maps a memfd writable, and executable with `flags` at `offset`."""
    return f"""
import mmap, os
fd = os.memfd_create("twice")
os.ftruncate(fd, {4 * PAGE})
writable = mmap.mmap(fd, {2 * PAGE}, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
executable = mmap.mmap(
    fd, {2 * PAGE}, flags=mmap.{flags}, prot=mmap.PROT_READ | mmap.PROT_EXEC, offset={offset}
)
"""


# Reading maps


def test_maps_line_is_parsed_completely() -> None:
    (mapping,) = parse_maps(b"7f0000001000-7f0000003000 rw-s 00004000 fe:01 339490    /a/b.so\n")
    assert mapping == Mapping(
        0x7F0000001000, 0x7F0000003000, "rw-s", 0x4000, "fe:01", 339490, "/a/b.so"
    )
    assert mapping.size == 0x2000
    assert mapping.writable and mapping.shared and not mapping.executable


@pytest.mark.parametrize(
    "text, path",
    [
        (b"", ""),
        (b"    [stack]", "[stack]"),
        (b"    [anon: glibc: malloc arena]", "[anon: glibc: malloc arena]"),
        (b"    /a dir/two  spaces ", "/a dir/two  spaces "),
        (b"    /line\\012break", "/line\nbreak"),
        (b"    /form\x0cfeed\r\x85", "/form\x0cfeed\r\udc85"),
        (b"    /tmp/ffiAbCdEf (deleted)", "/tmp/ffiAbCdEf (deleted)"),
    ],
)
def test_path_is_read_verbatim(text: bytes, path: str) -> None:
    line = b"7f0000001000-7f0000002000 r-xp 00000000 00:00 0 " + text + b"\n"
    assert [mapping.path for mapping in parse_maps(line)] == [path]


def test_escaped_paths_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a b\nc (deleted) \udcff"
    path.write_bytes(bytes(PAGE))
    with path.open() as file:
        memory = mmap.mmap(file.fileno(), PAGE, prot=mmap.PROT_READ)
    assert [m.size for m in read_maps(os.getpid()) if m.path == str(path)] == [PAGE]
    path.unlink()
    assert [m.size for m in read_maps(os.getpid()) if m.path == f"{path} (deleted)"] == [PAGE]
    memory.close()


def test_a_process_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ProcessLookupError):
        read_maps(NO_PID)


def test_a_zombie_has_no_mappings() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert read_maps(child.pid) == []
    child.communicate()


def test_process_without_main_thread_is_still_inspected(start: Start) -> None:
    pid = start(
        ANONYMOUS + "import ctypes, threading, time\n"
        "def ready():\n"
        "    while open('/proc/self/maps').read(): time.sleep(0.01)\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(3600)\n"
        "threading.Thread(target=ready).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)\n"
    )
    assert the_finding(pid).size >= PAGE


# Which mappings are an alias of each other


def mapping(
    perms: str, offset: int = 0, size: int = 2 * PAGE, inode: int = 7, device: str = "00:01"
) -> Mapping:
    start = next(ADDRESSES)
    return Mapping(start, start + size, perms, offset, device, inode, "/memfd:x (deleted)")


ADDRESSES = iter(range(1 << 40, 1 << 41, 1 << 30))


@pytest.mark.parametrize("executable", ["r-xs", "r-xp", "--xs"])
def test_shared_writable_and_executable_are_an_alias(executable: str) -> None:
    one, other = mapping("rw-s"), mapping(executable, offset=PAGE)
    (alias,) = aliases([one, other])
    assert (alias.writable, alias.executable, alias.overlap) == (one, other, PAGE)
    assert [found.overlap for found in aliases([other, one])] == [PAGE]


@pytest.mark.parametrize(
    "writable, executable",
    [
        (mapping("rw-p"), mapping("r-xp")),
        (mapping("rw-p"), mapping("r-xs")),
        (mapping("r--s"), mapping("r-xs")),
        (mapping("rw-s"), mapping("r--s")),
        (mapping("rw-s"), mapping("r-xs", offset=2 * PAGE)),
        (mapping("rw-s", offset=2 * PAGE), mapping("r-xs")),
        (mapping("rw-s"), mapping("r-xs", inode=8)),
        (mapping("rw-s"), mapping("r-xs", device="00:02")),
        (mapping("rw-s", inode=0), mapping("r-xs", inode=0)),
    ],
)
def test_mappings_that_cannot_change_code_are_not_aliases(
    writable: Mapping, executable: Mapping
) -> None:
    assert aliases([writable, executable]) == []


def test_mapping_is_not_its_own_alias() -> None:
    both = mapping("rwxs")
    assert writable_executable([both]) == [both]
    assert aliases([both]) == []
    second = mapping("r-xs")
    assert [(a.writable, a.executable) for a in aliases([both, second])] == [(both, second)]


# What is found in real processes


def test_a_clean_process_has_no_findings(start: Start) -> None:
    pid = start(CLEAN)
    maps = read_maps(pid)
    code = {(m.device, m.inode) for m in maps if m.executable and m.inode}
    data = {(m.device, m.inode) for m in maps if m.writable and m.inode}
    assert code & data, "the process has no library with code and data, it proves nothing"
    assert audit([pid]) == []


def test_anonymous_memory_is_found(start: Start) -> None:
    finding = the_finding(start(ANONYMOUS))
    assert finding.executable is finding.writable
    assert finding.size == PAGE
    assert finding.executable.perms == "rwxp"
    assert (finding.maker, finding.reason) == (
        "unknown",
        "anonymous memory; no known maker is mapped",
    )


def test_shared_anonymous_memory_is_not_taken_for_a_file(start: Start) -> None:
    finding = the_finding(start(f"import mmap; memory = mmap.mmap(-1, {PAGE}, prot=7)"))
    assert finding.executable.perms == "rwxs"
    assert finding.maker == "unknown"


@pytest.mark.parametrize("flags", ["MAP_SHARED", "MAP_PRIVATE"])
def test_a_memfd_mapped_twice_is_found(start: Start, flags: str) -> None:
    finding = the_finding(start(memfd_twice(flags, offset=PAGE)), ALIAS)
    assert finding.size == PAGE
    assert finding.writable.perms == "rw-s"
    assert finding.executable.perms == ("r-xs" if flags == "MAP_SHARED" else "r-xp")
    assert finding.maker == "memfd:twice"


def test_disjoint_memfd_mappings_are_not_aliases(start: Start) -> None:
    assert audit([start(memfd_twice("MAP_SHARED", offset=2 * PAGE))]) == []


# Who made it


def needs_written_closures() -> None:
    """Skip where this Python's ctypes makes its closures without writing code."""
    code = CTYPES + "print(any('wx' in line.split()[1] for line in open('/proc/self/maps')))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    if done.stdout != b"True\n":
        pytest.skip("this Python's libffi does not write code into executable memory")
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip(f"the form of libffi's closures on {os.uname().machine} is not known")


def test_a_ctypes_callback_is_recognised_by_its_code(start: Start) -> None:
    needs_written_closures()
    pid = start(CTYPES)
    finding = the_finding(pid)
    assert finding.maker == "ctypes (CFUNCTYPE)"
    assert "libffi trampoline at 0x" in finding.reason
    mapped = {m.path for m in read_maps(pid) if "libffi" in m.path}
    assert set(inspect(pid).libraries) == mapped


def test_libffi_dual_mapping_is_detected(start: Start) -> None:
    needs_written_closures()
    refuse = "import ctypes; print(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0))"  # PR_SET_MDWE
    done = subprocess.run([sys.executable, "-c", refuse], stdout=subprocess.PIPE, check=True)
    if done.stdout != b"0\n":
        pytest.skip("this kernel has no PR_SET_MDWE")
    inner = CTYPES + "print('ready', flush=True)\nimport sys\nsys.stdin.read()\n"
    pid = start(
        "import ctypes, os, sys\n"
        "ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {inner!r}])"
    )
    finding = the_finding(pid, ALIAS)
    assert finding.maker == "ctypes (CFUNCTYPE)"
    assert finding.executable.inode == finding.writable.inode != 0


def test_a_cffi_callback_is_recognised_by_its_code(start: Start) -> None:
    pytest.importorskip("cffi")
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip(f"the form of libffi's closures on {os.uname().machine} is not known")
    pid = start("import cffi; callback = cffi.FFI().callback('int(int)', lambda x: x)")
    assert the_finding(pid).maker == "cffi (ffi.callback)"
    assert any("_cffi_backend" in path for path in inspect(pid).libraries)


# Where code is in these the address that it leads to stands as "to", other addresses as "..".
WRITTEN_CODE = [
    ("libffi", "f3 0f 1e fa 4c 8d 15 f5 ff ff ff ff 25 07 00 00 00 0f 1f 80 00 00 00 00 .. .. to"),
    ("libffi", "4c 8d 15 f9 ff ff ff ff 25 03 00 00 00 0f 1f 00 .. .. to"),
    ("libffi", "49 bb .. 49 ba .. f8 49 ff e3 .. to"),
    ("libffi", "49 bb .. 49 ba .. f9 49 ff e3 .. to"),
    ("libffi", "90 00 00 58 f1 ff ff 10 00 02 1f d6 00 00 00 00 .. .. to"),
    ("GCC nested function", "49 bb to 49 ba .. 41 ff e3"),
    ("GCC nested function", "49 bb to 49 ba .. 49 ff e3"),
]


def writes_code(code: str) -> str:
    """A program that writes `code` at two places: it leads to the first and to the last file."""
    return f"""{ANONYMOUS}
import sys
lines = [line.split() for line in open("/proc/self/maps") if "r-xp" in line and ".so" in line]
for place, line in (64, lines[0]), (512, lines[-1]):
    address = int(line[0].split("-")[0], 16) + 1
    to = address.to_bytes(8, sys.byteorder).hex()
    code = bytes.fromhex({code!r}.replace("to", to).replace("..", "ab" * 8))
    memory[place : place + len(code)] = code
"""


@pytest.mark.parametrize("kind, code", WRITTEN_CODE)
def test_all_the_makers_in_one_mapping_are_named(start: Start, kind: str, code: str) -> None:
    pid = start(writes_code(code))
    finding = the_finding(pid)
    libraries = [m.path for m in read_maps(pid) if m.perms == "r-xp" and ".so" in m.path]
    first, last = Path(libraries[0]), Path(libraries[-1])
    assert first != last
    assert finding.maker == f"{kind} ({first.name}), {kind} ({last.name})"
    address = finding.executable.start
    assert finding.reason == (
        f"{kind} trampoline at {address + 64:#x} leads to {first}; "
        f"{kind} trampoline at {address + 512:#x} leads to {last}"
    )


def test_unreadable_wx_is_attributed_to_gcc_heap_trampolines(start: Start) -> None:
    finding = the_finding(start(ANONYMOUS.replace("prot=7", "prot=6")))
    if finding.executable.perms != "-wxp":
        pytest.skip("this architecture makes all writable memory readable")
    assert finding.maker == "GCC nested function"


def named_file(path: str) -> str:
    """A program that maps a file, deleted since, at `path` writable and executable."""
    return f"""
import mmap, os
fd = os.open({path!r}, os.O_RDWR | os.O_CREAT, 0o700)
os.unlink({path!r})
os.ftruncate(fd, {PAGE})
memory = mmap.mmap(fd, {PAGE}, prot=7)
"""


@pytest.mark.parametrize("name, maker", [("ffiAb3dEf", "libffi"), ("other", "other")])
def test_a_deleted_file_is_recognised_by_its_name(
    start: Start, tmp_path: Path, name: str, maker: str
) -> None:
    finding = the_finding(start(named_file(str(tmp_path / name))))
    assert finding.maker == maker
    assert f"{tmp_path / name} (deleted)" in finding.reason


@pytest.mark.parametrize(
    "name, maker",
    [("libffi", "libffi"), ("doublemapper", ".NET"), ("tcg-jit", "QEMU"), ("mine", "memfd:mine")],
)
def test_a_memfd_is_recognised_by_its_name(start: Start, name: str, maker: str) -> None:
    code = memfd_twice("MAP_SHARED").replace("twice", name)
    assert the_finding(start(code), ALIAS).maker == maker


LIBRARIES = [
    ("libffi.so.8", "libffi"),
    ("_cffi_backend.cpython-39-x86_64-linux-gnu.so", "cffi (ffi.callback)"),
    ("libjvm.so", "Java"),
    ("libclrjit.so", ".NET"),
    ("libluajit-5.1.so.2", "LuaJIT"),
    ("libLLVM-15.so.1", "LLVM"),
    ("libpcre2-8.so.0", "PCRE2"),
    ("node", "V8"),
    ("libruby-3.1.so.3.1", "Ruby"),
    ("qemu-aarch64", "QEMU"),
    ("libmonosgen-2.0.so.1", "Mono"),
    ("ntdll.so", "Wine"),
]


def maps_code_of(*libraries: Path) -> str:
    """A program that maps these files executable."""
    return f"""
import mmap, os
libraries = [
    mmap.mmap(
        os.open(path, os.O_RDONLY),
        {PAGE},
        flags=mmap.MAP_PRIVATE,
        prot=mmap.PROT_READ | mmap.PROT_EXEC,
    )
    for path in {[str(path) for path in libraries]!r}
]
"""


@pytest.mark.parametrize("name, maker", LIBRARIES)
def test_anonymous_memory_is_attributed_by_loaded_libraries(
    start: Start, tmp_path: Path, name: str, maker: str
) -> None:
    library = tmp_path / name
    library.write_bytes(bytes(PAGE))
    finding = the_finding(start(ANONYMOUS + maps_code_of(library)))
    assert finding.maker == maker
    assert str(library) in finding.reason


@pytest.mark.parametrize("pages, maker", [(1, "cffi (ffi.callback)"), (2, "Java")])
def test_single_page_is_attributed_to_cffi_before_a_compiler(
    start: Start, tmp_path: Path, pages: int, maker: str
) -> None:
    libraries = [tmp_path / "_cffi_backend.so", tmp_path / "libjvm.so"]
    for library in libraries:
        library.write_bytes(bytes(PAGE))
    memory = ANONYMOUS.replace(f"-1, {PAGE}", f"-1, {pages * PAGE}")
    finding = the_finding(start(memory + maps_code_of(*libraries)))
    assert (finding.size, finding.maker) == (pages * PAGE, maker)


def with_executable_stack(program: str, copy: Path) -> Path:
    """Copy a 64-bit program and let the copy ask for an executable stack."""
    image = bytearray(Path(program).read_bytes())
    assert image[:5] == b"\x7fELF\x02"
    order = {1: "<", 2: ">"}[image[5]]
    (offset,) = struct.unpack_from(f"{order}Q", image, 32)
    size, count = struct.unpack_from(f"{order}HH", image, 54)
    for header in range(offset, offset + size * count, size):
        kind, flags = struct.unpack_from(f"{order}II", image, header)
        if kind == 0x6474E551:  # PT_GNU_STACK
            struct.pack_into(f"{order}I", image, header + 4, flags | 1)
    copy.write_bytes(image)
    copy.chmod(0o755)
    assert read_elf(copy).executable_stack
    return copy


def start_with_executable_stack(start: Start, program: Path, code: str) -> int:
    with_executable_stack(os.path.realpath(sys.executable), program)
    home = f"{sys.base_prefix}:{sys.base_exec_prefix}"
    return start(code, interpreter=str(program), env={**os.environ, "PYTHONHOME": home})


def await_sleep(pid: int) -> None:
    """Wait until all the threads of `pid` wait in the kernel, where their stacks can be told."""
    while any(
        (task / "syscall").read_text() == "running\n"
        for task in Path(f"/proc/{pid}/task").iterdir()
    ):
        time.sleep(0.01)


def test_executable_stack_is_attributed_to_the_file_that_requests_it(
    start: Start, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(3600,)).start()"
    pid = start_with_executable_stack(start, program, thread)
    await_sleep(pid)
    findings = audit([pid])
    assert "[stack]" in [finding.executable.path for finding in findings]
    assert "" in [finding.executable.path for finding in findings], "the thread has no such stack"
    assert {finding.maker for finding in findings} == {"executable stack"}
    assert {finding.reason for finding in findings} == {f"PT_GNU_STACK of {program}"}


def test_fifo_that_replaced_a_mapped_file_is_not_opened(start: Start, tmp_path: Path) -> None:
    program, library = tmp_path / "program", tmp_path / "library"
    library.write_bytes(bytes(PAGE))
    pid = start_with_executable_stack(start, program, maps_code_of(library))
    library.unlink()
    os.mkfifo(f"{library} (deleted)")
    assert f"{library} (deleted)" in [mapping.path for mapping in read_maps(pid)]
    assert the_finding(pid).reason == f"PT_GNU_STACK of {program}"


def test_a_personality_that_makes_memory_executable_is_named(start: Start) -> None:
    code = "import ctypes; ctypes.CDLL(None).personality(0x400000)\n"
    memory = ANONYMOUS.replace("prot=7", "prot=3")
    pid = start(code + memory)
    if "rwx" not in Path(f"/proc/{pid}/maps").read_text():
        pytest.skip("this architecture does not have READ_IMPLIES_EXEC")
    assert {finding.maker for finding in audit([pid])} == {"READ_IMPLIES_EXEC"}


def test_the_libraries_for_closures_are_listed(start: Start, tmp_path: Path) -> None:
    (tmp_path / "trampfd").mkdir()
    names = [
        "libffi.so.8.1.2",
        "libffi-c643fa1a.so.6.0.4",
        "_cffi_backend.abi3.so",
        "trampfd/_native.abi3.so",
        "libtrampfd.so.0",
    ]
    libraries = [tmp_path / name for name in names]
    others = [tmp_path / "libffitting.txt", tmp_path / "libc.so"]
    for file in libraries + others:
        file.write_bytes(bytes(PAGE))
    listed = inspect(start(maps_code_of(*libraries, *others))).libraries
    assert set(listed) == set(map(str, libraries))


# The command


def test_report_without_findings(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    pid = start(CLEAN)
    assert command(str(pid)) == cli.CLEAN
    out, err = capsys.readouterr()
    assert out.startswith(f"{pid} ")
    assert "nothing found" in out
    assert err == ""


def test_report_with_findings(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    clean, dirty = start(CLEAN), start(ANONYMOUS + memfd_twice("MAP_SHARED"))
    assert command(str(clean), str(dirty)) == cli.FOUND
    lines = capsys.readouterr().out.splitlines()
    (headings,) = [line for line in lines if "MADE BY" in line]
    rows = lines[lines.index(headings) + 1 :]
    assert [row.split()[0] for row in rows] == ["w+x", "alias"]
    column = headings.index("MADE BY")
    assert [row[column:].split()[0] for row in rows] == ["unknown", "memfd:twice"]
    assert "the same" in rows[0] and "rw-s" in rows[1]


def test_json(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    clean, dirty = start(CLEAN), start(ANONYMOUS)
    assert command("--json", str(clean), str(dirty)) == cli.FOUND
    one, other = json.loads(capsys.readouterr().out)
    assert (one["pid"], one["findings"]) == (clean, [])
    assert other["pid"] == dirty
    assert other["name"] == Path(f"/proc/{dirty}/comm").read_text().rstrip("\n")
    assert other["command"][:2] == [sys.executable, "-c"]
    (finding,) = other["findings"]
    expected: dict[str, Any] = {"kind": "w+x", "size": PAGE, "maker": "unknown", "pid": dirty}
    assert {key: finding[key] for key in expected} == expected
    assert finding["executable"] == finding["writable"]
    start_address = int(finding["executable"]["start"], 16)
    assert int(finding["executable"]["end"], 16) - start_address == PAGE


def test_a_process_named_twice_is_inspected_once(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = str(start(CLEAN))
    assert command("--json", pid, pid) == cli.CLEAN
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_a_process_cannot_control_the_terminal(
    start: Start, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = named_file(str(tmp_path / "\x1b[2J\n\udcff"))
    assert command(str(start(code))) == cli.FOUND
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2J\\n\\udcff" in out


def test_a_missing_process_is_an_error(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    dirty = start(ANONYMOUS)
    assert command(str(NO_PID), str(dirty)) == cli.FAILED
    out, err = capsys.readouterr()
    assert err == f"trampfd audit: {NO_PID}: no such process\n"
    assert out.startswith(f"{dirty} ")


@pytest.mark.parametrize("argument", ["0", "-1", "x", "1.5", "", "1_0"])
def test_a_bad_argument_is_an_error(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(argument) == cli.FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: trampfd audit" in err


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--all", "1"]])
def test_pids_and_all_are_mutually_exclusive(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments) == cli.FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: trampfd audit" in err and "--all" in err


def test_help_lists_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--help") == 0
    out = capsys.readouterr().out
    assert "exit status:" in out and "examples:" in out


def test_all_finds_what_is_running(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    clean, dirty = start(CLEAN), start(ANONYMOUS)
    assert command("--all") == cli.FOUND
    pids = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert str(dirty) in pids
    assert str(clean) not in pids


def test_all_skips_what_has_ended(
    start: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = start(CLEAN)
    monkeypatch.setattr(cli, "running_pids", lambda: [clean, NO_PID])
    assert command("--all") == cli.CLEAN
    assert capsys.readouterr() == ("nothing found in 1 process\n", "")


# Processes that may not be looked into: what they run is marked not dumpable, which shuts out other
# users and, for who is not root, the owner too.

CLOSED = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"  # PR_SET_DUMPABLE


def unprivileged_command(*arguments: str) -> tuple[int, str, str]:
    """Run the command as a user without rights; return its exit status and what it wrote."""
    with tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as out:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                sys.stdout = out
                sys.stderr = err
                status = command(*arguments)
                out.flush()
                err.flush()
            finally:
                os._exit(status)
        _, wait_status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.WEXITSTATUS(wait_status), out.read(), err.read()


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")


def test_a_process_that_may_not_be_read_is_not_called_clean(start: Start) -> None:
    pid = start(CLOSED)
    assert unprivileged_command(str(pid)) == (
        cli.FAILED,
        "",
        f"trampfd audit: {pid} ({name_of(pid)}): not permitted; run as root\n",
    )


def test_json_holds_what_could_not_be_read(start: Start) -> None:
    pids = [start(CLOSED), NO_PID]
    status, out, err = unprivileged_command("--json", *map(str, pids))
    assert status == cli.FAILED
    closed, missing = json.loads(out)
    assert closed == {
        "pid": pids[0],
        "name": name_of(pids[0]),
        "error": "EACCES",
        "reason": "not permitted",
    }
    assert missing == {"pid": NO_PID, "name": None, "error": "ESRCH", "reason": "no such process"}
    assert len(err.splitlines()) == 2


def test_all_names_the_processes_that_may_not_be_read(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = [start(CLOSED), start(CLOSED), NO_PID]
    monkeypatch.setattr(cli, "running_pids", lambda: pids)
    status, _, err = unprivileged_command("--all")
    for pid in pids[:2]:
        assert f"trampfd audit: {pid} ({name_of(pid)}): not permitted" in err
    assert str(NO_PID) not in err
    assert "trampfd audit: 2 processes could not be read; run as root\n" in err
    assert status == cli.FAILED
    out = unprivileged_command("--all", "--json")[1]
    assert [process["pid"] for process in json.loads(out)] == pids[:2]


def test_a_process_that_ends_while_it_is_read(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(pid: int) -> list[Mapping]:
        raise ProcessLookupError(3, "No such process")

    pid = start(CLEAN)
    monkeypatch.setattr("trampfd._cli.audit.inspect.read_smaps", end)
    assert command(str(pid)) == cli.FAILED
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"trampfd audit: {pid}: no such process\n")


def test_unreadable_proc_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> list[int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cli, "running_pids", refuse)
    assert command("--all") == cli.FAILED
    out, err = capsys.readouterr()
    assert (out, err) == ("", "trampfd audit: /proc cannot be read: Permission denied\n")
