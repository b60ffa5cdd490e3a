# SPDX-License-Identifier: MIT
"""Who made memory that `trampfd audit` finds.

The maker is a guess, and each guess comes with its reason. The rules, the strongest first: which
file asks for an executable stack; what is written in the memory (the code of libffi's closures and
of GCC's trampolines has a form of its own, and holds the address of the function it leads to); the
personality of the process; the name of the memory; its permissions; what else is mapped, such as
libffi or the library of a just-in-time compiler; and last what Python was asked to do at its start.

Each rule looks at one kind of evidence and returns None if it finds none of it.
"""

from __future__ import annotations

import mmap
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ..._system.maps import Mapping
from .. import compilers
from .target import WRITTEN, Target


@dataclass(frozen=True)
class Guess:
    """Who most likely made memory, and what that was concluded from."""

    maker: str
    reason: str


def guess(target: Target, kind: str, mapping: Mapping) -> Guess:
    """By the first rule that finds its kind of evidence."""
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
        or Guess("unknown", mapping.path or "anonymous memory; no known maker is mapped")
    )


def _by_stack(target: Target, mapping: Mapping) -> Guess | None:
    is_stack = mapping.path == "[stack]" or (
        target.has_executable_stack
        and not mapping.inode
        and any(mapping.start <= pointer < mapping.end for pointer in target.stack_pointers)
    )
    if not is_stack or not target.stack_makers:
        return None
    return Guess("executable stack", f"PT_GNU_STACK of {', '.join(target.stack_makers)}")


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


def _by_contents(target: Target, mapping: Mapping, contents: bytes) -> Guess | None:
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
    return Guess(", ".join(makers), "; ".join(makers.values())) if makers else None


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


def _by_python_code(target: Target, contents: bytes) -> Guess | None:
    python = target.files(_PYTHON)
    if not python:
        return None
    for maker, code, reason in _PYTHON_CODE:
        if code.search(contents):
            return Guess(maker, f"{python[0]} is mapped, and the memory {reason}")
    return None


def _by_personality(target: Target) -> Guess | None:
    if not target.reads_imply_execution:
        return None
    return Guess("READ_IMPLIES_EXEC", "its personality makes all readable memory executable")


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


def _by_changes(target: Target, mapping: Mapping) -> Guess | None:
    """Code of a file that differs from the file."""
    if not mapping.written or mapping.in_memory or mapping.path.endswith(" (deleted)"):
        return None
    elf = target.elf(mapping.path)
    name = _short_name(mapping.path)
    if elf is not None and elf.text_relocations:
        return Guess(f"text relocations ({name})", f"DT_TEXTREL of {mapping.path}")
    what = "was changed in memory: patched, or by a debugger's breakpoint"
    return Guess(f"unknown ({name})", f"code of {mapping.path} {what}")


def _by_name(mapping: Mapping) -> Guess | None:
    for pattern, maker in _NAMES:
        if pattern.search(mapping.path):
            return Guess(maker, f"the name {mapping.path}")
    if not _NAMELESS.search(mapping.path):
        return Guess(_short_name(mapping.path), f"the name {mapping.path}")
    return None


def _short_name(path: str) -> str:
    """Of a file, its name; one may be called what the kernel adds when a file is removed."""
    return path if path.startswith("[") else Path(path).name.removesuffix(" (deleted)") or path


def _by_permissions(mapping: Mapping) -> Guess | None:
    if mapping.perms != "-wxp":
        return None
    return Guess(_GCC, "writable and executable but not readable, as libgcc's heap trampolines")


_CFFI = re.compile(r"/_cffi_backend[^/]*\.so$")

# What is mapped and makes such memory, the likeliest maker first: a compiler is there to be used,
# while many programs load libffi, LLVM or PCRE2 for something else.
_COMPILERS_IN_USE = (
    *("V8", "Java", ".NET", "Mono", "LuaJIT", "PyPy", "Ruby", "QEMU", "Wine"),
    *("JavaScriptCore", "SpiderMonkey", "PHP"),
)
_LIBRARIES = [
    *((compilers.FILES[name], name) for name in _COMPILERS_IN_USE),
    (_CFFI, "cffi (ffi.callback)"),
    (re.compile(r"/libffi[^/]*\.so[^/]*$"), _LIBFFI),
    (re.compile(r"/numba/[^/]*\.so$"), "Numba"),
    *((compilers.FILES[name], name) for name in ("llvmlite", "LLVM", "PCRE2")),
]


_KEEP_IT_WRITABLE = {"cffi (ffi.callback)", _LIBFFI}


def _by_libraries(
    target: Target, kind: str, mapping: Mapping, contents: bytes | None
) -> Guess | None:
    note = "its contents could not be read" if contents is None else "its contents are not known"
    backend = target.files(_CFFI)
    if backend and mapping.size == mmap.PAGESIZE and kind != WRITTEN:
        return Guess("cffi (ffi.callback)", f"one page, and {backend[0]} is mapped; {note}")
    for pattern, maker in _LIBRARIES:
        paths = target.files(pattern)
        if paths and not (kind == WRITTEN and maker in _KEEP_IT_WRITABLE):
            return Guess(maker, f"{paths[0]} is mapped; {note}")
    return None


# What only a CPython holds that was built with its compiler.
_JIT_TEXT = b"JIT %s (%d)\0"
_PERF_VARIABLES = (b"PYTHONPERFSUPPORT", b"PYTHON_PERF_JIT_SUPPORT")
_PERF_OPTION = re.compile(r"\0-X\0?(perf|perf_jit)\0")


def perf_request(target: Target) -> str | None:
    """What asked a CPython for its support for perf: a variable or an option."""
    for name in _PERF_VARIABLES:
        if target.environment.get(name, b"0") not in (b"", b"0"):
            return name.decode()
    option = _PERF_OPTION.search("\0".join([*target.command, ""]))
    return f"-X {option[1]}" if option else None


def _by_python_options(target: Target, kind: str) -> Guess | None:
    """What a CPython was asked to do, for releases and machines whose code is not known."""
    python = target.files(_PYTHON) if kind == WRITTEN else []
    if not python:
        return None
    asked = perf_request(target)
    if asked:
        return Guess(_PYTHON_PERF, f"{python[0]} was started with {asked}")
    if target.environment.get(b"PYTHON_JIT", b"0") in (b"", b"0"):
        return None
    elves = (target.elf(path) for path in python)
    if not any(elf is not None and _JIT_TEXT in elf.rodata for elf in elves):
        return None
    return Guess(_PYTHON_JIT, f"{python[0]} has it, and was started with PYTHON_JIT")
