# SPDX-License-Identifier: MIT
"""Callbacks behave in any order of what can be done with them.

Each sequence of operations runs in a process of its own, programs/stateful.py, so that one that
crashes or hangs fails as the sequence that led there.  TRAMPFD_SEQUENCES says how many are drawn;
the same ones are, unless it is set.  Callbacks are made in several ways, called, freed, verified,
in threads and children, while install() comes and goes, and with other interpreters beside.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support import scale

PROGRAM = Path(__file__).parent / "programs" / "stateful.py"
SEQUENCES = os.environ.get("TRAMPFD_SEQUENCES")
COUNT = int(SEQUENCES or scale.down("sequences of operations", 25, 2))
FORKS_MAX = 3
SECONDS = scale.seconds(60)

try:
    import cffi  # noqa: F401
except ImportError:
    CFFI = []
else:
    CFFI = ["cffi", "cffi, own way"]

# Those that only trampfd makes, and how many closures each needs.
CLOSURES = {"ctypes": 1, "ctypes, double": 1, "cffi": 1, "bound": 2, "cycle": 1}
WAYS = ["ctypes", "ctypes, double", "ctypes, own way", "bound", "cycle", *CFFI]
VERIFIABLE = {"ctypes", "ctypes, double", "ctypes, own way", "bound", *CFFI}


class Process:
    """The process that a sequence runs in."""

    def __init__(self) -> None:
        self.is_sound = True
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def ask(self, name: str, *arguments: object) -> Any:
        assert self._process.stdin and self._process.stdout
        try:
            print(json.dumps([name, *arguments]), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self._fail("was not there any more")
        if not self._selector.select(SECONDS):
            self._fail(f"did not answer within {SECONDS} seconds")
        line = self._process.stdout.readline()
        if not line:
            self._fail(f"ended with status {self._process.wait(SECONDS)}")
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def _fail(self, how: str) -> NoReturn:
        self.is_sound = False
        self._errors.seek(0)
        raise AssertionError(f"the process {how}\n{self._errors.read()}")

    def check_end(self) -> None:
        """It ends with status 0 when nothing is asked of it any more."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            status = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._fail(f"did not end within {SECONDS} seconds")
        if status:
            self._fail(f"ended with status {status}")

    def close(self) -> None:
        """Also one that failed."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._selector.close()
        self._errors.close()


@dataclass
class Made:
    way: str
    number: int
    closures: int  # of trampfd


NUMBERS = st.integers(-1000, 1000)
WANTED = st.lists(st.tuples(st.sampled_from(WAYS), NUMBERS), min_size=2, max_size=6)
COUNTS = st.sampled_from([1, 10, 5000])


class Callbacks(RuleBasedStateMachine):
    live = Bundle("live")

    def __init__(self) -> None:
        super().__init__()
        self._process = Process()
        self._made: dict[int, Made] = {}
        self._keys = 0
        self._forks = 0
        self._is_installed = False
        self._has_stock = False

    @initialize(target=live, wanted=WANTED)
    def begin(self, wanted: list[tuple[str, int]]) -> Any:
        return multiple(*(self._make(way, number) for way, number in wanted))

    @rule(target=live, wanted=WANTED)
    def make(self, wanted: list[tuple[str, int]]) -> Any:
        return multiple(*(self._make(way, number) for way, number in wanted))

    def _make(self, way: str, number: int) -> int:
        self._keys += 1
        closures = CLOSURES.get(way, int(self._is_installed))
        self._has_stock |= not closures
        self._process.ask("make", self._keys, way, number)
        self._made[self._keys] = Made(way, number, closures)
        return self._keys

    @rule(key=live, argument=NUMBERS, how=st.sampled_from(["call", "call_in_thread"]))
    def call(self, key: int, argument: int, how: str) -> None:
        assert self._process.ask(how, key, argument) == argument + self._made[key].number

    @rule(key=consumes(live))
    def free(self, key: int) -> None:
        self._process.ask("free", key)
        if self._made.pop(key).way == "cycle":
            self._process.ask("collect")

    @rule(argument=NUMBERS)
    def free_in_call(self, argument: int) -> None:
        assert self._process.ask("free_in_call", 0, argument) == argument + 1

    @rule(key=live)
    def call_freed(self, key: int) -> None:
        made = self._made[key]
        if made.closures and made.way.startswith("ctypes"):
            assert self._process.ask("call_freed", key) == -signal.SIGABRT

    @rule(key=live)
    def verify(self, key: int) -> None:
        made = self._made[key]
        if made.closures and made.way in VERIFIABLE:
            assert self._process.ask("verify", key)

    @rule()
    def verify_all(self) -> None:
        assert self._process.ask("verify_all") == []

    @rule()
    def install(self) -> None:
        self._process.ask("install")
        self._is_installed = True

    @rule()
    def uninstall(self) -> None:
        self._process.ask("uninstall")
        self._is_installed = False

    @rule(count=st.sampled_from([0, 1, 100, 5000, 20_000]))
    def reserve(self, count: int) -> None:
        self._process.ask("reserve", count)

    @rule(count=COUNTS)
    def churn(self, count: int) -> None:
        self._process.ask("churn", count)

    @rule(argument=NUMBERS, count=COUNTS)
    def fork(self, argument: int, count: int) -> None:
        assert self._process.ask("fork", argument, count) == 0

    @precondition(lambda self: self._forks < FORKS_MAX)
    @rule()
    def go_on_in_child(self) -> None:
        self._process.ask("go_on_in_child")
        self._forks += 1

    @rule(count=COUNTS)
    def subinterpreter(self, count: int) -> None:
        self._process.ask("subinterpreter", count)

    @invariant()
    def all_are_there(self) -> None:
        results = [made.number + 7 for made in self._made.values()]
        assert self._process.ask("call_all", 7) == results
        closures = sum(made.closures for made in self._made.values())
        assert self._process.ask("slots_used") == closures

    def teardown(self) -> None:
        try:
            if self._process.is_sound:
                assert self._has_stock or self._process.ask("writable") == []
                self._process.check_end()
        finally:
            self._process.close()


@pytest.mark.timeout(1800 + 10 * COUNT)  # a failure is made smaller for up to five minutes
@pytest.mark.skipif(sys.version_info < (3, 10), reason="subinterpreters of 3.9 have no ctypes")
def test_any_sequence() -> None:
    run_state_machine_as_test(
        Callbacks,
        settings=settings(
            max_examples=COUNT,
            stateful_step_count=50,
            derandomize=SEQUENCES is None,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
