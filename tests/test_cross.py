# SPDX-License-Identifier: MIT
"""What wheels for other systems are compiled with, as far as that needs no download."""

from __future__ import annotations

import importlib.machinery
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"


@pytest.fixture(scope="module", autouse=True)
def _cross(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package can be imported, with a compiler that prints its arguments, one a line."""
    folder = tmp_path_factory.mktemp("packages")
    zig = folder / "ziglang/zig"
    zig.parent.mkdir()
    (zig.parent / "__init__.py").touch()
    zig.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    zig.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(PACKAGING), str(folder), *sys.path])
        yield


def test_targets_are_all_there_are() -> None:
    from cross.target import CPUS, SYSTEMS, names, parse

    targets = [parse(name) for name in names()]
    assert len(set(targets)) == len(names())
    pythons = {(target.minor, target.threads) for target in targets}
    assert {minor for minor, threads in pythons if not threads} == set(range(9, 15))
    assert {minor for minor, threads in pythons if threads} == {13, 14}
    assert len(targets) == len(pythons) * len(CPUS) * len(SYSTEMS)


@pytest.mark.parametrize("name", ["cp39", "cp39-win_amd64", "cp39-manylinux_2_27_vax"])
def test_other_targets_are_refused(name: str) -> None:
    from cross.target import parse

    with pytest.raises(ValueError, match=name):
        parse(name)


def test_words_for_the_compiler(tmp_path: Path) -> None:
    """Those that it refuses are left out, and the others are passed on as they are."""
    from cross import compiler
    from cross.target import parse

    compiler.write(parse("cp39-manylinux_2_27_aarch64"), tmp_path)
    given = ["-DA=a b", "-Wl,-z,now,-z,text,-z,relro", "-Wl,-z,ibt,-z,shstk,-init=a,-fini=b", "x.c"]
    given += ["-Wl,--exclude-libs,libffi.a", "-Wl,--section-start=.a=0x1,-z,nodelete"]
    printed = subprocess.check_output([tmp_path / "cc", *given], text=True).splitlines()
    assert printed[:3] == ["cc", "-target", "aarch64-linux-gnu.2.27"]
    assert printed[4:] == ["-DA=a b", "-Wl,-z,now,-z,relro", "x.c", "-Wl,-z,nodelete"]


def test_names_of_extension_modules_are_imported(tmp_path: Path) -> None:
    """By the Python that they are for: this one, where it is a target."""
    from cross.__main__ import sysconfig_of
    from cross.target import parse

    threads = "t" if "t" in sys.abiflags else ""
    python = f"cp3{sys.version_info[1]}{threads}"
    found = sysconfig_of(parse(f"{python}-manylinux_2_27_x86_64"), tmp_path)
    suffixes = [re.sub("-x86_64-.*", "", name) for name in importlib.machinery.EXTENSION_SUFFIXES]
    assert re.sub("-x86_64-.*", "", str(found["EXT_SUFFIX"])) in suffixes
    assert sysconfig_of(parse(f"{python}-musllinux_1_2_x86_64"), tmp_path)["EXT_SUFFIX"] == ".so"
