# SPDX-License-Identifier: MIT
"""Programs that know libffi only, with and without the preload library in front of it."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import core, hardening, library

FFI = "libtrampfd-ffi.so.0"

# W+X memory and memfds are refused, on every kernel; stock libffi writes to a temporary file then.
HARDENED = "systemd_mdwe,no_memfd"


def under(policies: str, *command: object) -> list[object]:
    """The command that runs `command` under policies of ``hardening``."""
    return [sys.executable, hardening.__file__, policies, *command]


def preloaded(*more: object) -> dict[str, str]:
    """An environment with the preload library in it."""
    return {"LD_PRELOAD": " ".join(map(str, [library.path(FFI), *more]))}


@functools.cache
def program(name: str, *link: str) -> Path:
    """``tests/c/<name>.c`` linked with libffi; what `link` has comes before it."""
    return compiled(core.PROGRAMS / f"{name}.c", *link)


def compiled(source: Path, *link: str) -> Path:
    """A program of C or C++ that is linked with libffi; what `link` has comes before it."""
    compiler = "cc" if source.suffix == ".c" else "c++"
    flags = [flag for flag in core.compile_flags() if compiler == "cc" or flag != "-std=gnu11"]
    # Programs in the field use what libffi's header calls deprecated.
    flags += [*core.program_flags(), "-Wno-deprecated-declarations"]
    output = source.stem
    return core.compiled(compiler, *flags, "-o", output, source, *link, *core.link_flags()) / output


def libffi() -> Path:
    """The shared libffi that programs here are linked with."""
    lines = core.check("ldd", program("preload/one"))
    found = re.search(r"libffi\.so\.8 => (\S+)", lines)
    assert found, lines
    return Path(found[1])


def watcher() -> Path:
    """To be preloaded too: it logs what is writable and executable when the program ends."""
    return program("preload/watch_wx", "-shared", "-fPIC")


def plugin(*link: str) -> Path:
    return program("preload/plugin", "-shared", "-fPIC", *link)


def linked() -> tuple[str, ...]:
    """Linker arguments that put the library in front of libffi without LD_PRELOAD."""
    folder = library.path(FFI).parent
    return (f"-L{folder}", f"-Wl,-rpath,{folder}", "-ltrampfd-ffi")


def run(
    name: str, *arguments: object, policies: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of ``tests/c`` with the preload library."""
    command: list[object] = [program(name), *arguments]
    if policies:
        # The preload library is for the program, not for what hardens it.
        command = ["env", *(f"{k}={v}" for k, v in preloaded().items()), *command]
        done = core.run(*under(policies, *command), environment=environment)
    else:
        done = core.run(*command, environment={**preloaded(), **(environment or {})})
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    return done
