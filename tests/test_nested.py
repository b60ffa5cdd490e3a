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

NESTED = str(core.BACKEND / "nested" / "nested.c")
OPTION = "-ftrampoline-impl=heap"

# By hand: the calls that compiled code makes.
PROGRAMS = (
    "nested/coroutine",
    "nested/fork",
    "nested/longjmp",
    "nested/order",
    "nested/read",
    "nested/threads",
)


def program(name: str, *flags: str, compiler: str = "cc") -> Path:
    return core.executable(name, *flags, more=(NESTED,), compiler=compiler)


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


def test_every_program_is_run() -> None:
    assert core.programs("nested") == {*PROGRAMS, "nested/abort", "nested/gcc", "nested/throw"}
