# SPDX-License-Identifier: MIT
"""The scripts of the checkout: they tell what they do, refuse what they do not know, and do
without git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import core

ROOT = core.BACKEND.parent
FOLDERS = ROOT / "tools", ROOT / "packaging", ROOT / "tests/vm"
SCRIPTS = sorted(
    path
    for folder in FOLDERS
    for path in folder.iterdir()
    if path.is_file() and (os.access(path, os.X_OK) or "__main__" in path.read_text())
)
EACH = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)


def call(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, script] if script.suffix == ".py" else [script]
    # Without tools that would do something.
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nowhere"}
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=60, env=environment
    )


def test_scripts_are_found() -> None:
    names = {path.name for path in SCRIPTS}
    assert {"export-tree", "test-matrix", "build-wheel", "check-deb", "build-rpm", "suite"} <= names


@EACH
def test_help(script: Path) -> None:
    done = call(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert script.stem in done.stdout
    assert len(done.stdout.splitlines()) > 2
    assert "SPDX" not in done.stdout


@pytest.mark.parametrize("name", ["build-deb", "build-deb-source", "build-rpm"])
def test_non_empty_folder_is_refused(name: str, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    done = call(ROOT / "packaging" / name, str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path} is not empty" in done.stderr
    assert list(tmp_path.iterdir()) == [precious]


@EACH
@pytest.mark.parametrize("words", [["--nonsense"], ["x"] * 1000], ids=["option", "words"])
def test_unknown_options_and_surplus_words_are_refused(script: Path, words: list[str]) -> None:
    takes_many = script.name in (
        "run",
        "pack_sdist.py",
        "declare_libffi.py",
        "test-emulated",
        "test-in-chroot",
        "test-port",
        "test-ports",
    )
    if len(words) > 1 and takes_many:
        pytest.skip("takes as many words as there are")
    done = call(script, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert script.stem in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [
        ["packaging/check-deb", "woody"],
        ["tools/test-emulated", "pdp11"],
        ["tools/test-in-chroot", "woody"],
        ["tools/test-ports", "pdp11"],
        ["tests/vm/suite", "2.6", "python3"],
        ["tests/vm/suite", "6.12", "python3", "everything"],
        ["tools/install-deps", "--build-dep", "/nowhere"],
    ],
    ids=" ".join,
)
def test_invalid_choices_are_refused(command: list[str]) -> None:
    done = call(ROOT / command[0], *command[1:])
    assert done.returncode == 2
    assert command[-1] in done.stderr or command[1] in done.stderr


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout that git knows nothing of."""
    folder = tmp_path_factory.mktemp("exported") / "tree"
    core.check(ROOT / "tools/export-tree", folder)
    return folder


def test_without_git_the_same_is_exported(exported: Path, tmp_path: Path) -> None:
    """With what building leaves behind, which is not; into a folder inside, too."""
    tree = tmp_path / "tree"
    shutil.copytree(exported, tree, symlinks=True)
    for name in (
        "build/x", "dist/x", ".venv/x", "src/trampfd.egg-info/x", "src/trampfd/_native.x.so",
        "tests/__pycache__/x.pyc", ".pytest_cache/x", "cbackend/kmod/main.o", "PKG-INFO",
    ):  # fmt: skip
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    expected = files_below(exported)
    assert "cbackend/sources/core.txt" in expected
    for target in (tmp_path / "copy", tree / "inside"):
        core.check(tree / "tools/export-tree", target)
        assert files_below(target) == expected


def test_without_git_the_date_is_that_of_the_changelog(exported: Path) -> None:
    environment = {"SOURCE_DATE_EPOCH": ""}
    date = core.check(exported / "tools/source-date", environment=environment)
    line = (ROOT / "packaging/debian/changelog").read_text().splitlines()[-1]
    written = core.check("date", "+%s", "--date", line.partition("  ")[2])
    assert date == written


def test_the_date_of_the_environment_counts(exported: Path) -> None:
    environment = {"SOURCE_DATE_EPOCH": "1700000000"}
    assert core.check(exported / "tools/source-date", environment=environment) == "1700000000\n"


def test_source_of_debian_packages_without_git(exported: Path, tmp_path: Path) -> None:
    """The same archive twice, with all that building needs."""
    archives = []
    for name in ("a", "b"):
        core.check(exported / "packaging/build-deb-source", tmp_path / name)
        (archive,) = (tmp_path / name).glob("trampfd_*.orig.tar.gz")
        archives.append(archive.read_bytes())
        assert (tmp_path / name / "trampfd/debian/rules").exists()
        assert not (tmp_path / name / "trampfd/debian/debian").exists()
    assert archives[0] == archives[1]
