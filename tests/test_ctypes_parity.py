# SPDX-License-Identifier: MIT
"""ctypes callbacks by trampfd beside stock ctypes: the same cases, the same observations.

All cases of support/ctypes_cases.py run in three child processes: with stock ctypes, with
trampfd.callback() and under trampfd.install(). What was noted, and what appeared on standard error,
must not differ.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from support import ctypes_cases, ctypes_parity, scale


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return ctypes_parity.observe(tmp_path_factory.mktemp("parity"))


@pytest.mark.parametrize("mode", ctypes_parity.MODES)
def test_all_cases_ran(observed: dict[str, Any], mode: str) -> None:
    ctypes_parity.check_completeness(observed[mode])


def case(name: str) -> Any:
    """The parameter, with the mark of a case that needs plans."""
    if name in ctypes_cases.NEED_PLANS:
        return pytest.param(name, marks=pytest.mark.needs_port_with("plan"))
    return name


@pytest.mark.parametrize("mode", ctypes_parity.MODES[1:])
@pytest.mark.parametrize("name", [case(name) for name in ctypes_cases.CASES])
def test_same_as_stock(observed: dict[str, Any], name: str, mode: str) -> None:
    stock, ours = observed["stock"][name], observed[mode][name]
    assert not any("the case itself failed" in note for note in stock["notes"]), stock
    assert stock["notes"] or stock["stderr"], "nothing was observed"
    assert ours["notes"] == stock["notes"]
    assert ours["stderr"] == stock["stderr"]


CPYTHON_TESTS = """\
import importlib, pathlib, sys, unittest
if sys.argv[1] == "install":
    import trampfd
    trampfd.install()
package = importlib.import_module(sys.argv[2])
files = sorted(pathlib.Path(package.__file__).parent.glob("test_*.py"))
# Those two look for libraries with ldconfig and the compiler, and make no callbacks.
names = [file.stem for file in files if file.stem not in ("test_find", "test_loading")]
suite = unittest.TestSuite()
for name in names:
    try:
        found = unittest.defaultTestLoader.loadTestsFromName(f"{package.__name__}.{name}")
    except unittest.SkipTest:  # the whole file is for another system
        continue
    suite.addTests(found)
result = unittest.TextTestRunner(stream=open("/dev/null", "w")).run(suite)
bad = result.errors + result.failures
print(result.testsRun, len(result.skipped), sorted((test.id(), text) for test, text in bad))
"""


def test_cpython_tests_of_ctypes() -> None:
    """Those that come with this Python, which install() must not disturb."""
    name = "test.test_ctypes" if sys.version_info >= (3, 12) else "ctypes.test"
    pytest.importorskip(name, reason=f"CPython's own tests of ctypes: no module {name}")
    stock, installed = (
        subprocess.run(
            [sys.executable, "-c", CPYTHON_TESTS, mode, name],
            capture_output=True,
            text=True,
            timeout=scale.seconds(300),
        )
        for mode in ("stock", "install")
    )
    assert stock.returncode == 0, stock.stderr
    assert int(stock.stdout.split()[0]) > 100
    assert (installed.returncode, installed.stdout) == (0, stock.stdout), installed.stderr
