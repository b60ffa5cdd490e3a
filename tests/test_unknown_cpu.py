# SPDX-License-Identifier: MIT
"""A CPU without slots: programs go on with the closures of their libffi, and are told so.

`tools/test-port generic` builds that port for this CPU.
"""

from __future__ import annotations

import ctypes
import errno
import subprocess
import sys

import pytest
from support import core, preload

import trampfd

pytestmark = pytest.mark.skipif(
    core.architecture() != "generic", reason="the port that is built has slots"
)

WORDS = "no static table for this architecture"
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def test_status_says_so() -> None:
    status = trampfd.status()
    assert status.provider == "none" and not any(status.blocks.values())
    assert [(one.source, one.call, one.errno) for one in status.refused] == [
        ("table", WORDS, errno.ENOSYS)
    ]


def test_install_warns_and_leaves_stock_callbacks() -> None:
    cffi = pytest.importorskip("cffi")
    with pytest.warns(RuntimeWarning, match=WORDS) as warned:
        trampfd.install()
    assert warned[0].filename == __file__
    assert not trampfd.is_installed()
    assert PROTOTYPE(lambda x: x + 1)(1) == 2
    assert cffi.FFI().callback("int(int)", lambda x: x + 2)(1) == 3
    assert trampfd.status().slots_used == 0
    trampfd.uninstall()


def test_a_block_of_installed_warns() -> None:
    with pytest.warns(RuntimeWarning, match=WORDS), trampfd.installed():
        assert not trampfd.is_installed()
        assert PROTOTYPE(lambda x: x + 1)(1) == 2


def test_a_program_that_has_not_asked_is_told_nothing() -> None:
    code = "import ctypes; print(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)())"
    command = [sys.executable, "-m", "trampfd", "run", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_what_needs_a_slot_is_refused() -> None:
    function = PROTOTYPE(lambda x: x)
    for make in (
        lambda: trampfd.callback(PROTOTYPE, lambda x: x),
        lambda: trampfd.bind(function, 1),
        lambda: trampfd.reserve(1),
    ):
        with pytest.raises(trampfd.ClosureError, match=WORDS) as refused:
            make()
        assert refused.value.errno == errno.ENOSYS


def test_doctor_says_so() -> None:
    command = [sys.executable, "-m", "trampfd", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"refused: {WORDS}" in done.stdout


def test_closures_of_c_are_refused() -> None:
    done = core.run(core.executable("core/backend"), "none")
    assert done.returncode == 1 and "Function not implemented" in done.stderr


def test_the_preload_library_leaves_closures_to_libffi() -> None:
    done = preload.run("preload/one")
    assert (done.returncode, done.stderr) == (0, "")
