# SPDX-License-Identifier: MIT
"""Compile the C core with a program or a library of ``tests/c``, and run it."""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import core_sources
import pytest

from support import build_cache, cpu, emulation, hardening, libc, scale

TESTS = Path(__file__).resolve().parents[1]

BACKEND = core_sources.BACKEND
PROGRAMS = TESTS / "c"

# A program that skips itself ends with this status, as automake's do.
SKIPPED = 77

# As setup.py links the extension.
LINK_ARENA = tuple(
    f"-Wl,{flag}"
    for flag in re.findall(r"--section-start=[^,\s]+", (BACKEND / "ldflags.txt").read_text())
)
LINK_SHARED = ("-shared", *shlex.split((BACKEND / "ldflags.txt").read_text()), "-Wl,-z,defs")


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="trampfd-core-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def new_folder() -> Path:
    """A folder of its own, removed when the session ends."""
    return Path(tempfile.mkdtemp(dir=_folder()))


def need(tool: str) -> str:
    """The path of a tool; skips the test, naming it, where it is not installed."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    if tool == "c++" and libc.NAME == "musl":
        pytest.skip("c++ has no library for musl")
    return path


def _pkg_config(what: str) -> list[str]:
    command = [os.environ.get("PKG_CONFIG", "pkg-config"), what, "libffi"]
    return shlex.split(subprocess.check_output(command, text=True))


@functools.cache
def architecture() -> str:
    """Without the compiler, which a virtual machine has not."""
    return os.environ.get("TRAMPFD_ARCH") or cpu.NAME


def target() -> core_sources.Target:
    """The compiler's C library is that of this Python."""
    return core_sources.Target(architecture(), libc.NAME)


def port_lacks(what: str) -> bool:
    return core_sources.lacks(architecture(), what)


@functools.cache
def libffi_has(what: str) -> bool:
    """On this CPU: "COMPLEX_TYPE" ..."""
    text = f"#include <ffi.h>\n#ifdef FFI_TARGET_HAS_{what}\nyes\n#endif\n"
    command = ["cc", *_pkg_config("--cflags"), "-E", "-P", "-x", "c", "-"]
    found = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return found.stdout.rstrip().endswith("yes")


def program_flags() -> tuple[str, ...]:
    """For programs of ``tests/c``; what depends on the CPU is in a folder of its own."""
    return f"-I{PROGRAMS}", f"-I{PROGRAMS / 'arch' / cpu.NAME}"


@functools.cache
def link_flags() -> tuple[str, ...]:
    return (*_pkg_config("--libs"), "-pthread", "-ldl")


@functools.cache
def compile_flags() -> tuple[str, ...]:
    """As the package is compiled, and with every warning an error."""
    return (
        *shlex.split((BACKEND / "cflags.txt").read_text()),
        *_pkg_config("--cflags"),
        "-Werror",
        "-g",
        *target().include_flags(),
    )


def compiler_run(command: list[str], folder: Path) -> None:
    """Run it in that folder."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"


def compiled(*command: object) -> Path:
    """The folder, not to be changed, in which this command of a compiler has run."""
    words = [str(word) for word in command]
    need(words[0])
    return build_cache.folder(words, functools.partial(compiler_run, words))


@functools.cache
def objects(*flags: str, compiler: str = "cc") -> tuple[str, ...]:
    """The object files of the core."""
    folder = compiled(compiler, *compile_flags(), *flags, "-c", *core_sources.core(architecture()))
    return tuple(sorted(str(path) for path in folder.glob("*.o")))


@functools.cache
def executable(
    name: str,
    *flags: str,
    more: tuple[str, ...] = (),
    link: tuple[str, ...] = (),
    compiler: str = "cc",
) -> Path:
    """``tests/c/<name>.c``, and files `more`, linked with the core.

    `flags` are for compiling and linking, the core too; `link` for linking this program.
    """
    output = name.rpartition("/")[2]
    command = [
        compiler,
        *compile_flags(),
        *program_flags(),
        *flags,
        "-o",
        output,
        PROGRAMS / f"{name}.c",
        *more,
        *objects(*flags, compiler=compiler),
        *link,
        *link_flags(),
    ]
    return compiled(*command) / output


@functools.cache
def shared_library(*names: str, flags: tuple[str, ...] = (), link: tuple[str, ...] = ()) -> Path:
    """The core as a shared library, with the named files of ``tests/c`` in it."""
    command = [
        "cc",
        *compile_flags(),
        *program_flags(),
        "-fPIC",
        *flags,
        *LINK_SHARED,
        "-o",
        "libtrampfd-test.so",
        *(PROGRAMS / f"{name}.c" for name in names),
        *core_sources.portable("shared"),
        *objects("-fPIC", *flags),
        *link,
        *link_flags(),
    ]
    return compiled(*command) / "libtrampfd-test.so"


def programs(area: str) -> set[str]:
    """The names, as of executable(), of the C and C++ files of a folder of ``tests/c``."""
    paths = (PROGRAMS / area).glob("*.c*")
    return {str(path.relative_to(PROGRAMS).with_suffix("")) for path in paths}


def copy_of(path: Path) -> Path:
    """A copy that a program or a test may remove."""
    return Path(shutil.copy(path, new_folder()))


class Core:
    """The core, and the closures of ``tests/c/core/peer.c``, loaded into this process.

    For scripts that run in a child process, with the folder of this file on their path.
    """

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.peer_trail.restype = ctypes.c_char_p
        self._library.peer_source.restype = ctypes.c_char_p
        self._library.peer_block.restype = ctypes.c_void_p
        self._library.peer_slots_size.restype = ctypes.c_size_t
        self._library.peer_make(1)
        self._slots = ctypes.string_at(self._library.peer_block(0), self._library.peer_slots_size())
        self._maps = open("/proc/self/maps")  # noqa: SIM115

    def _executable(self) -> set[tuple[int, int]]:
        """Start and end of the executable mappings; read without opening anything."""
        self._maps.seek(0)
        lines = [line.split() for line in self._maps]
        ranges = [tuple(int(n, 16) for n in words[0].split("-")) for words in lines]
        assert not [words for words in lines if "w" in words[1] and "x" in words[1]], lines
        return {(a, b) for (a, b), words in zip(ranges, lines) if "x" in words[1]}

    def reopen_maps(self) -> None:
        """After the descriptors of the process were closed."""
        self._maps = open("/proc/self/maps")  # noqa: SIM115

    def make(self, count: int) -> int:
        """Make closures until there are `count`: 0, or the errno of a refusal.

        All closures work then, and nothing was mapped executable for them but copies of the slots.
        """
        before = self._executable()
        error = self._library.peer_make(count - self._library.peer_count())
        assert self._library.peer_wrong() == 0
        for start, end in self._executable() - before:
            for at in range(start, end, len(self._slots)):
                assert ctypes.string_at(at, len(self._slots)) == self._slots, f"{at:#x} is not ours"
        return int(error)

    def free(self, left: int) -> None:
        """Free all closures but the first `left`."""
        self._library.peer_free(left)

    @property
    def count(self) -> int:
        return int(self._library.peer_count())

    @property
    def trail(self) -> str:
        """What was refused when the last closure was made, or was not."""
        return str(self._library.peer_trail().decode())

    def sources(self) -> list[str]:
        """Where the slots of the closures come from, in the order they were made."""
        sources = [self._library.peer_source(i).decode() for i in range(self.count)]
        return [source for source, _ in itertools.groupby(sources)]


def run(
    *command: object, environment: dict[str, str] | None = None, timeout: float = scale.seconds(240)
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=timeout,
    )
    done.stderr = emulation.without_its_words(done.stderr)
    return done


def need_policy(policy: str) -> None:
    """Skips the test where the kernel has no such policy, a function of `hardening`."""
    if policy == "mdwe" and not hardening.has_mdwe():
        pytest.skip("PR_SET_MDWE needs Linux 6.3")


def check(*command: object, environment: dict[str, str] | None = None) -> str:
    """Run a program that must succeed; skips when it says that something is absent.

    Returns what it wrote to standard output.
    """
    done = run(*command, environment=environment)
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def python_command(code: str) -> list[str]:
    """A command that runs Python code which can import the helpers of the tests."""
    path = [str(TESTS), *filter(None, sys.path)]
    return [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"]


def without_memfd() -> list[str]:
    """A command that runs another one, whose words follow, where memfd_create is refused."""
    return python_command(
        "from support import hardening; import os\n"
        "hardening.no_memfd(); os.execv(sys.argv[1], sys.argv[1:])"
    )


def script(code: str, *arguments: object) -> str:
    """Run Python code in a child process, see python_command() and check()."""
    return check(*python_command(code), *arguments)


def traced(calls: str, command: Sequence[object]) -> list[str]:
    """The system calls of those kinds that a command makes between writing "begin" and "end".

    Descriptors are followed by the path of their file.
    """
    log = new_folder() / "log"
    done = run(need("strace"), "-f", "-y", "-o", log, "-e", f"trace={calls},write", *command)
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip(f"strace cannot trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    begin, end = (
        next(i for i, line in enumerate(lines) if re.search(rf'write\(1\S*, "{mark}', line))
        for mark in ("begin", "end")
    )
    return lines[begin + 1 : end]
