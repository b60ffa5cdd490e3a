# SPDX-License-Identifier: MIT
"""The examples of docs/runtimes.md: callbacks of other languages, by the C library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from support import core, library

EXAMPLES = core.TESTS.parent / "docs" / "examples"
Language = Callable[[], tuple[list[object], dict[str, str]]]
PRINTED = [["1", "2", "3"], ["3", "2", "1"]]


@functools.cache
def folder() -> Path:
    return core.new_folder()


def lib() -> Path:
    return library.path("libtrampfd.so.0").parent


def include() -> Path:
    return library.path("trampfd.h").parent


def go() -> tuple[list[object], dict[str, str]]:
    """The command that runs the example, and its environment."""
    environment = {
        "PKG_CONFIG_PATH": str(library.path("trampfd.pc").parent),
        "CGO_CFLAGS": f"-I{include()}",
        "CGO_LDFLAGS": f"-L{lib()}",
        "GOCACHE": str(folder() / "cache"),
        "GOFLAGS": "-buildvcs=false",
    }
    program = folder() / "go"
    build = [core.need("go"), "build", "-o", program, "."]
    core.check("env", "-C", EXAMPLES / "go", *build, environment=environment)
    return [program], {}


def rust() -> tuple[list[object], dict[str, str]]:
    program = folder() / "rust"
    core.check(core.need("rustc"), "-O", "-L", lib(), "-o", program, EXAMPLES / "rust" / "main.rs")
    return [program], {}


def lua() -> tuple[list[object], dict[str, str]]:
    lua = core.need("lua5.4")
    if core.run(core.need("pkg-config"), "--exists", "lua5.4").returncode:
        pytest.skip("liblua5.4-dev is not installed")
    flags = core.check("pkg-config", "--cflags", "lua5.4").split()
    words = ["-shared", "-fPIC", "-Wall", "-Wextra", *flags, f"-I{include()}"]
    source = EXAMPLES / "lua" / "callbacks.c"
    output = folder() / "callbacks.so"
    core.check("cc", *words, source, "-o", output, f"-L{lib()}", "-ltrampfd", "-lffi")
    return [lua, EXAMPLES / "lua" / "main.lua"], {"LUA_CPATH": f"{folder()}/?.so"}


@pytest.mark.parametrize("language", [go, rust, lua], ids=lambda language: language.__name__)
def test_ten_thousand_callbacks_under_hardening(language: Language) -> None:
    command, environment = language()
    harden = "from support import hardening; hardening.systemd_mdwe()"
    variables = {"LD_LIBRARY_PATH": str(lib()), **environment}
    words = ["env", *(f"{name}={value}" for name, value in variables.items()), *command]
    code = f"import os; {harden}; os.execvp('env', {[str(word) for word in words]!r})"
    printed = core.check(*core.python_command(code))
    assert [line.strip("[]").replace(",", "").split() for line in printed.splitlines()] == PRINTED
