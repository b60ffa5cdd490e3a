# SPDX-License-Identifier: MIT
"""Threads that are attached at the same time, as in CPython without its global lock (the GIL).

The programs are run with the GIL, too: they have to print the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import scale

PROGRAM = Path(__file__).parent / "programs" / "free_threading.py"
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
HAS_SANITIZER = "--with-thread-sanitizer" in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def check_rounds(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    with_gil = "without" if IS_FREE_THREADED else "with"
    assert re.fullmatch(rf"[1-9]\d* rounds {with_gil} GIL\n", done.stdout), done.stdout


def test_making_calling_and_dropping() -> None:
    done = run(str(PROGRAM), "16", str(scale.down("seconds of 16 threads", 10, 4)))
    check_rounds(done)
    assert done.stderr == ""


IMPORTS = """
import ctypes, sys, warnings
warnings.simplefilter("error")
import trampfd
trampfd.install()
callback = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)
assert callback() == 7
assert trampfd.status().slots_used == 1
print(sys._is_gil_enabled())
"""


@pytest.mark.skipif(not IS_FREE_THREADED, reason="this CPython has a GIL")
def test_the_gil_stays_off() -> None:
    """A module that does not say that it needs no GIL brings it back, with a warning."""
    done = run("-c", IMPORTS, PYTHON_GIL="")
    assert (done.stdout, done.stderr) == ("False\n", "")


FREED_IN_USE = """
import ctypes, threading, time, trampfd
trampfd.install()
INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
callback = INT(lambda number: number + 1)
call = INT(ctypes.cast(callback, ctypes.c_void_p).value)  # does not keep it
ready = threading.Barrier(4)

def work():
    ready.wait()
    while call(1) == 2:
        pass

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
ready.wait()
time.sleep(0.001)
del callback
for thread in threads:
    thread.join()
"""


def test_freed_while_threads_enter_it() -> None:
    """Each of them finds either a whole closure or one that is freed, and says so."""
    for _ in range(scale.down("processes", 40, 10)):
        done = run("-c", FREED_IN_USE)
        assert done.returncode == -6, (done.returncode, done.stderr)
        assert re.search("trampfd: .*closure.* (was|is) freed", done.stderr), done.stderr


def innermost_frames(report: str) -> list[str]:
    return re.findall(r"^ +#0 .*", report, re.MULTILINE)


@pytest.mark.skipif(not HAS_SANITIZER, reason="this CPython reports no data races")
def test_no_data_race_is_ours() -> None:
    """CPython has races of its own, which count for nothing here."""
    seconds = scale.down("seconds of 16 threads", 60, 20)
    done = run(str(PROGRAM), "16", str(seconds), TSAN_OPTIONS="exitcode=0:history_size=5")
    check_rounds(done)
    reports = done.stderr.split("WARNING: ThreadSanitizer: ")[1:]
    ours = [
        report
        for report in reports
        if any("trampfd" in frame or "cbackend" in frame for frame in innermost_frames(report))
    ]
    assert not ours, "\n".join(ours[:3])
