# SPDX-License-Identifier: MIT
"""The tests that CPython has for ctypes and cffi for itself, stock and after install().

Every test must end the same way, and with trampfd no memory may be writable and executable after
any of them.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import debian_backend, downloads, scale

# What both suites have in common: `observe` is told of each test that ended, `finish` writes what
# came of all. Function types that trampfd made callbacks of are counted, so that a suite that makes
# none with it is noticed.
OBSERVER = """
import json, os

outcomes, reasons, exposed = {}, {}, []
types = lambda: 0

if os.environ["CLOSURES"] == "trampfd":
    import trampfd
    assert trampfd.is_installed()
    # Where the port has no plans, callbacks.
    types = lambda: trampfd.status().plans or trampfd.status().without_plan

def observe(name, outcome, reason=""):
    outcomes[name], reasons[name] = outcome, reason

def look(name):
    with open("/proc/self/maps", "rb") as file:
        modes = [line.split()[1] for line in file]
    if any(b"w" in mode and b"x" in mode for mode in modes):
        exposed.append(name)

def finish():
    seen = {"outcomes": outcomes, "reasons": reasons, "exposed": exposed, "types": types()}
    with open(os.environ["OUTCOMES"], "w") as file:
        json.dump(seen, file)
"""


# A Python that a test starts makes its callbacks as the one that runs the test does.
AT_START = """
import os

if os.environ["CLOSURES"] == "trampfd":
    import trampfd
    trampfd.install()
"""


@dataclass(frozen=True)
class Outcomes:
    """Of one run of a suite.

    outcomes, reasons: how each test ended, and for a failure why.
    exposed: the tests after which memory was writable and executable.
    types: the number of function types that trampfd made callbacks of, or of callbacks.
    """

    outcomes: dict[str, str]
    reasons: dict[str, str]
    exposed: list[str]
    types: int


def run(command: list[str], closures: str, folder: Path, cwd: Path) -> Outcomes:
    """Run a suite that imports ``observer``; ``folder`` is where it finds it."""
    (folder / "observer.py").write_text(OBSERVER)
    (folder / "sitecustomize.py").write_text(AT_START)
    file = folder / f"{closures}.json"
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    environment = {"CLOSURES": closures, "OUTCOMES": str(file), "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=scale.seconds(500),
    )
    said = f"{result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    assert file.exists(), said
    outcomes = Outcomes(**json.loads(file.read_text()))
    assert outcomes.outcomes, said
    return outcomes


def differences(stock: Outcomes, ours: Outcomes) -> dict[str, str]:
    """The tests that end differently, and why they do with trampfd."""
    names = {*stock.outcomes, *ours.outcomes}
    return {
        name: ours.reasons.get(name, "not run")
        for name in sorted(names)
        if stock.outcomes.get(name) != ours.outcomes.get(name)
    }


CTYPES_SUITE = """
import importlib, pkgutil, sys, unittest
import observer

class Result(unittest.TestResult):
    def addSuccess(self, test):
        observer.observe(test.id(), "passed")
    def addFailure(self, test, error):
        observer.observe(test.id(), "failed", self._exc_info_to_string(error, test))
    addError = addFailure
    def addSubTest(self, test, subtest, error):
        if error is not None:
            observer.observe(subtest.id(), "failed", self._exc_info_to_string(error, test))
    def addSkip(self, test, reason):
        observer.observe(test.id(), "skipped", reason)
    def addExpectedFailure(self, test, error):
        observer.observe(test.id(), "expected failure")
    def addUnexpectedSuccess(self, test):
        observer.observe(test.id(), "unexpected success")
    def stopTest(self, test):
        observer.look(test.id())

package = importlib.import_module(sys.argv[1])
suite = unittest.TestSuite()
for module in pkgutil.iter_modules(package.__path__):
    if module.name.startswith("test_"):
        try:
            tests = importlib.import_module(f"{sys.argv[1]}.{module.name}")
        except unittest.SkipTest as error:
            observer.observe(module.name, "skipped", str(error))
        else:
            suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(tests))
suite.run(Result())
observer.finish()
"""


def ctypes_tests() -> str:
    """The package of CPython's tests of ctypes; it has moved in Python 3.12."""
    name = "test.test_ctypes" if sys.version_info >= (3, 12) else "ctypes.test"
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None or importlib.util.find_spec("_ctypes_test") is None:
        pytest.skip(f"this Python comes without {name} or _ctypes_test")
    return name


def test_cpython_tests_of_ctypes(tmp_path: Path) -> None:
    command = ["-c", CTYPES_SUITE, ctypes_tests()]
    stock, ours = (run(command, closures, tmp_path, tmp_path) for closures in ("stock", "trampfd"))
    assert len(stock.outcomes) > 400
    assert differences(stock, ours) == {}
    assert ours.exposed == []
    assert (stock.types, ours.types > 5) == (0, True)


CFFI_PLUGIN = """
import observer
import py, pytest

py.test = pytest  # older versions of cffi's tests call it that

def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        observer.observe(report.nodeid, report.outcome, report.longreprtext)

def pytest_runtest_teardown(item):
    observer.look(item.nodeid)

def pytest_sessionfinish():
    observer.finish()
"""


@pytest.fixture(params=scale.down("cffi's own tests", ("installed", "debian"), ("installed",)))
def cffi_version(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the installed cffi, with a static libffi; or Debian's, with a shared one, put in front."""
    if request.param == "debian":
        debian_backend.link(tmp_path)
    elif importlib.util.find_spec("_cffi_backend") is None:
        pytest.skip("cffi is not installed")
    return subprocess.run(
        [sys.executable, "-c", "import _cffi_backend; print(_cffi_backend.__version__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=scale.seconds(60),
    ).stdout.strip()


def fetch_cffi(version: str, folder: Path) -> Path:
    """cffi's source distribution, which has its tests."""
    command = ["pip", "download", "--no-deps", "--no-binary", "cffi", f"cffi=={version}"]
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=scale.seconds(300),
    )
    for archive in folder.glob(f"cffi-{version}.tar.gz"):
        return archive
    reason = (result.stderr.strip().splitlines() or ["pip said nothing"])[-1]
    pytest.skip(f"cffi {version} cannot be had from the package index: {reason}")


@pytest.fixture
def sources(cffi_version: str, tmp_path: Path) -> Path:
    """The folder of cffi's sources; the Python part of them is put in front as well."""
    fetch = functools.partial(fetch_cffi, cffi_version)
    archive = downloads.cached(f"cffi-{cffi_version}.tar.gz", fetch)
    with tarfile.open(archive) as file:
        file.extractall(tmp_path)
    folder = tmp_path / f"cffi-{cffi_version}"
    # The tests compile modules in this folder: older versions of setuptools would read this file,
    # and refuse it.
    (folder / "pyproject.toml").unlink(missing_ok=True)
    (package,) = [path for path in (folder / "cffi", folder / "src" / "cffi") if path.exists()]
    (tmp_path / "cffi").symlink_to(package)
    return folder


# It expects a line of carets below every line of a traceback, which CPython 3.11 leaves out where
# they would mark the whole line.
FAILS_WITH_STOCK = {"1.15.1": {"test_callback_exception"}}


def check_cffi(sources: Path, folder: Path, tests: list[str], at_least: int) -> None:
    (folder / "cffi_plugin.py").write_text(CFFI_PLUGIN)
    command = ["-m", "pytest", "-p", "cffi_plugin", "-p", "no:cacheprovider", *tests]
    stock, ours = (run(command, closures, folder, sources) for closures in ("stock", "trampfd"))
    assert len(stock.outcomes) > at_least
    failed = {name: why for name, why in stock.reasons.items() if stock.outcomes[name] == "failed"}
    known = FAILS_WITH_STOCK.get(sources.name.partition("-")[2], set())
    unknown = {name: why for name, why in failed.items() if name.rpartition("::")[2] not in known}
    assert unknown == {}, "these say nothing about trampfd"
    assert differences(stock, ours) == {}
    assert ours.exposed == []
    assert (stock.types, ours.types > 5) == (0, True)


def test_cffi_tests_of_its_backend(sources: Path, tmp_path: Path) -> None:
    (tests,) = sources.glob("**/c/test_c.py")
    check_cffi(sources, tmp_path, [str(tests)], at_least=200)


def test_cffi_tests_of_callbacks(sources: Path, tmp_path: Path) -> None:
    """Of cffi.FFI(), of compiled ffi objects, and of modules that the C compiler makes."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    chosen = "callback or TestFunction or TestFFI or test_ffi_obj"
    places = scale.down(
        "cffi's own tests of callbacks",
        ("testing/cffi0", "testing/cffi1"),
        ("testing/cffi0/test_function.py", "testing/cffi0/test_ffi_backend.py"),
    )
    # Some modules of older versions cannot even be imported with a newer pytest.
    tests = [*places, "--continue-on-collection-errors", "-k", chosen]
    check_cffi(sources, tmp_path, tests, at_least=150)
