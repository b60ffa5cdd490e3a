# SPDX-License-Identifier: MIT
"""A short pass of the fuzz targets, and all inputs with which they once failed: see fuzz.py."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest
from support import core, scale

RUNS = scale.down("runs of a fuzz target", 20_000, 500)
PAST = [(name, path) for name in fuzz.TARGETS for path in fuzz.inputs(name)]

pytestmark = pytest.mark.only_table


@pytest.fixture(autouse=True, scope="module")
def _has_libfuzzer() -> None:
    source = core.new_folder() / "empty.c"
    source.write_text("int LLVMFuzzerTestOneInput(void) { return 0; }")
    flags = ["-fsanitize=fuzzer,address,undefined", "-o", source.with_suffix("")]
    if core.run(core.need("clang"), *flags, source).returncode:
        pytest.skip("clang has no libFuzzer (libclang-rt-dev)")


def check(name: str, *words: object) -> None:
    if name.startswith("plan") and core.port_lacks("plan"):
        pytest.skip(f"the port {core.architecture()} has no plans")
    core.check(fuzz.target(name), *fuzz.FLAGS, *words)


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_target(name: str) -> None:
    folder = core.new_folder()
    check(name, f"-runs={RUNS}", "-seed=1", f"-artifact_prefix={folder}/", folder)


@pytest.mark.parametrize(("name", "path"), PAST, ids=lambda value: getattr(value, "name", value))
def test_input_of_the_past(name: str, path: Path) -> None:
    check(name, path)


def test_each_target_has_a_file() -> None:
    assert core.programs("fuzz") == {f"fuzz/{name}" for name in fuzz.TARGETS}
