# SPDX-License-Identifier: MIT
"""Run tests of the package with an extension that address and undefined sanitizer watch.

The interpreter is the usual one: only the extension is compiled for the sanitizers, so that their
library is loaded before Python.  Python's objects come from malloc(3), which they watch too.
``make asan`` runs this file with the tests that make callbacks; its arguments are those of pytest::

    python tests/sanitized.py -q tests/test_cffi.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import build_cache, core

PROJECT = core.BACKEND.parent
FLAGS = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


def _build(folder: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "build"]
    command += [f"--build-base={folder}/temporary", f"--build-lib={folder}/package"]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "CC": core.need("gcc"), "CFLAGS": FLAGS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _package() -> Path:
    """The folder with the package."""
    state = build_cache.digest(PROJECT / "src", PROJECT / "setup.py")
    return build_cache.folder(["sanitized", sys.executable, state], _build) / "package"


def _library() -> str:
    """What has to be loaded first."""
    command = [core.need("gcc"), "-print-file-name=libasan.so"]
    return os.path.realpath(subprocess.check_output(command, text=True).strip())


def environment() -> dict[str, str]:
    """Of a Python that has the watched extension."""
    path = [str(_package()), os.environ.get("PYTHONPATH", "")]
    return {
        "LD_PRELOAD": _library(),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python leaks at its end
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def main() -> None:
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, **environment()})


if __name__ == "__main__":
    main()
