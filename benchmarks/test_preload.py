# SPDX-License-Identifier: MIT
"""What does a call of a closure with a C handler cost a program that uses libffi, as it is and with
the library preloaded?

Each has a process of its own, and takes its turn in each round.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from conftest import Record
from lib import build
from lib.names import DIRECT, PRELOAD, PRELOADED, SIGNATURES, STOCK
from lib.race import Effort, Outcome, Work, race

from trampfd._system import preload_library

QUESTION = PRELOAD
RIVALS = (PRELOADED, STOCK, DIRECT)


@contextmanager
def _process(signature: str, **variables: str) -> Iterator[Callable[[str], Work]]:
    """``work(name)`` has the process do it."""
    with subprocess.Popen(
        [sys.executable, build.PROGRAMS / "preload_calls.py", signature],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        requests, answers = process.stdin, process.stdout
        assert answers.readline() == "\n"

        def work(name: str) -> Work:
            def ask(count: int) -> float:
                print(name, count, file=requests, flush=True)
                return float(answers.readline())

            return ask

        yield work
        requests.close()


@functools.cache
def _race(signature: str, effort: Effort) -> Outcome:
    build.callers("loops")
    build.maker(STOCK)
    with ExitStack() as stack:
        stock = stack.enter_context(_process(signature))
        library = str(preload_library.find())
        preloaded = stack.enter_context(_process(signature, LD_PRELOAD=library))
        rivals = {
            PRELOADED: preloaded("closure"),
            STOCK: stock("closure"),
            DIRECT: stock("direct"),
        }
        return Outcome(race(rivals, effort), {})


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("signature", SIGNATURES[:5])
def test_preload(
    benchmark: Any, record: Record, effort: Effort, signature: str, rival: str
) -> None:
    record.times(benchmark, signature, rival, _race(signature, effort))
