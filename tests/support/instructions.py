# SPDX-License-Identifier: MIT
"""How many instructions a call of a closure takes, counted: no noise, no need of a quiet machine.

valgrind counts them; where QEMU emulates programs, the emulator does, which writes a line for each.
"""

from __future__ import annotations

import functools
import re

import pytest

from support import core, emulation

SIGNATURES = ("nothing", "ints", "doubles", "structure", "mixed")  # of plan/cost.c

# Fewer, where each instruction is a line in a file.
_CALLS = (100, 200) if emulation.IS_ON else (1000, 2000)


def _by_valgrind(*command: object) -> int:
    callgrind = (core.need("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null")
    done = core.run(*callgrind, *command)
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    (collected,) = re.findall(r"Collected : (\d+)", done.stderr)
    return int(collected)


def _by_emulator(*command: object) -> int:
    """Each instruction is a block of its own, and no block goes on to another unseen."""
    log = core.new_folder() / "log"
    environment = {
        "QEMU_SINGLESTEP": "1",
        "QEMU_ONE_INSN_PER_TB": "1",  # its name since QEMU 8.1
        "QEMU_LOG": "exec,nochain",
        "QEMU_LOG_FILENAME": str(log),
    }
    core.check(*command, environment=environment)
    with log.open(errors="replace") as lines:
        count = sum(line.startswith("Trace ") for line in lines)
    log.unlink()
    assert count, "the emulator has written no trace"
    return count


@functools.cache
def _of_a_program(program: str, *words: str) -> int:
    count = _by_emulator if emulation.IS_ON else _by_valgrind
    return count(core.executable(program), *words)


def of_a_call(program: str, *words: str) -> float:
    """With the handler and the caller's loop, of a program of ``tests/c`` that makes calls.

    Its last word, after these, says how many.
    """
    less, more = (_of_a_program(program, *words, str(calls)) for calls in _CALLS)
    return (more - less) / (_CALLS[1] - _CALLS[0])
