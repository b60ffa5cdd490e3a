# SPDX-License-Identifier: MIT
"""Where trampfd does not work, its build ends with one sentence, by pip and by meson."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import core

ROOT = core.BACKEND.parent

# Compilers for platforms that are not supported, and what is said.
PLATFORMS = {
    "x32": (["cc", "-mx32"], "no code for the x32 ABI"),
    "macos": (["clang", "--target=x86_64-apple-macos"], "works on Linux only"),
    "uclibc": (["cc", "-D__UCLIBC__"], "needs the GNU C library or musl"),
}
EVERYWHERE = pytest.mark.parametrize("platform", PLATFORMS)


def cc_of(platform: str) -> tuple[list[str], str]:
    """The words that call the compiler, and the sentence."""
    words, sentence = PLATFORMS[platform]
    core.need(words[0])
    return words, sentence


def setup_py(code: str, *, cc: str = "cc") -> subprocess.CompletedProcess[str]:
    """Run the extension's build up to where it compiles, after that code."""
    script = (
        f"import sys; sys.argv = ['setup.py', 'build_ext', '--build-temp', '/nowhere/t', "
        f"'--build-lib', '/nowhere/l']\n{code}\nimport runpy; runpy.run_path('setup.py')"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "CC": cc, "PKG_CONFIG": "false"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


@EVERYWHERE
def test_pip_refuses(platform: str, tmp_path: Path) -> None:
    words, sentence = cc_of(platform)
    done = setup_py("", cc=shlex.join(words))
    assert done.returncode == 1
    assert sentence in last_line(done)
    assert "error:" not in done.stderr and "Traceback" not in done.stderr


@EVERYWHERE
def test_meson_refuses(platform: str, tmp_path: Path) -> None:
    """As in a cross build: what is compiled for counts, not what machine this is."""
    core.need("meson")
    words, sentence = cc_of(platform)
    # Meson asks first whether programs can be linked, which needs libraries of that platform.
    compiler = tmp_path / "cc"
    compiler.write_text(
        f'#!/bin/sh\ncase " $* " in *" -E "*) exec {shlex.join(words)} "$@" ;; esac\nexec cc "$@"\n'
    )
    compiler.chmod(0o755)
    cross = tmp_path / "cross"
    cross.write_text(
        f"[binaries]\nc = '{compiler}'\nar = 'ar'\nstrip = 'strip'\npkg-config = 'pkg-config'\n"
        "[host_machine]\nsystem = 'linux'\ncpu_family = 'x86_64'\ncpu = 'x86_64'\n"
        "endian = 'little'\n[properties]\nneeds_exe_wrapper = true\n"
    )
    done = core.run("meson", "setup", "--cross-file", cross, tmp_path / "build", core.BACKEND)
    assert done.returncode == 1
    assert re.search(rf"ERROR: .*: trampfd .*{sentence}", done.stdout)


def test_pip_goes_on_where_the_platform_is_supported() -> None:
    """To pkg-config, which is made to fail."""
    done = setup_py("")
    assert "trampfd needs libffi's headers" in last_line(done)


def test_pypy_is_refused() -> None:
    done = setup_py("import setuptools; sys.implementation.name = 'pypy'")
    assert "needs CPython; this is pypy" in last_line(done)


def test_a_missing_compiler_is_named() -> None:
    done = setup_py("", cc="no-such-compiler")
    assert "needs a C compiler" in last_line(done) and "no-such-compiler" in last_line(done)
