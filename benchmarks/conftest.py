# SPDX-License-Identifier: MIT
"""What the benchmarks share.

pytest-benchmark measures all rounds of one benchmark, then all of the next.  Here the rounds of
rivals alternate (race.py), so they are measured before, and pytest-benchmark is given a clock
that tells how long they took.  Its tables and its JSON are then as always.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any, NoReturn

import pytest
from lib import build
from lib.race import FULL, QUICK, Absent, Effort, Outcome

# Figures that are not times, and rivals that cannot be had; added to the JSON.
_COUNTS = pytest.StashKey[list[dict[str, object]]]()
_ABSENT = pytest.StashKey[list[dict[str, str]]]()
# The load average when the run began.
_LOAD = pytest.StashKey[float]()


class Clock:
    """Tells durations that were measured before, one from each pair of calls."""

    def __init__(self) -> None:
        self._times: Iterator[float] = iter(())

    def __call__(self) -> float:
        return next(self._times)

    def play(self, durations: Sequence[float]) -> None:
        self._times = iter([time for took in durations for time in (0.0, took)])


_clock = Clock()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="few and short rounds, small numbers")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: left out of a quick run")
    config.stash[_COUNTS] = []
    config.stash[_LOAD] = os.getloadavg()[0]
    config.stash[_ABSENT] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=_clock))
        item.add_marker(pytest.mark.timeout(0))
    if config.getoption("--quick"):
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def quick(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--quick"))


@pytest.fixture(scope="session")
def effort(quick: bool) -> Effort:
    return QUICK if quick else FULL


class Record:
    """Hands one rival's figures to pytest-benchmark; skips the test where there are none."""

    def __init__(self, config: pytest.Config, question: str) -> None:
        self._config = config
        self._question = question

    def missing(self, case: str, rival: str, reason: str) -> NoReturn:
        """Note that a rival cannot be had, and skip."""
        self._config.stash[_ABSENT].append(
            {"question": self._question, "case": case, "rival": rival, "reason": reason}
        )
        pytest.skip(f"{rival}: {reason}")

    def times(
        self, benchmark: Any, case: str, rival: str, outcome: Outcome, **more: object
    ) -> None:
        """Seconds per round."""
        if rival in outcome.absent:
            self.missing(case, rival, outcome.absent[rival])
        benchmark.group = f"{self._question}: {case}"
        benchmark.extra_info.update(question=self._question, case=case, rival=rival, **more)
        _clock.play(outcome.rounds[rival])
        benchmark.pedantic(lambda: None, rounds=len(outcome.rounds[rival]))

    def count(self, case: str, rival: str, count: float) -> None:
        """A figure that has no rounds."""
        self._config.stash[_COUNTS].append(
            {"question": self._question, "case": case, "rival": rival, "count": count}
        )


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    return Record(request.config, request.module.QUESTION)


def _cpu() -> str:
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def _libffi_static() -> str:
    try:
        return build.static_libffi().version
    except Absent as reason:
        return f"absent: {reason}"


def pytest_benchmark_generate_machine_info() -> dict[str, str]:
    """The processor and the versions; nothing that tells one machine from the next."""
    pkg_config = [os.environ.get("PKG_CONFIG", "pkg-config"), "--modversion", "libffi"]
    return {
        "processor": _cpu(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "libffi": subprocess.check_output(pkg_config, text=True).strip(),
        "libffi static": _libffi_static(),
        "cffi": _version("cffi"),
        "Cython": _version("Cython"),
        "compiler": build.run(*build.compiler(), "--version").splitlines()[0],
    }


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    output_json["load"] = max(config.stash[_LOAD], os.getloadavg()[0])
    output_json["quick"] = bool(config.getoption("--quick"))
    output_json["counts"] = config.stash[_COUNTS]
    output_json["absent"] = config.stash[_ABSENT]
