# SPDX-License-Identifier: MIT
"""`trampfd trace`: who asks for memory that is writable and executable, and what to do."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import core, hardening, libc, preload, scale

from trampfd._cli.trace import python_line

pytestmark = [
    pytest.mark.any_provider,
    pytest.mark.skipif(
        os.uname().machine not in ("x86_64", "aarch64", "riscv64"),
        reason="no seccomp filter is known for this machine",
    ),
]

PROGRAMS = core.TESTS / "programs"
TRACE = (sys.executable, "-m", "trampfd", "trace")
# Others may have the modules that are looked for.
PYTHONS = [sys.executable, "/usr/bin/python3"]


class Traced:
    """What `trampfd trace --json` wrote of a command, and how it ended."""

    def __init__(self, *command: object, env: dict[str, str] | None = None) -> None:
        report = core.new_folder() / "report.json"
        words = [*TRACE, "--json", "-o", report, "--", *command]
        self.done = core.run(*words, environment=env)
        if "cannot be traced here" in self.done.stderr:
            pytest.skip(self.done.stderr.strip())
        self.status = self.done.returncode
        assert report.stat().st_size, self.done.stderr
        self.json: dict[str, Any] = json.loads(report.read_text())
        self.attempts: list[dict[str, Any]] = self.json["attempts"]

    @property
    def calls(self) -> Counter[tuple[str, str]]:
        """How often each call was made for memory of each kind."""
        found: Counter[tuple[str, str]] = Counter()
        for attempt in self.attempts:
            found[attempt["call"], attempt["kind"]] += attempt["times"]
        return found

    def of(self, cause: str) -> dict[str, Any]:
        """The first attempt for a cause."""
        found = [attempt for attempt in self.attempts if attempt["cause"] == cause]
        if not found:
            pytest.fail(f"no {cause} in {[attempt['cause'] for attempt in self.attempts]}")
        return found[0]

    def served(self) -> dict[str, str]:
        return {cause["name"]: cause["served_by"] for cause in self.json["causes"]}


def wishes(*ways: str) -> list[object]:
    """A program of C that asks for memory in these ways."""
    source = core.PROGRAMS / "trace/wishes.c"
    return [core.compiled("cc", "-g", "-o", "wishes", source) / "wishes", *ways]


def callback(way: str, *pythons: str) -> Traced:
    """A Python program that makes a callback; skips where none has the module for it."""
    missing = ""
    for python in pythons or PYTHONS:
        # One of pyenv may be there and refuse.
        if shutil.which(python) is None or core.run(python, "-c", "").returncode:
            missing += f"; {python} is not installed"
            continue
        found = Traced(python, PROGRAMS / "callbacks.py", way)
        if found.json["end"] == {"status": 0}:
            return found
        assert found.json["end"] == {"status": core.SKIPPED}, found.done.stderr
        missing += f"; {python}: {found.done.stdout.strip()}"
    pytest.skip(missing[2:])


def need_stock_code(found: Traced) -> None:
    """A libffi with static trampolines needs no such memory, so that there is nothing to find."""
    if not found.attempts:
        pytest.skip("this libffi has static trampolines, and asks for no such memory")


# What is found


@pytest.mark.parametrize(
    ("way", "file", "c_type"),
    [
        ("soundfile", "soundfile.py", "sf_vio_get_filelen"),
        ("pyopenssl", "SSL.py", "int (*)(int, X509_STORE_CTX *)"),
        ("cairocffi", "surfaces.py", "cairo_write_func_t"),
    ],
)
def test_a_library_that_uses_cffi(way: str, file: str, c_type: str) -> None:
    found = callback(way)
    attempt = found.of("cffi callback")
    assert (attempt["call"], attempt["kind"]) == ("mmap", "w+x")
    assert Path(attempt["python"]["file"]).name == file
    assert "callback" in attempt["python"]["source"]
    assert c_type in (attempt["python"]["c_type"] or attempt["python"]["source"])
    assert found.json["verdict"] == {
        "hardenable": "yes, with",
        "needs": ["trampfd run"],
        "obstacles": [],
    }
    assert found.status == 1


def test_a_ctypes_callback() -> None:
    found = callback("ctypes")
    need_stock_code(found)
    attempt = found.of("ctypes callback")
    python = attempt["python"]
    assert Path(python["file"]) == PROGRAMS / "callbacks.py"
    assert python["function"] == "ctypes"
    assert "qsort" in python["source"]
    assert python["c_type"].startswith("ctypes.CFUNCTYPE(ctypes.c_int, ")
    assert any(re.search("_ctypes|libffi", frame["file"]) for frame in attempt["frames"])
    assert (found.served(), found.status) == ({"ctypes callback": "trampfd run"}, 1)


def test_a_callback_of_pygobject() -> None:
    found = callback("gobject")
    need_stock_code(found)
    attempt = found.of("PyGObject closure")
    assert Path(attempt["python"]["file"]).name == "callbacks.py"
    assert "idle_add" in attempt["python"]["source"]
    assert found.served() == {"PyGObject closure": "preload library"}


def test_numba_is_a_compiler() -> None:
    found = callback("numba")
    assert found.served()["LLVM through numba"] == "nothing"
    assert found.status == 3
    lines = [attempt["python"] for attempt in found.attempts if attempt["call"] == "mprotect"]
    assert any("callbacks.py:" in caller for line in lines for caller in line["callers"])


def test_the_compiler_of_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_JIT", "1")
    found = callback("jit", *PYTHONS, "python3.13", "python3.14", "python3.15", "python3.16")
    assert found.served() == {"CPython's JIT": "setting"}
    assert found.json["verdict"]["needs"] == ["PYTHON_JIT=0 in the environment"]


def test_the_support_of_cpython_for_perf() -> None:
    if not hasattr(sys, "activate_stack_trampoline"):
        pytest.skip("this Python has no -X perf, which CPython 3.12 and later can have")
    found = Traced(sys.executable, "-X", "perf", "-c", "abs(1)")
    assert found.served() == {"CPython's perf trampolines": "setting"}


@pytest.mark.skipif(libc.NAME == "musl", reason="stacks cannot be made executable with musl")
@pytest.mark.parametrize("way", ["stack", "heap"])
def test_a_nested_function_of_gcc(way: str) -> None:
    source = core.PROGRAMS / "trace/nested.c"
    flags = ["-ftrampoline-impl=heap"] if way == "heap" else []
    command = [core.need("gcc"), *flags, "-o", "nested", source]
    if subprocess.run([*command[:-3], "-E", source], capture_output=True).returncode:
        pytest.skip(f"gcc does not know {flags}, which GCC 14 and later have")
    found = Traced(core.compiled(*command) / "nested")
    if way == "heap":
        assert found.served() == {"nested function of GCC": "libtrampfd"}
        assert found.status == 1
    else:
        assert found.calls == {("execve", "w+x"): 1}
        assert found.served() == {"executable stack of nested": "change"}
        assert found.status == 3


def test_luajit() -> None:
    found = Traced(core.need("luajit"), PROGRAMS / "callback.lua")
    assert found.done.stdout.startswith("1\t")
    assert found.served() == {"LuaJIT": "nothing"}
    assert set(found.calls) == {("mprotect", "written")}


@pytest.mark.skipif(libc.NAME == "musl", reason="stacks cannot be made executable with musl")
def test_an_executable_stack_of_a_library() -> None:
    source = core.PROGRAMS / "audit/library.c"
    flags = ["-shared", "-fPIC", "-Wl,-z,execstack"]
    path = core.compiled("cc", *flags, "-o", "libwants.so", source) / "libwants.so"
    code = f"""\
import ctypes, threading
try:
    ctypes.CDLL({str(path)!r})
except OSError as error:
    raise SystemExit(77) from error
thread = threading.Thread(target=int)
thread.start()
thread.join()
"""
    found = Traced(sys.executable, "-c", code)
    if found.json["end"] == {"status": 77}:
        pytest.skip("this C library refuses an executable stack to a library that is loaded late")
    assert found.served() == {"executable stack of libwants.so": "change"}
    # That of the thread is a second one.
    assert found.calls["mprotect", "w+x"] + found.calls["mmap", "w+x"] == 2


def test_text_relocations() -> None:
    flags = ["-shared", "-nostdlib", "-Wl,-z,notext"]
    source = core.PROGRAMS / "audit/textrel.S"
    path = core.compiled("cc", *flags, "-o", "libtextrel.so", source) / "libtextrel.so"
    found = Traced(sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(path)!r})")
    assert found.served() == {"text relocations of libtextrel.so": "change"}


def test_a_program_that_libffi_serves() -> None:
    found = Traced(preload.program("preload/one"))
    need_stock_code(found)
    assert found.served() == {"libffi closure of one": "preload library"}


def test_libffi_maps_a_memfd_twice_where_memory_may_not_be_both() -> None:
    if not hardening.has_mdwe():
        pytest.skip("this kernel has no PR_SET_MDWE, which Linux has since 6.3")
    found = Traced(*preload.under("mdwe", preload.program("preload/one")))
    need_stock_code(found)
    results = {(a["call"], a["kind"]): a["results"] for a in found.attempts}
    assert results == {("mmap", "w+x"): {"EACCES": 1}, ("mmap", "alias"): {"granted": 1}}
    assert found.served() == {"libffi closure of one": "preload library"}


def test_refusals_by_a_filter_of_the_program_itself() -> None:
    """The kernel asks that filter, too, and a refusal comes before a stop of ours."""
    found = Traced(*preload.under("systemd_mdwe", *wishes("mmap", "mprotect-written")))
    results = {(a["call"], a["kind"]): a["results"] for a in found.attempts}
    assert results == {("mmap", "w+x"): {"EPERM": 1}, ("mprotect", "written"): {"EPERM": 1}}


KINDS = {
    "mmap": {("mmap", "w+x"): 1},
    "writable-second": {("mmap", "alias"): 1},
    "executable-second": {("mmap", "alias"): 1},
    "one-after-the-other": {("mmap", "written"): 1},
    "mprotect-writable": {("mprotect", "written"): 1},
    "mprotect-written": {("mprotect", "written"): 1},
    "mprotect-unwritten": {("mprotect", "gain"): 1},
    "shmat": {("shmat", "w+x"): 1},
    "mremap": {("mmap", "w+x"): 1, ("mremap", "w+x"): 1},
    "child": {("mmap", "w+x"): 1},
    "harmless": {},
}


@pytest.mark.parametrize("way", KINDS)
def test_each_way_to_ask(way: str) -> None:
    found = Traced(*wishes(way))
    if found.json["end"] == {"status": core.SKIPPED}:
        pytest.skip(found.done.stderr)
    assert found.calls == KINDS[way]
    for attempt in found.attempts:
        assert attempt["results"] == {"granted": attempt["times"]}
        assert attempt["program"].endswith("/wishes")
    assert found.status == (3 if KINDS[way] else 0)


def test_reads_that_imply_execution() -> None:
    found = Traced(core.need("setarch"), "-X", "true")
    assert found.calls["personality", "w+x"] == 1
    assert "READ_IMPLIES_EXEC" in found.served()


# Completeness

_STRACE_CALL = re.compile(
    r"(?P<call>mmap|mprotect|pkey_mprotect|shmat|mremap)\((?P<arguments>.*?)\) += "
)


def seen_by_strace(*command: object) -> Counter[str]:
    """The calls that ask for memory which is writable and executable, or make it executable."""
    log = core.new_folder() / "log"
    calls = "trace=mmap,mprotect,pkey_mprotect,shmat,mremap"
    done = core.run(core.need("strace"), "-f", "-y", "-o", log, "-e", calls, *command)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace cannot trace here: {done.stderr.strip()}")
    found: Counter[str] = Counter()
    executable: set[str] = set()
    for line in log.read_text().splitlines():
        match = _STRACE_CALL.search(line)
        if match is None:
            continue
        call, arguments = match["call"], match["arguments"]
        memfd = re.search(r"<(/memfd:[^>]*)>", arguments)
        is_written = "PROT_WRITE" in arguments
        if call == "mmap" and "PROT_EXEC" in arguments and memfd:
            executable.add(memfd[1])
        if "PROT_EXEC" in arguments and (is_written or call != "mmap"):
            found[call] += 1
        elif call == "mmap" and is_written and memfd and memfd[1] in executable:
            found["alias"] += 1
        elif call == "shmat" and "SHM_EXEC" in arguments:
            found[call] += 1
    return found


WAYS = ["mmap", "writable-second", "mprotect-written", "mprotect-unwritten", "shmat", "child"]


@pytest.mark.parametrize("what", ["wishes", "ctypes", "cffi", "gobject", "mdwe", "luajit"])
def test_strace_sees_the_same(what: str) -> None:
    if what == "wishes":
        command = wishes(*WAYS)
    elif what == "luajit":
        command = [core.need("luajit"), PROGRAMS / "callback.lua"]
    elif what == "mdwe":
        command = preload.under("mdwe", sys.executable, PROGRAMS / "callbacks.py", "ctypes")
    else:
        python = "/usr/bin/python3" if what == "gobject" else sys.executable
        command = [core.need(python), PROGRAMS / "callbacks.py", what]
    found = Traced(*command)
    if found.json["end"] != {"status": 0}:
        pytest.skip(f"{what}: {found.done.stdout}{found.done.stderr}")
    ours: Counter[str] = Counter()
    for attempt in found.attempts:
        ours["alias" if attempt["kind"] == "alias" else attempt["call"]] += attempt["times"]
    assert ours == seen_by_strace(*command)
    assert ours or what not in ("wishes", "cffi", "luajit")


# Served


def test_a_program_that_trampfd_serves_asks_for_nothing() -> None:
    command = [sys.executable, "-m", "trampfd", "run", PROGRAMS / "callbacks.py"]
    for way in ("ctypes", "cffi"):
        found = Traced(*command, way)
        assert (found.attempts, found.status) == ([], 0)
        assert found.json["verdict"]["hardenable"] == "yes"


def test_a_program_that_the_preload_library_serves_asks_for_nothing() -> None:
    found = Traced(preload.program("preload/one"), env=preload.preloaded())
    assert (found.attempts, found.status) == ([], 0)


# The program runs as it would


def test_threads_children_and_their_ends() -> None:
    code = """\
import ctypes, os, subprocess, sys, threading
prototype = ctypes.CFUNCTYPE(None)
kept = []
def make():
    kept.extend(prototype(int) for _ in range(200))
threads = [threading.Thread(target=make) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
child = os.fork()
if child == 0:
    make()
    os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
done = subprocess.run([sys.executable, "-c", "import ctypes; f = ctypes.CFUNCTYPE(None)(int)"])
assert done.returncode == 0
"""
    found = Traced(sys.executable, "-c", code)
    assert found.json["end"] == {"status": 0}, found.done.stderr
    need_stock_code(found)
    assert found.served() == {"ctypes callback": "trampfd run"}
    assert len({pid for attempt in found.attempts for pid in attempt["pids"]}) == 3


def test_a_program_that_stops_and_goes_on() -> None:
    code = "(sleep 0.1; kill -CONT $$) & kill -STOP $$; wait; echo resumed"
    found = Traced("sh", "-c", code)
    assert (found.done.stdout, found.status) == ("resumed\n", 0)


@pytest.mark.parametrize(
    ("command", "status", "end"),
    [
        (["true"], 0, {"status": 0}),
        (["false"], 16, {"status": 1}),
        (["sh", "-c", "kill -TERM $$"], 16, {"signal": "SIGTERM"}),
        ([*wishes("mmap"), "nonsense"], 19, {"status": 1}),
        ([sys.executable, "-c", "import _cffi_backend as b; 1/0"], 16, {"status": 1}),
    ],
    ids=["true", "false", "signal", "wish", "python"],
)
def test_the_exit_status_tells_the_verdict_and_the_programs_end(
    command: list[object], status: int, end: dict[str, Any]
) -> None:
    found = Traced(*command)
    assert (found.status, found.json["end"]) == (status, end)


def test_signals_are_the_programs() -> None:
    code = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    command = [*TRACE, "--", "sh", "-c", code]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=scale.seconds(60))
    assert (child.returncode, out) == (16, "caught\n"), err
    assert "exit status 5" in err


def test_a_normal_program_is_hardly_stopped() -> None:
    """It makes hundreds of thousands of system calls, and maps memory."""
    code = "import os, mmap\nfor _ in range(50_000): os.stat('/'); mmap.mmap(-1, 4096).close()"
    found = Traced(sys.executable, "-c", code)
    assert found.json["end"] == {"status": 0}
    # For each library that is loaded, and for the signal at its end.
    assert 0 < found.json["stops"] < 200


def test_traces_where_it_may_have_no_such_memory_itself() -> None:
    if not hardening.has_mdwe():
        pytest.skip("this kernel has no PR_SET_MDWE, which Linux has since 6.3")
    done = core.run(*preload.under("mdwe,no_memfd", *TRACE, *wishes("mmap")))
    assert done.returncode == 3, done.stderr
    assert "mmap: w+x, 8192 bytes rwx: EACCES 1 x" in done.stderr


# Without help


def test_native_stacks_are_guessed_without_libdw() -> None:
    code = """\
import sys
from trampfd import _native
from trampfd.__main__ import main
def refused(pid):
    raise OSError("libdw.so.1: cannot open shared object file")
_native.unwinder = refused
sys.exit(main(sys.argv[1:]))
"""
    report = core.new_folder() / "report.json"
    words = [sys.executable, "-c", code, "trace", "--json", "-o", report, "--", sys.executable]
    done = core.run(*words, PROGRAMS / "callbacks.py", "cffi")
    assert done.returncode == 1, done.stderr
    found = json.loads(report.read_text())
    assert [cause["name"] for cause in found["causes"]] == ["cffi callback"]
    assert found["notes"] == [
        "native stacks are guesses: libdw is not installed (libdw1 of Debian, elfutils-libs of "
        "Fedora)"
    ]


# A Python that does not take the hook.
ISOLATED = (sys.executable, "-I", PROGRAMS / "callbacks.py", "cffi")


def test_a_python_without_the_hook_is_read_by_py_spy() -> None:
    if python_line.spy() is None:
        pytest.skip("py-spy is not installed")
    found = Traced(*ISOLATED)
    assert "callback" in found.of("cffi callback")["python"]["source"]
    assert found.json["notes"] == []


def test_a_python_without_the_hook_says_what_is_missing() -> None:
    code = """\
import sys
from trampfd.__main__ import main
from trampfd._cli.trace import python_line
python_line.spy = lambda: None
sys.exit(main(sys.argv[1:]))
"""
    report = core.new_folder() / "report.json"
    words = [sys.executable, "-c", code, "trace", "--json", "-o", report, "--", *ISOLATED]
    done = core.run(*words)
    assert done.returncode == 1, done.stderr
    found = json.loads(report.read_text())
    assert [attempt["python"] for attempt in found["attempts"]] == [None]
    (note,) = found["notes"]
    assert note.endswith("are not known: pip install 'trampfd[trace]' (py-spy) reads them")


# A running process

LOOP = """\
import cffi, sys, time
ffi = cffi.FFI()
kept = []
print("ready", flush=True)
while True:
    kept += [ffi.callback("int(int)", abs) for _ in range(200)]
    time.sleep(0.05)
"""


@contextlib.contextmanager
def running() -> Iterator[int]:
    child = subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child.pid
        assert child.poll() is None
    finally:
        child.kill()
        child.communicate()


def tracer_of(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("TracerPid:")[2].split()[0])


def test_a_running_process_is_traced_until_ctrl_c_and_runs_on() -> None:
    with running() as pid:
        command = [*TRACE, "--json", "-p", str(pid)]
        # A shell lets what it runs in the background ignore the signal, these tests too.
        trace = subprocess.Popen(
            ["env", "--default-signal=INT", *command], stderr=subprocess.PIPE, text=True
        )
        limit = time.monotonic() + scale.seconds(60)
        while not tracer_of(pid) and trace.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        time.sleep(0.5)
        trace.send_signal(signal.SIGINT)
        _, err = trace.communicate(timeout=scale.seconds(60))
        assert trace.returncode == 1, err
        assert tracer_of(pid) == 0
    found = json.loads(err)
    assert (found["pid"], found["command"], found["end"]) == (pid, [], None)
    assert [cause["name"] for cause in found["causes"]] == ["cffi callback"]


def test_what_cannot_be_traced_is_told() -> None:
    messages = {
        ("nosuchcommand",): "cannot run nosuchcommand: No such file or directory",
        ("/etc/passwd",): "cannot run /etc/passwd: Permission denied",
        ("-o", "/nosuch/file", "true"): "cannot write /nosuch/file: No such file or directory",
        ("-p", str(2**22 + 1)): f"there is no process {2**22 + 1}",
        ("-p", str(os.getpid()), "true"): "error: name either a command, or a process with -p",
        (): "error: name either a command, or a process with -p",
    }
    for words, message in messages.items():
        done = core.run(*TRACE, *words)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith(message), done.stderr


def test_the_report_for_people() -> None:
    done = core.run(*TRACE, *wishes("mmap", "child"))
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert "mmap: w+x, 8192 bytes rwx: granted 1 x" in lines
    assert any(line.startswith("  stack     libc.so") or "wishes(" in line for line in lines)
    assert lines[-1].startswith("can be hardened: no, because of wishes")


# The C type of a callback


@pytest.mark.parametrize(
    ("source", "line", "c_type"),
    [
        ('ffi.callback("int(int)", f)', 1, "int(int)"),
        ('@ffi.callback("int(int)")\ndef f(x): ...', 1, "int(int)"),
        ('f = g(\n  ffi.callback(\n    "void(void)", f\n  )\n)', 3, "void(void)"),
        ("ffi.callback(name, f)", 1, None),
        ("T = CFUNCTYPE(None)\nx = T(f)", 2, "CFUNCTYPE(None)"),
        ("class A:\n  T = c.CFUNCTYPE(c.c_int)\nx = A.T(f)", 3, "c.CFUNCTYPE(c.c_int)"),
        ("@CFUNCTYPE(c_int)\ndef f(): ...", 1, "CFUNCTYPE(c_int)"),
        ("T = PYFUNCTYPE(None)\n@T\ndef f(): ...", 2, "PYFUNCTYPE(None)"),
        ("CFUNCTYPE(None)(f)", 1, "CFUNCTYPE(None)"),
        ("not Python at all", 1, None),
        ("x = 1", 7, None),
    ],
)
def test_the_c_type_is_read_from_the_source(source: str, line: int, c_type: str | None) -> None:
    assert python_line.c_type(source, line) == c_type


def test_a_traceback_is_parsed_without_the_frames_of_ctypes_and_cffi(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text('ffi.callback("int(int)", f)\n')
    text = f"""\
Current thread 0x00007f (most recent call first):
  File "/x/cffi/api.py", line 9 in callback
  File "{program}", line 1 in main
  File "{program}", line 5 in <module>
"""
    assert python_line.parse(text) == python_line.PythonLine(
        file=str(program),
        line=1,
        function="main",
        source='ffi.callback("int(int)", f)',
        c_type="int(int)",
        callers=(f"{program}:5 in <module>",),
    )
    assert python_line.parse("Current thread 0x7f:\n  <no Python frame>\n") is None
