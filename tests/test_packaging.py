# SPDX-License-Identifier: MIT
"""What is shipped: source distribution, wheel, manual pages, and their agreement with the sources.

Debian packages are tested where they are built, by packaging/debian-check.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from core import need

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs/man").glob("trampfd*.[1-9]"))
VERSION = (ROOT / "cbackend/VERSION").read_text().strip()

# One callback of ctypes and one of cffi, whose wheel brings a static libffi of its own.
CALLBACKS = """
import cffi, ctypes, trampfd
one = cffi.FFI().callback("int(int)", lambda number: number + 2)
two = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 2)
assert one(40) == two(40) == 42
assert trampfd.status().slots_used == 2
print(sum(line.split()[1].startswith("rwx") for line in open("/proc/self/maps")))
"""

CFUNCTYPE = """
import ctypes
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 2)(40) == 42
"""


def run(*words: object, env: dict[str, str] | None = None) -> str:
    """Standard output of a command that must succeed."""
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def needs_git() -> None:
    need("git")
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel that was built from it."""
    needs_git()
    folder = tmp_path_factory.mktemp("shipped")
    run(ROOT / "packaging/wheel-build", folder, sys.executable)
    return folder


@pytest.fixture(scope="module")
def wheel(shipped: Path) -> Path:
    (path,) = shipped.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin of a virtual environment that has the wheel and cffi, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", wheel, "cffi")
    return folder / "bin"


def without_compiler(programs: Path) -> dict[str, str]:
    return {"PATH": str(programs)}


def test_source_distribution_is_the_checkout(shipped: Path) -> None:
    (path,) = shipped.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    checkout = {name for name in listed.splitlines() if (ROOT / name).exists()}
    assert not {name for name in checkout - names if not name.startswith(".")}


def test_wheel_is_for_many_linux_systems(wheel: Path) -> None:
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert re.fullmatch(
        rf"trampfd-{re.escape(VERSION)}-{python}-{python}-manylinux_2_\d+_x86_64\.whl", wheel.name
    )


def test_libffi_of_the_wheel_is_hidden(programs: Path) -> None:
    need("nm")
    libraries = list(programs.parent.rglob("trampfd/**/*.so"))
    assert libraries
    for library in libraries:
        needed = run("readelf", "--dynamic", "--wide", library)
        assert "libffi" not in needed
        names = run("nm", "--dynamic", library)
        stands_in = library.name.startswith("libtrampfd-ffi")
        assert stands_in or not re.findall(r"\bffi_\w+", names)


def test_wheel_works_without_a_compiler(programs: Path) -> None:
    environment = without_compiler(programs)
    output = run(programs / "trampfd", "doctor", env=environment)
    assert re.search(r"^self-test: cffi, trampfd +works; no W\+X memory$", output, re.MULTILINE)
    assert re.search(r"^self-test: ctypes, trampfd +works; no W\+X memory$", output, re.MULTILINE)


def test_wheel_makes_callbacks_where_w_x_memory_is_refused(programs: Path) -> None:
    environment = without_compiler(programs)
    assert run(programs / "trampfd", "run", "--harden", "-c", CALLBACKS, env=environment) == "0\n"


def test_wheel_brings_the_preload_library(programs: Path) -> None:
    environment = without_compiler(programs)
    library = run(programs / "trampfd", "preload", env=environment).strip()
    assert Path(library).is_relative_to(programs.parent)
    report = programs.parent / "report"
    environment |= {"LD_PRELOAD": library, "TRAMPFD_REPORT": str(report)}
    run(programs / "python", "-c", CFUNCTYPE, env=environment)
    if re.search(r"libffi of _ctypes: linkage +shared", run(programs / "trampfd", "doctor")):
        assert re.search(r"_ctypes.* makes closures \(1 times\)", report.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_manual_page_is_clean(page: Path) -> None:
    need("mandoc")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def pages(section: int) -> str:
    """The manual pages of a section."""
    return "".join(page.read_text() for page in PAGES if page.suffix == f".{section}")


def test_every_command_has_its_place_in_the_manual() -> None:
    listed = run(sys.executable, "-m", "trampfd", "--help")
    commands = re.findall(r"^    (\w+) ", listed, re.MULTILINE)
    assert "doctor" in commands
    documented = re.findall(r"^\.It Cm (\w+)$", pages(1), re.MULTILINE)
    assert set(commands) == set(documented)


def test_every_exported_function_has_its_place_in_the_manual() -> None:
    symbols = (ROOT / "cbackend/libtrampfd.map").read_text()
    exported = set(re.findall(r"^ +(\w+);", symbols, re.MULTILINE))
    named = set(re.findall(r"^\.Nm (trampfd_\w+)", pages(3), re.MULTILINE))
    nested = set(re.findall(r"^\.Fn (__gcc_\w+)", pages(3), re.MULTILINE))
    assert "trampfd_closure_alloc" in exported
    assert exported == named | nested


def test_prototypes_of_the_manual_are_those_of_the_header() -> None:
    header = " ".join((ROOT / "cbackend/include/trampfd.h").read_text().split())
    found = re.findall(r"^\.Fn (trampfd_\w+) (.+)$", pages(3), re.MULTILINE)
    prototypes = [(name, re.findall(r'"([^"]+)"', words)) for name, words in found]
    for name, block in re.findall(r"^\.Fo (\w+)\n((?:\.Fa .+\n)+)", pages(3), re.MULTILINE):
        prototypes.append((name, re.findall(r'"([^"]+)"', block)))
    assert prototypes
    for name, arguments in prototypes:
        if arguments:
            assert f"{name}({', '.join(arguments)});" in header


def test_every_environment_variable_has_its_place_in_the_manual() -> None:
    sources = [
        *(ROOT / "src/trampfd").rglob("*.[ch]"),
        *(ROOT / "src/trampfd").rglob("*.py"),
        *(ROOT / "cbackend/trampoline").rglob("*.[ch]"),
        *(ROOT / "cbackend/closure").rglob("*.[ch]"),
        *(ROOT / "cbackend/interpose").rglob("*.[ch]"),
    ]
    read = re.compile(r"""(?:getenv|asked_for|environ\.get|environ\[)\(?["'](TRAMPFD_\w+)""")
    names = {name for source in sources for name in read.findall(source.read_text())}
    assert "TRAMPFD_BACKEND" in names
    assert names == set(re.findall(r"^\.It Ev (\w+)", pages(7), re.MULTILINE))


def test_debian_packages_have_the_version_of_the_sources() -> None:
    first = (ROOT / "packaging/debian/changelog").read_text().split("\n", 1)[0]
    assert first.startswith(f"trampfd ({VERSION}-0.1) ")


@pytest.mark.parametrize("names", [["preload"], ["python"], ["preload", "python"]], ids="+".join)
def test_systemd_takes_the_examples(names: list[str], tmp_path: Path) -> None:
    need("systemd-analyze")
    folder = tmp_path / "example.service.d"
    folder.mkdir()
    for name in names:
        shutil.copy(ROOT / f"packaging/systemd/trampfd-{name}.conf", folder)
    unit = tmp_path / "example.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_each_example_for_systemd_is_shipped_with_what_it_needs() -> None:
    spec = (ROOT / "packaging/rpm/trampfd.spec").read_text()
    packages = {"preload": "libtrampfd-ffi", "python": "python3-trampfd"}
    examples = {path.stem for path in (ROOT / "packaging/systemd").iterdir()}
    assert examples == {f"trampfd-{name}" for name in packages}
    for name, package in packages.items():
        path = f"packaging/systemd/trampfd-{name}.conf"
        debian = (ROOT / f"packaging/debian/{package}.examples").read_text()
        assert debian.split() == [path]
        (files,) = re.findall(rf"^%files -n {package}\n(.*?)(?=^%files)", spec, re.M | re.S)
        assert re.search(rf"^%doc .*{re.escape(path)}$", files, re.M)
