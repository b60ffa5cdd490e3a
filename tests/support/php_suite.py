# SPDX-License-Identifier: MIT
"""The tests of PHP's FFI, of Debian's source package, run unchanged with the installed PHP."""

from __future__ import annotations

import functools
import re
import shutil
from pathlib import Path

import pytest
from debian.apt import Apt, AptError, release

from support import core, downloads

# What PHP is told in all tests. Its regular expressions have a compiler of their own.
SETTINGS = ("-d", "ffi.enable=1", "-d", "pcre.jit=0")

PARTS = ("*/run-tests.php", "*/ext/ffi/*.h", "*/ext/ffi/tests/*")


def need_ffi() -> None:
    """Skips the test where PHP or its FFI is not installed."""
    if "FFI" not in core.check(core.need("php"), "-m").split():
        pytest.skip("PHP has no FFI")


def _archive() -> Path:
    """Of a PHP of the installed minor version."""
    version = core.check("php", "-r", "echo PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;")

    def fetch(folder: Path) -> Path:
        apt = Apt(folder, [f"debian {release()} main"], sources=True)
        apt.update()
        return apt.download_source(f"php{version}")

    try:
        return downloads.cached(f"php{version}_*.orig.tar.*", fetch)
    except AptError as error:
        pytest.skip(f"needs the source of PHP {version}: {error}")


@functools.cache
def _folder() -> Path:
    folder = core.new_folder()
    core.check(core.need("tar"), "-xf", _archive(), "-C", folder, "--wildcards", *PARTS)
    (unpacked,) = folder.iterdir()
    return unpacked


def outcomes(*before: object, environment: dict[str, str]) -> dict[str, str]:
    """PASS, FAIL, SKIP and the like of each test, run by a command with `before` in front."""
    php = shutil.which("php")
    options = ("-q", "--no-color", "--no-progress", "-p", php, *SETTINGS)
    variables = [f"{name}={value}" for name, value in environment.items()]
    words = ["env", "-C", _folder(), *variables, php, "run-tests.php", *options, "ext/ffi/tests"]
    printed = core.run(*before, *words, environment={"NO_INTERACTION": "1"}).stdout
    found = re.findall(r"^([A-Z]+) .*\[(ext/ffi/tests/\S+)\]", printed, re.MULTILINE)
    return {test: outcome for outcome, test in found}
