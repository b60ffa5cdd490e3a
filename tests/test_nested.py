# SPDX-License-Identifier: MIT
"""GCC's nested functions: their pointers without writable code, see cbackend/nested/nested.c."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from support import core, library

SOURCES = tuple(str(core.BACKEND / "nested" / name) for name in ("flang.c", "nested.c"))
OPTION = "-ftrampoline-impl=heap"

# By hand: the calls that compiled code makes.
PROGRAMS = (
    "nested/coroutine",
    "nested/flang",
    "nested/fork",
    "nested/longjmp",
    "nested/order",
    "nested/read",
    "nested/threads",
)


def program(name: str, *flags: str, compiler: str = "cc") -> Path:
    return core.executable(name, *flags, more=SOURCES, compiler=compiler)


@pytest.mark.parametrize("compiler", ["cc", "clang"])
@pytest.mark.parametrize("optimization", ["-O0", "-O2"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_handwritten_nested_functions(name: str, optimization: str, compiler: str) -> None:
    core.check(core.copy_of(program(name, optimization, compiler=compiler)))


ADDRESS = "0x[0-9a-f]+"
SLOT = rf"{ADDRESS} \(nested function\) \(slot \d+ of the block at {ADDRESS}\)"
ABORTS = {
    "call after the end": f"call of a closure that was freed: {SLOT}",
    "end without beginning": "nested function returned without a trampoline on this thread",
    "free": "free of an address that is not a live closure: it is the code of one, or inside it "
    rf"\(closure {ADDRESS}\)",
}


@pytest.mark.parametrize("way", ABORTS)
def test_misuse_aborts_and_says_why(way: str) -> None:
    done = core.run(program("nested/abort"), way)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert re.fullmatch(f"trampfd: {ABORTS[way]}\n", done.stderr), done.stderr


FORTRAN_SLOT = SLOT.replace("nested function", "internal procedure")
FORTRAN_ABORTS = {
    "call after the end": f"call of a closure that was freed: {FORTRAN_SLOT}",
    "end twice": "end of an internal procedure whose pointer is not alive",
    "a pointer of GCC": "end of an internal procedure whose pointer is not alive",
}


@pytest.mark.parametrize("way", FORTRAN_ABORTS)
def test_misuse_of_an_internal_procedure_aborts_and_says_why(way: str) -> None:
    done = core.run(program("nested/flang"), way)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert re.match(f"trampfd: {FORTRAN_ABORTS[way]}", done.stderr), done.stderr


def test_a_pointer_that_cannot_be_made_aborts_and_says_why() -> None:
    environment = {"TRAMPFD_PROVIDER": "nonsense"}
    done = core.run(program("nested/abort"), "no slot", environment=environment)
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert done.stderr.startswith(
        "trampfd: cannot make a pointer to a nested function: TRAMPFD_PROVIDER: "
    )


@functools.cache
def gcc() -> str:
    """A GCC that has the option."""
    for name in ("cc", "gcc-16", "gcc-15", "gcc-14"):
        command = [name, OPTION, "-x", "c", "-E", os.devnull]
        try:
            if subprocess.run(command, capture_output=True).returncode == 0:
                return name
        except FileNotFoundError:
            continue
    pytest.skip(f"no gcc with {OPTION}")


@functools.cache
def objects(optimization: str) -> tuple[str, ...]:
    flags = [*core.compile_flags(), f"-I{core.PROGRAMS}", optimization, "-fexceptions", OPTION]
    folders = (
        core.compiled(gcc(), *flags, "-c", core.PROGRAMS / "nested/gcc.c"),
        core.compiled("c++", "-c", core.PROGRAMS / "nested/throw.cc"),
    )
    return tuple(str(path) for folder in folders for path in folder.glob("*.o"))


@functools.cache
def link(optimization: str, *flags: str) -> Path:
    command = [gcc(), "-rdynamic", "-o", "nested", *objects(optimization), *flags]
    return core.compiled(*command, "-lstdc++", "-pthread") / "nested"


def shared() -> Path:
    return library.path("libtrampfd.so.0")


def ours(way: str, optimization: str = "-O2") -> tuple[Path, dict[str, str]]:
    """A program whose pointers the library makes, and the environment for it."""
    if way == "linked":
        flags = [f"-L{shared().parent}", "-ltrampfd"]
        return link(optimization, *flags), {"LD_LIBRARY_PATH": str(shared().parent)}
    if way == "preloaded":
        return link(optimization), {"LD_PRELOAD": str(shared())}
    archive = str(library.path("libtrampfd.a"))
    return link(optimization, "-Wl,-u,trampfd_status_read", archive, *core.link_flags()), {}


POLICIES = ["", "mdwe", "systemd_mdwe"]


def run(
    path: Path, environment: dict[str, str], policy: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a program in a process that a policy is in force for, if any."""
    core.need_policy(policy)
    harden = policy and f"from support import hardening; hardening.{policy}()"
    code = f"import os\n{harden}\nos.execve({str(path)!r}, {[str(path), *arguments]!r}, "
    return core.run(*core.python_command(f"{code}{dict(os.environ, **environment)!r})"))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("way", ["linked", "preloaded", "archive"])
def test_gcc_nested_functions(way: str, policy: str) -> None:
    path, environment = ours(way)
    done = run(path, environment, policy, "ours")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("optimization", ["-O0", "-O1", "-O3", "-Os"])
def test_gcc_nested_functions_with_other_options(optimization: str) -> None:
    path, environment = ours("linked", optimization)
    done = run(path, environment, "mdwe", "ours")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("policy", POLICIES)
def test_stock_aborts_where_ours_runs(policy: str) -> None:
    """Otherwise the policies would prove nothing."""
    done = run(link("-O2"), {}, policy)
    assert done.returncode == (-signal.SIGABRT if policy else 0), done.stderr


def test_preloading_does_not_reach_a_static_libgcc() -> None:
    path = link("-O2", "-static-libgcc")
    done = run(path, {"LD_PRELOAD": str(shared())}, "mdwe", "ours")
    assert done.returncode == -signal.SIGABRT, done.stderr


# Fortran, where functions in functions are of everyday use.

FORTRAN = {
    "gfortran": (("gfortran", "gfortran-16", "gfortran-15", "gfortran-14"), OPTION),
    "flang": (("flang-23", "flang-24", "flang", "flang-new"), "-fsafe-trampoline"),
}
FORTRAN_PROGRAM = core.TESTS / "programs" / "internal.f90"
#: The sum of 1 .. 3001, and no line about memory.
FORTRAN_OUTPUT = f"{3001 * 3002 // 2}\n"


@functools.cache
def fortran(name: str) -> tuple[str, str]:
    """A compiler that has the option, and the option."""
    commands, option = FORTRAN[name]
    for command in commands:
        words = [command, option, "-fsyntax-only", FORTRAN_PROGRAM]
        try:
            if subprocess.run(words, capture_output=True, cwd=core.new_folder()).returncode == 0:
                return command, option
        except FileNotFoundError:
            continue
    pytest.skip(f"no {name} with {option}")


def fortran_program(name: str, *libraries: str) -> Path:
    command, option = fortran(name)
    return (
        core.compiled(command, option, "-o", "internal", FORTRAN_PROGRAM, *libraries) / "internal"
    )


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", FORTRAN)
def test_internal_procedures_of_fortran(name: str, policy: str) -> None:
    path = fortran_program(name, f"-L{shared().parent}", "-ltrampfd")
    done = run(path, {"LD_LIBRARY_PATH": str(shared().parent)}, policy)
    assert (done.returncode, done.stdout) == (0, FORTRAN_OUTPUT), done.stderr


@pytest.mark.parametrize("name", FORTRAN)
def test_fortran_fails_where_ours_runs(name: str) -> None:
    done = run(fortran_program(name), {}, "systemd_mdwe")
    assert done.returncode != 0


def test_every_program_is_run() -> None:
    assert core.programs("nested") == {*PROGRAMS, "nested/abort", "nested/gcc", "nested/throw"}
