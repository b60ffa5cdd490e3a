# SPDX-License-Identifier: MIT
"""Plans do with a call what the C compiler and libffi do with it, and are shared and counted.

Random signatures come from ``fuzz_plan.py``; TRAMPFD_FUZZ says how many of them (20000 unless set)
and TRAMPFD_FUZZ_SEED which (1).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import core_sources
import fuzz_plan
import pytest
from support import abi, core, instructions, providers, scale

COUNT = int(os.environ.get("TRAMPFD_FUZZ", scale.down("random signatures", 20_000, 200)))
FEW = scale.down("random signatures with another compiler", 1000, 50)
SEED = int(os.environ.get("TRAMPFD_FUZZ_SEED", "1"))

PROGRAMS = [
    "plan/abi", "plan/cache", "plan/free_in_call", "plan/leak", "plan/limits",
    "plan/no_arguments", "plan/reprep", "plan/threads", "plan/types", "plan/unwind",
    "plan/verify",
]  # fmt: skip
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZE_THREADS = ("-fsanitize=thread",)
VALGRIND = (
    "--quiet", "--error-exitcode=1", "--leak-check=full", "--errors-for-leak-kinds=definite",
)  # fmt: skip

pytestmark = pytest.mark.needs_port_with("plan")


@pytest.fixture(autouse=True)
def _forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where records are sealed, plans are kept for good."""
    if providers.current() == "sealed":
        monkeypatch.setenv("TRAMPFD_PROVIDER", "table")


def test_random_signatures() -> None:
    report = fuzz_plan.fuzz(COUNT, SEED)
    assert report.signatures == COUNT
    assert report.plans > 0.8 * COUNT
    assert 0.1 < report.bound_by_libffi / (2 * report.plans) < 0.8
    if COUNT >= 5000:
        assert len(report.entries) == abi.ENTRIES
        assert len(report.results) == abi.RESULTS
        assert len(report.tails) == len(abi.TAILS)
        assert report.gathers >= 4


def test_random_signatures_called_by_clang() -> None:
    core.need("clang")
    assert fuzz_plan.fuzz(FEW, SEED, compiler="clang").signatures == FEW


def test_random_signatures_under_sanitizers() -> None:
    assert fuzz_plan.fuzz(FEW, SEED, flags=SANITIZE).signatures == FEW


@pytest.mark.only_table
def test_random_signatures_under_valgrind() -> None:
    before = [core.need("valgrind"), *VALGRIND]
    count = scale.down("random signatures under valgrind", 500, 50)
    assert fuzz_plan.fuzz(count, SEED, before=before).signatures == count


def test_a_signature_depends_on_its_number_only() -> None:
    text = fuzz_plan.batch_text(3, 1200, 50)
    for number in (1200, 1234, 1249):
        assert fuzz_plan.signature_text(3, number).rpartition("\n")[0] in text
        assert fuzz_plan.signature_text(3, number) != fuzz_plan.signature_text(4, number)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: str) -> None:
    core.check(core.executable(program))


@pytest.mark.parametrize("program", [name for name in PROGRAMS if name != "plan/leak"])
def test_program_under_sanitizers(program: str) -> None:
    core.check(core.executable(program, *SANITIZE))


def test_program_under_thread_sanitizer() -> None:
    core.check(core.executable("plan/threads", *SANITIZE_THREADS))


@pytest.mark.only_table
@pytest.mark.parametrize(
    "program", [name for name in PROGRAMS if name not in ("plan/leak", "plan/threads")]
)
def test_program_under_valgrind(program: str) -> None:
    core.check(core.need("valgrind"), *VALGRIND, core.executable(program))


def test_cpp_exception_passes_through() -> None:
    source = core.PROGRAMS / "plan/throw.cc"
    command = ["c++", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{core.BACKEND / 'include'}"]
    command += ["-o", "throw", str(source), *core.objects(), *core.link_flags()]
    core.check(core.compiled(*command) / "throw")


# Closures that are made before: none, those of the built-in block, and more than fill nine.
OTHERS = (0, 4096, 40_000)


def unwinding_program() -> Path:
    """With the arena that the libraries have."""
    space = tuple(map(str, core_sources.portable("shared")))
    return core.executable("plan/unwind", more=space, link=core.LINK_ARENA)


@pytest.mark.only_table
@pytest.mark.parametrize("others", OTHERS)
def test_backtrace_from_a_handler(others: int) -> None:
    core.check(unwinding_program(), others)


@pytest.mark.only_table
@pytest.mark.parametrize("others", OTHERS)
def test_debugger_finds_the_caller_at_every_instruction(others: int) -> None:
    script = core.TESTS / "gdb/step_plan.py"
    program = unwinding_program()
    done = core.run(core.need("gdb"), "-nx", "-batch", "-x", script, "--args", program, others)
    if "ptrace" in done.stderr or "not supported in this copy of GDB" in done.stderr:
        pytest.skip(f"gdb cannot debug here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    seen = set(re.findall(r"^\d+ (\w+)$", done.stdout, re.MULTILINE))
    slots = {"tfd_slots"} if others == 0 else {"tfd_arena"}
    assert seen >= {*slots, "tfd_plan_entries", "call", *abi.TAILS}, done.stdout


@pytest.mark.only_table
@pytest.mark.parametrize("rival", ["libffi", "stock"])
@pytest.mark.parametrize("signature", instructions.SIGNATURES)
def test_plan_takes_fewer_instructions(signature: str, rival: str) -> None:
    plan, other = (instructions.of_a_call("plan/cost", signature, by) for by in ("plan", rival))
    print(f"{signature}: {plan:.1f} instructions a call with a plan, {other:.1f} by {rival}")
    assert 0 < plan < other
