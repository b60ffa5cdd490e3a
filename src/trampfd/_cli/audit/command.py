# SPDX-License-Identifier: MIT
"""`trampfd audit`: which processes execute what they can write or have written, and who made it.

The maker is a guess, and each guess comes with its reason. The rules, the strongest first: which
file asks for an executable stack; what is written in the memory (the code of libffi's closures and
of GCC's trampolines has a form of its own, and holds the address of the function it leads to); the
personality of the process; the name of the memory; its permissions; what else is mapped, such as
libffi or the library of a just-in-time compiler; and last what Python was asked to do at its start.
"""

from __future__ import annotations

import argparse
import errno
import json
import mmap
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..._system.elf import Elf, ElfError, read_elf
from ..._system.ffi_origin import holds_libffi
from ..._system.maps import (
    Mapping,
    aliases,
    read_proc,
    read_smaps,
    thread_ids,
    writable_executable,
    written_executable,
)

CLEAN = 0
FOUND = 1
FAILED = 2

WRITABLE_EXECUTABLE = "w+x"
ALIAS = "alias"
WRITTEN = "written"


@dataclass(frozen=True)
class Finding:
    """Memory whose code the process can change, or has written itself.

    Attributes:
        pid: the process.
        kind: `WRITABLE_EXECUTABLE` for one mapping that is both; `ALIAS` for two of one object;
            `WRITTEN` for memory that was written and made executable afterwards, and for code of a
            file of which the process has changed its own copy.
        executable: the mapping that is executable.
        writable: the mapping it can be written through, which is the same one for
            `WRITABLE_EXECUTABLE`; None for `WRITTEN`.
        size: how much of it can be both written and executed, or was written, in bytes.
        maker: the library or feature that most likely made it, or "unknown".
        reason: what `maker` was concluded from.
    """

    pid: int
    kind: str
    executable: Mapping
    writable: Mapping | None
    size: int
    maker: str
    reason: str


@dataclass(frozen=True)
class Process:
    """One inspected process.

    Attributes:
        pid: its process id.
        name: its short name (comm).
        command: its arguments; none for a kernel thread, or once the main thread has ended.
        libraries: the paths of the libraries for closures it has mapped: libffi, cffi, trampfd.
        unreached: if it has the preload library, files with a libffi linked in that this does not
            stand in front of.
        findings: empty if it has no memory of the kinds of `Finding`.
    """

    pid: int
    name: str
    command: tuple[str, ...]
    libraries: tuple[str, ...]
    unreached: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Unread:
    """A process that could not be inspected.

    Attributes:
        pid: its process id.
        name: its short name (comm), None if not even that could be read.
        error: the name of the error, such as "EACCES" or "ESRCH".
        reason: the same in words.
    """

    pid: int
    name: str | None
    error: str
    reason: str


def audit(pids: Iterable[int]) -> list[Finding]:
    """Return the findings in the processes `pids`.

    Raises:
        ProcessLookupError: a process does not exist or ended meanwhile.
        PermissionError: this user may not look into a process.
        FileNotFoundError: /proc is not mounted.
    """
    return [finding for pid in pids for finding in inspect(pid).findings]


def inspect(pid: int) -> Process:
    """Return what `trampfd audit` tells of process `pid`; raises the errors of `audit`."""
    name = _name(pid)
    text = os.fsdecode(read_proc(pid, "cmdline")).rstrip("\0")
    command = tuple(text.split("\0")) if text else ()
    target = _Target(pid, command, read_smaps(pid))
    return Process(
        pid=pid,
        name=name,
        command=command,
        libraries=tuple(target.files(_CLOSURE_LIBRARY)),
        unreached=tuple(_unreached(target)),
        findings=tuple(_findings(target)),
    )


def _name(pid: int) -> str:
    return os.fsdecode(read_proc(pid, "comm")).removesuffix("\n")


_ANY_FILE = re.compile(r"^/")
_ELF_MAGIC = b"\x7fELF"
_READ_IMPLIES_EXEC = 0x0400000
# cffi fills its memory from the end, so the first page of a large block may still be unused.
_LOOK_AT = 1 << 20


class _Target:
    """A process under inspection: its mappings, and what else is read of it when a rule asks."""

    def __init__(self, pid: int, command: tuple[str, ...], maps: list[Mapping]) -> None:
        self.pid = pid
        self.command = command
        self.maps = maps

    def files(self, pattern: re.Pattern[str]) -> list[str]:
        """The paths of the files mapped executable that match, each once."""
        paths = (mapping.path for mapping in self.maps if mapping.executable)
        return list(dict.fromkeys(path for path in paths if pattern.search(path)))

    def file_at(self, address: int) -> str | None:
        """The path of the file whose code is at `address`."""
        for mapping in self.maps:
            if mapping.start <= address < mapping.end and mapping.executable and mapping.inode:
                return mapping.path
        return None

    def read(self, mapping: Mapping, size: int = _LOOK_AT) -> bytes | None:
        """The first `size` bytes of a mapping, None if they may not or cannot be read."""
        try:
            with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(mapping.start)
                return memory.read(min(mapping.size, size))
        except OSError:
            return None

    def is_program(self, mapping: Mapping) -> bool:
        """Whether the object that is mapped is a program or a library: an ELF file."""
        starts = (
            other
            for other in self.maps
            if (other.device, other.inode, other.offset) == (mapping.device, mapping.inode, 0)
        )
        return any(self.read(start, len(_ELF_MAGIC)) == _ELF_MAGIC for start in starts)

    @cached_property
    def environment(self) -> dict[bytes, bytes]:
        """The environment that it was started with; empty if it may not be read."""
        try:
            variables = read_proc(self.pid, "environ").split(b"\0")
        except OSError:
            return {}
        # The first of a name counts, as for getenv().
        return dict(variable.split(b"=", 1) for variable in reversed(variables) if b"=" in variable)

    @cached_property
    def reads_imply_execution(self) -> bool:
        """Whether the personality of the process makes all memory executable that is readable."""
        try:
            return bool(int(read_proc(self.pid, "personality"), 16) & _READ_IMPLIES_EXEC)
        except OSError:
            return False

    @cached_property
    def has_executable_stack(self) -> bool:
        return any(mapping.path == "[stack]" and mapping.executable for mapping in self.maps)

    @cached_property
    def stack_pointers(self) -> list[int]:
        """The stack pointers of the threads that wait in the kernel."""
        return [
            pointer
            for thread in thread_ids(self.pid)
            for pointer in [_stack_pointer(self.pid, thread)]
            if pointer is not None
        ]

    @cached_property
    def stack_makers(self) -> list[str]:
        """The mapped files that ask for an executable stack, or else those that do not say."""
        wishes = {path: _wants_executable_stack(self.pid, path) for path in self.files(_ANY_FILE)}
        asking = [path for path, wish in wishes.items() if wish == "asks"]
        return asking or [path for path, wish in wishes.items() if wish == "silent"]


def _stack_pointer(pid: int, thread: int) -> int | None:
    try:
        fields = read_proc(pid, f"task/{thread}/syscall").split()
    except OSError:
        return None
    return int(fields[-2], 16) if len(fields) > 2 else None


def _elf_of(pid: int, path: str) -> Elf | None:
    file = Path(f"/proc/{pid}/root{path}")
    # By now something else can have that path, and to open a FIFO would wait for its writer.
    try:
        return read_elf(file) if file.is_file() else None
    except (OSError, ElfError):
        return None


def _wants_executable_stack(pid: int, path: str) -> str:
    elf = _elf_of(pid, path)
    if elf is None:
        return "unreadable"
    wish = elf.executable_stack
    return "silent" if wish is None else "asks" if wish else "refuses"


def _findings(target: _Target) -> list[Finding]:
    both = [
        _finding(target, WRITABLE_EXECUTABLE, mapping, mapping, mapping.size)
        for mapping in writable_executable(target.maps)
    ]
    pairs = [
        _finding(target, ALIAS, alias.executable, alias.writable, alias.overlap)
        for alias in aliases(target.maps)
    ]
    still_written = {finding.executable for finding in pairs}
    written = [
        _finding(target, WRITTEN, mapping, None, mapping.written or mapping.size)
        for mapping in written_executable(target.maps)
        if mapping not in still_written and not _is_loaded_file(target, mapping)
    ]
    return both + pairs + written


# Where nothing else is left, slots are copied to a memfd and sealed before they can be executed.
_OWN_SLOTS = "/memfd:trampfd-slots (deleted)"


def _is_loaded_file(target: _Target, mapping: Mapping) -> bool:
    """Whether it is a program or a library that lies in memory, as the copy that runc starts."""
    if mapping.inode == 0 or not mapping.in_memory:
        return False
    return mapping.path == _OWN_SLOTS or target.is_program(mapping)


def _finding(
    target: _Target, kind: str, executable: Mapping, writable: Mapping | None, size: int
) -> Finding:
    guess = _guess(target, kind, executable)
    reason = guess.reason + _although_preloaded(target, guess)
    return Finding(target.pid, kind, executable, writable, size, maker=guess.maker, reason=reason)


def _although_preloaded(target: _Target, guess: _Guess) -> str:
    preload = target.files(_PRELOAD)
    if not preload or not re.search(r"libffi|ctypes|cffi", guess.maker):
        return ""
    return f"; {preload[0]} was not asked"


# Who made it: each rule looks at one kind of evidence and answers None if it finds none of it.


@dataclass(frozen=True)
class _Guess:
    maker: str
    reason: str


def _guess(target: _Target, kind: str, mapping: Mapping) -> _Guess:
    contents = target.read(mapping)
    return (
        _by_stack(target, mapping)
        or _by_contents(target, mapping, contents or b"")
        or _by_python_code(target, contents or b"")
        or _by_personality(target)
        or _by_changes(target, mapping)
        or _by_name(mapping)
        or _by_permissions(mapping)
        or _by_libraries(target, kind, mapping, contents)
        or _by_python_options(target, kind)
        or _Guess("unknown", mapping.path or "anonymous memory; no known maker is mapped")
    )


def _by_stack(target: _Target, mapping: Mapping) -> _Guess | None:
    is_stack = mapping.path == "[stack]" or (
        target.has_executable_stack
        and not mapping.inode
        and any(mapping.start <= pointer < mapping.end for pointer in target.stack_pointers)
    )
    if not is_stack or not target.stack_makers:
        return None
    return _Guess("executable stack", f"PT_GNU_STACK of {', '.join(target.stack_makers)}")


_PRELOAD = re.compile(r"/libtrampfd-ffi\.so[^/]*$")
_SHARED_LIBFFI = re.compile(r"/lib(trampfd-)?ffi[^/]*\.so[^/]*$")


def _unreached(target: _Target) -> list[str]:
    if not target.files(_PRELOAD):
        return []
    return [
        path
        for path in target.files(_ANY_FILE)
        if not _SHARED_LIBFFI.search(path) and _holds_libffi(target.pid, path)
    ]


def _holds_libffi(pid: int, path: str) -> bool:
    elf = _elf_of(pid, path)
    return elf is not None and holds_libffi(elf)


_LIBFFI = "libffi"
_GCC = "GCC nested function"

# The code that libffi and GCC write for a function pointer, up to the address (`serves`) of the
# function that it ends up in. The wildcards are addresses.
_WRITTEN_CODE = [
    # libffi 3.4 and later, x86-64: endbr64; lea -11(%rip),%r10; jmp *7(%rip)
    (_LIBFFI, rb"\xf3\x0f\x1e\xfa\x4c\x8d\x15\xf5\xff{3}\xff\x25\x07\0{3}.{23}(?P<serves>.{8})"),
    # libffi 3.3, x86-64: lea -7(%rip),%r10; jmp *3(%rip)
    (_LIBFFI, rb"\x4c\x8d\x15\xf9\xff{3}\xff\x25\x03\0{3}.{19}(?P<serves>.{8})"),
    # libffi before, x86-64: movabs ,%r11; movabs ,%r10; clc or stc; jmp *%r11
    (_LIBFFI, rb"\x49\xbb.{8}\x49\xba.{8}[\xf8\xf9]\x49\xff\xe3.{8}(?P<serves>.{8})"),
    # libffi, AArch64: ldr x16, .+16; adr x17, .-4; br x16
    (_LIBFFI, rb"\x90\0\0\x58\xf1\xff\xff\x10\0\x02\x1f\xd6.{20}(?P<serves>.{8})"),
    # GCC, x86-64, on the stack or on libgcc's heap: mov ,%r11; movabs ,%r10; jmp *%r11
    (_GCC, rb"[\x41\x49]\xbb(?P<serves>.{8}|.{4})\x49\xba.{8}[\x41\x49]\xff\xe3"),
]
_WRITTEN_CODE_PATTERNS = [(kind, re.compile(code, re.DOTALL)) for kind, code in _WRITTEN_CODE]

_SERVED = [
    (re.compile(r"/_ctypes[^/]*$"), "ctypes (CFUNCTYPE)"),
    (re.compile(r"/_cffi_backend[^/]*$"), "cffi (ffi.callback)"),
]


def _by_contents(target: _Target, mapping: Mapping, contents: bytes) -> _Guess | None:
    # The kernel joins neighbouring mappings, so one may hold the code of several makers.
    makers: dict[str, str] = {}
    for kind, code in _WRITTEN_CODE_PATTERNS:
        offsets: dict[bytes, int] = {}
        for found in code.finditer(contents):
            offsets.setdefault(found["serves"], found.start())
        for serves, offset in offsets.items():
            path = target.file_at(int.from_bytes(serves, sys.byteorder))
            if path is not None:
                where = f"{kind} trampoline at {mapping.start + offset:#x} leads to {path}"
                makers.setdefault(_maker_serving(kind, path), where)
    return _Guess(", ".join(makers), "; ".join(makers.values())) if makers else None


def _maker_serving(kind: str, path: str) -> str:
    if kind == _LIBFFI:
        for pattern, maker in _SERVED:
            if pattern.search(path):
                return maker
    return f"{kind} ({Path(path).name})"


_PYTHON = re.compile(r"/(python3[0-9.]*t?d?|libpython3[^/]*\.so[^/]*)$")
_PYTHON_JIT = "CPython JIT"
_PYTHON_PERF = "CPython perf trampolines"

_PYTHON_CODE = [
    # A text that each piece of compiled code carries along, though nothing reads it.
    (_PYTHON_JIT, re.compile(rb"Fatal error uop executed\.\0"), "holds a text of that compiler"),
    # Copies of Python/asm_trampoline.S from the start of the memory to its end.
    # x86-64: push %rbp; mov %rsp,%rbp; call *%rcx; pop %rbp; ret
    # before 3.14: sub $8,%rsp; call *%rcx; add $8,%rsp; ret
    # AArch64: stp x29,x30,[sp,-16]!; mov x29,sp; blr x3; ldp x29,x30,[sp],16; ret
    (
        _PYTHON_PERF,
        re.compile(
            rb"\A(?P<one>(\xf3\x0f\x1e\xfa)?"
            rb"(\x55\x48\x89\xe5\xff\xd1\x5d|\x48\x83\xec\x08\xff\xd1\x48\x83\xc4\x08)\xc3"
            rb"|\xfd\x7b\xbf\xa9\xfd\x03\x00\x91\x60\x00\x3f\xd6\xfd\x7b\xc1\xa8\xc0\x03\x5f\xd6)"
            rb"\0*(?P=one)"
        ),
        "begins with copies of Python's trampoline",
    ),
]


def _by_python_code(target: _Target, contents: bytes) -> _Guess | None:
    python = target.files(_PYTHON)
    if not python:
        return None
    for maker, code, reason in _PYTHON_CODE:
        if code.search(contents):
            return _Guess(maker, f"{python[0]} is mapped, and the memory {reason}")
    return None


def _by_personality(target: _Target) -> _Guess | None:
    if not target.reads_imply_execution:
        return None
    return _Guess("READ_IMPLIES_EXEC", "its personality makes all readable memory executable")


_NAMES = [
    (re.compile(r"^/memfd:libffi"), _LIBFFI),
    (re.compile(r"/ffi[0-9A-Za-z]{6} \(deleted\)$"), _LIBFFI),
    # A file that never had a name (O_TMPFILE), which libffi tries before a named one.
    (re.compile(r"/#\d+ \(deleted\)$"), _LIBFFI),
    (re.compile(r"^/memfd:doublemapper"), ".NET"),
    (re.compile(r"^/memfd:tcg-jit"), "QEMU"),
    (re.compile(r"/orcexec\.[^/]*$"), "ORC"),
    (re.compile(r"js-executable-memory"), "SpiderMonkey"),
    (re.compile(r"^\[anon:Ruby:"), "Ruby"),
    (re.compile(r"^\[anon:v8"), "V8"),
    (re.compile(r"^\[anon:cpython:jit"), _PYTHON_JIT),
    (re.compile(r"^\[anon:cpython:perf"), _PYTHON_PERF),
]
_NAMELESS = re.compile(r"^(|\[heap\]|/(dev/zero|anon_hugepage|SYSV[0-9a-f]{8}) \(deleted\))$")


def _by_changes(target: _Target, mapping: Mapping) -> _Guess | None:
    """Code of a file that differs from the file."""
    if not mapping.written or mapping.in_memory or mapping.path.endswith(" (deleted)"):
        return None
    elf = _elf_of(target.pid, mapping.path)
    name = _short_name(mapping.path)
    if elf is not None and elf.text_relocations:
        return _Guess(f"text relocations ({name})", f"DT_TEXTREL of {mapping.path}")
    what = "was changed in memory: patched, or by a debugger's breakpoint"
    return _Guess(f"unknown ({name})", f"code of {mapping.path} {what}")


def _by_name(mapping: Mapping) -> _Guess | None:
    for pattern, maker in _NAMES:
        if pattern.search(mapping.path):
            return _Guess(maker, f"the name {mapping.path}")
    if not _NAMELESS.search(mapping.path):
        return _Guess(_short_name(mapping.path), f"the name {mapping.path}")
    return None


def _short_name(path: str) -> str:
    return path if path.startswith("[") else Path(path).name.removesuffix(" (deleted)")


def _by_permissions(mapping: Mapping) -> _Guess | None:
    if mapping.perms != "-wxp":
        return None
    return _Guess(_GCC, "writable and executable but not readable, as libgcc's heap trampolines")


_CLOSURE_LIBRARY = re.compile(
    r"/(libffi[^/]*\.so[^/]*|_cffi_backend[^/]*\.so|libtrampfd[^/]*\.so[^/]*|trampfd/[^/]*\.so)$"
)
_CFFI = re.compile(r"/_cffi_backend[^/]*\.so$")

# What is mapped and makes such memory, the likeliest maker first: a compiler is there to be used,
# while many programs load libffi, LLVM or PCRE2 for something else.
_LIBRARIES = [
    (re.compile(pattern), maker)
    for pattern, maker in [
        (r"/(node|nodejs|chrome|chromium|electron|libnode\.so[^/]*|libv8[^/]*)$", "V8"),
        (r"/libjvm\.so$", "Java"),
        (r"/lib(coreclr|clrjit)\.so$", ".NET"),
        (r"/(mono|mono-sgen|libmono[^/]*\.so[^/]*)$", "Mono"),
        (r"/(luajit[^/]*|libluajit[^/]*)$", "LuaJIT"),
        (r"/(pypy[0-9.]*|libpypy[^/]*)$", "PyPy"),
        (r"/(ruby[0-9.]*|libruby[^/]*)$", "Ruby"),
        (r"/qemu-[^/]*$", "QEMU"),
        (r"/(wine[^/]*|ntdll\.so|ntdll\.dll)$", "Wine"),
        (r"/libjavascriptcoregtk[^/]*$", "JavaScriptCore"),
        (r"/(libxul\.so|libmozjs[^/]*)$", "SpiderMonkey"),
        (r"/opcache\.so$", "PHP"),
        (_CFFI.pattern, "cffi (ffi.callback)"),
        (r"/libffi[^/]*\.so[^/]*$", _LIBFFI),
        (r"/numba/[^/]*\.so$", "Numba"),
        (r"/libllvmlite[^/]*$", "llvmlite"),
        (r"/libLLVM[^/]*$", "LLVM"),
        (r"/libpcre2-[^/]*$", "PCRE2"),
    ]
]


_KEEP_IT_WRITABLE = {"cffi (ffi.callback)", _LIBFFI}


def _by_libraries(
    target: _Target, kind: str, mapping: Mapping, contents: bytes | None
) -> _Guess | None:
    note = "its contents could not be read" if contents is None else "its contents do not tell"
    backend = target.files(_CFFI)
    if backend and mapping.size == mmap.PAGESIZE and kind != WRITTEN:
        return _Guess("cffi (ffi.callback)", f"one page, and {backend[0]} is mapped; {note}")
    for pattern, maker in _LIBRARIES:
        paths = target.files(pattern)
        if paths and not (kind == WRITTEN and maker in _KEEP_IT_WRITABLE):
            return _Guess(maker, f"{paths[0]} is mapped; {note}")
    return None


# What only a CPython holds that was built with its compiler.
_JIT_TEXT = b"JIT %s (%d)\0"
_PERF_VARIABLES = (b"PYTHONPERFSUPPORT", b"PYTHON_PERF_JIT_SUPPORT")
_PERF_OPTION = re.compile(r"\0-X\0?(perf|perf_jit)\0")


def _by_python_options(target: _Target, kind: str) -> _Guess | None:
    """What a CPython was asked to do, for releases and machines whose code is not known."""
    python = target.files(_PYTHON) if kind == WRITTEN else []
    if not python:
        return None
    asked = [name.decode() for name in _PERF_VARIABLES if target.environment.get(name, b"")]
    asked += [f"-X {option}" for option in _PERF_OPTION.findall("\0".join([*target.command, ""]))]
    if asked:
        return _Guess(_PYTHON_PERF, f"{python[0]} was started with {asked[0]}")
    if target.environment.get(b"PYTHON_JIT", b"0") in (b"", b"0"):
        return None
    elves = (_elf_of(target.pid, path) for path in python)
    if not any(elf is not None and _JIT_TEXT in elf.rodata for elf in elves):
        return None
    return _Guess(_PYTHON_JIT, f"{python[0]} has it, and was started with PYTHON_JIT")


# The command.

_EPILOG = """\
kinds:
  w+x      one mapping is writable and executable
  alias    one object is mapped writable at one address and executable at another
  written  it was written and then made executable, as just-in-time compilers do with mprotect();
           or code of a file that the process has changed in its memory

exit status:
  0  all the processes were inspected and none has such memory
  1  such memory was found
  2  wrong usage, or a process could not be inspected; with --all only if nothing was found

A process that could not be inspected is named on standard error.  In the JSON form it is an object
with "error", such as "EACCES", and "reason" instead of "findings".

example:
  trampfd audit --all          (as root: others' processes cannot be read otherwise)
  trampfd audit --json $(pidof python3)
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the `audit` command."""
    parser = subparsers.add_parser(
        "audit",
        help="find memory that is writable and executable in running processes",
        description="List the memory of running processes that is writable and executable, mapped "
        "writable at one address and executable at another, or was written and made executable "
        "afterwards, and guess who made it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pids", metavar="PID", type=_pid, nargs="*", help="a process to inspect")
    parser.add_argument("--all", action="store_true", help="inspect every process")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run, print_usage=parser.print_usage)


def _pid(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"a PID is a whole number above 0, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Carry out `trampfd audit` and return its exit status.

    Findings go to standard output, what could not be inspected to standard error. The JSON form is
    a list with one object for each inspected process, whose keys are the attributes of `Process`;
    each of its `findings` has the attributes of `Finding`, and the mappings in it those of
    `Mapping`, with `start` and `end` as hexadecimal strings ("0x7f..."). Objects with the
    attributes of `Unread` follow. With --all, processes that end meanwhile are left out.
    """
    if args.all == bool(args.pids):
        args.print_usage(sys.stderr)
        _complain("give either PIDs or --all" if args.all else "name a PID, or use --all")
        return FAILED
    if not Path("/proc/self").exists():
        _complain("/proc is not mounted")
        return FAILED
    try:
        pids = running_pids() if args.all else list(dict.fromkeys(args.pids))
    except OSError as error:
        _complain(f"/proc cannot be read: {error.strerror}")
        return FAILED
    processes, unread = _inspect_each(pids)
    if args.all:
        unread = [process for process in unread if process.error != "ESRCH"]
    if args.json:
        _print_json(processes, unread)
    else:
        _print_text(processes, quiet=args.all)
    complete = _report_unread(unread)
    if args.all:
        complete = _report_extent(unread) and complete
    found = any(process.findings for process in processes)
    if found and (complete or args.all):
        return FOUND
    return CLEAN if complete else FAILED


def running_pids() -> list[int]:
    """Return the ids of all processes that /proc shows."""
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _inspect_each(pids: Sequence[int]) -> tuple[list[Process], list[Unread]]:
    processes = []
    unread = []
    for pid in pids:
        try:
            processes.append(inspect(pid))
        except OSError as error:
            unread.append(_unread(pid, error))
    return processes, unread


def _unread(pid: int, error: OSError) -> Unread:
    if isinstance(error, ProcessLookupError):
        return Unread(pid, None, "ESRCH", "no such process")
    try:
        name = _name(pid)
    except OSError:
        name = None
    number = error.errno or 0
    reason = "not permitted" if isinstance(error, PermissionError) else os.strerror(number)
    return Unread(pid, name, errno.errorcode.get(number, str(number)), reason)


def _complain(message: str) -> None:
    print(f"trampfd audit: {message}", file=sys.stderr)


def _report_unread(unread: Sequence[Unread]) -> bool:
    """Name the processes that could not be inspected; return True if there are none."""
    for process in unread:
        name = "" if process.name is None else f" ({_printable(process.name)})"
        hint = _hint() if process.reason == "not permitted" else ""
        _complain(f"{process.pid}{name}: {process.reason}{hint}")
    return not unread


def _report_extent(unread: Sequence[Unread]) -> bool:
    """Say how much --all did not see; return False if it did not even see all processes."""
    if unread:
        _complain(f"{_processes(len(unread))} could not be read{_hint()}")
    # Process 1 always exists: where it is not shown, /proc is mounted with hidepid.
    hidden = not Path("/proc/1").exists()
    if hidden:
        _complain(f"/proc hides the processes of other users{_hint()}")
    return not hidden


def _hint() -> str:
    # In a container, say, root may lack that right.
    return "; run as root" if os.geteuid() != 0 else "; root needs CAP_SYS_PTRACE for that"


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _print_json(processes: Sequence[Process], unread: Sequence[Unread]) -> None:
    values = [_json_value(asdict(process)) for process in processes]
    values += [asdict(process) for process in unread]
    print(json.dumps(values, indent=2))


def _json_value(value: Any) -> Any:
    # Addresses can be larger than the integers that JSON readers keep exact.
    if isinstance(value, dict):
        return {
            key: hex(item) if key in ("start", "end") else _json_value(item)
            for key, item in value.items()
        }
    if isinstance(value, tuple):
        return [_json_value(item) for item in value]
    return value


def _print_text(processes: list[Process], quiet: bool) -> None:
    shown = [process for process in processes if process.findings or not quiet]
    for process in shown:
        _print_process(process)
    if not shown and processes:
        print(f"nothing found in {_processes(len(processes))}")


_COMMAND_WIDTH = 100


def _print_process(process: Process) -> None:
    command = shlex.join(process.command)
    if len(command) > _COMMAND_WIDTH:
        command = command[: _COMMAND_WIDTH - 3] + "..."
    print(_printable(f"{process.pid} {process.name}: {command}").rstrip())
    for library in process.libraries:
        print(_printable(f"  uses {library}"))
    for file in process.unreached:
        print(_printable(f"  has a libffi that the preload library does not reach: {file}"))
    if process.findings:
        _print_table([_HEADINGS] + [_row(finding) for finding in process.findings])
    else:
        print("  nothing found")


_HEADINGS = ("KIND", "SIZE", "EXECUTABLE AT", "WRITABLE AT", "MADE BY", "BECAUSE")


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.kind,
        f"{finding.size // 1024} KiB",
        f"{finding.executable.start:x} {finding.executable.perms}",
        _writable_at(finding),
        _printable(finding.maker),
        _printable(finding.reason),
    )


def _writable_at(finding: Finding) -> str:
    if finding.writable is None:
        return "no longer"
    if finding.writable is finding.executable:
        return "the same"
    return f"{finding.writable.start:x} {finding.writable.perms}"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths))
        print("  " + "  ".join(cells).rstrip())


def _printable(text: str) -> str:
    # A process chooses its name, its arguments and its paths: none may control the terminal.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
