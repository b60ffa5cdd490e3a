# SPDX-License-Identifier: MIT
"""What is shipped: source distribution, wheel, manual pages, and their agreement with the sources.

Debian packages are tested where they are built, by packaging/check-deb.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from support.core import need

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
    folder = tmp_path_factory.mktemp("shipped")
    run(ROOT / "packaging/build-wheel", folder, sys.executable)
    return folder


@pytest.fixture(scope="module")
def wheel(shipped: Path) -> Path:
    (path,) = shipped.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def unpacked(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution as its receiver has it: without git."""
    (path,) = shipped.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    run("tar", "-C", folder, "-xf", path)
    (inside,) = folder.iterdir()
    return inside


@pytest.fixture(scope="module")
def inside(wheel: Path) -> dict[str, bytes]:
    """The files of the wheel; of .dist-info without its folder."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            re.sub(r"^trampfd-[^/]+\.dist-info/", "", name): archive.read(name)
            for name in archive.namelist()
        }


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin of a virtual environment that has the wheel and cffi, and nothing else."""
    pytest.importorskip("cffi")
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "--quiet", wheel, "cffi")
    return folder / "bin"


def without_compiler(programs: Path) -> dict[str, str]:
    return {"PATH": str(programs)}


def test_source_distribution_is_the_checkout(shipped: Path) -> None:
    needs_git()
    (path,) = shipped.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    checkout = {name for name in listed.splitlines() if (ROOT / name).exists()}
    assert not {name for name in checkout - names if not name.startswith(".")}


def test_wheel_is_for_many_linux_systems(wheel: Path) -> None:
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert re.fullmatch(
        rf"trampfd-{re.escape(VERSION)}-{python}-{python}{sys.abiflags}-manylinux_2_\d+_x86_64\.whl",
        wheel.name,
    )


def test_what_is_shipped_is_reproducible(shipped: Path, unpacked: Path, tmp_path: Path) -> None:
    """Built again in another folder, from the source distribution, without git."""
    (path,) = shipped.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        (date,) = {member.mtime for member in archive}
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(date)}
    run(unpacked / "packaging/build-wheel", tmp_path, sys.executable, env=environment)

    def digests(folder: Path) -> dict[str, str]:
        paths = sorted(folder.iterdir())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    assert len(digests(shipped)) == 2
    assert digests(shipped) == digests(tmp_path)


def test_wheel_carries_the_licence_of_libffi(inside: dict[str, bytes]) -> None:
    listed = message_from_string(inside["METADATA"].decode()).get_all("License-File")
    assert listed == ["LICENSE", "libffi-license.txt"]
    text = inside["licenses/libffi-license.txt"].decode()
    assert "Anthony Green" in text and "Permission is hereby granted" in text
    assert inside["licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_wheel_has_a_bill_of_materials(inside: dict[str, bytes]) -> None:
    bill = json.loads(inside["sboms/libffi.cdx.json"])
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    (component,) = bill["components"]
    assert component["name"] == "libffi"
    assert component["version"] == run("pkg-config", "--modversion", "libffi").strip()
    assert component["purl"].startswith("pkg:")
    assert component["licenses"] == [{"license": {"id": "MIT"}}]


def test_wheel_records_all_its_files(inside: dict[str, bytes]) -> None:
    rows = [line.split(",")[0] for line in inside["RECORD"].decode().splitlines()]
    names = [re.sub(r"^trampfd-[^/]+\.dist-info/", "", row) for row in rows]
    assert sorted(names) == sorted(inside)


@pytest.mark.parametrize("version", ["==66.1.1", ""], ids=["Debian 12", "current"])
def test_metadata_by_setuptools(version: str, tmp_path: Path) -> None:
    """Without a word about what a later setuptools will refuse."""
    if version and sys.version_info >= (3, 12):
        pytest.skip("no setuptools so old for this Python")
    run(sys.executable, "-m", "venv", tmp_path / "environment")
    python = tmp_path / "environment/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--upgrade", f"setuptools{version}", "wheel")
    run(ROOT / "tools/export-tree", tmp_path / "tree")
    code = "import setuptools.build_meta as b; print(b.prepare_metadata_for_build_wheel('..'))"
    done = subprocess.run(
        [python, "-c", code], cwd=tmp_path / "tree", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(
        "deprecat|no longer be supported", done.stdout + done.stderr, re.IGNORECASE
    )
    (path,) = tmp_path.glob("*.dist-info/METADATA")
    metadata = message_from_string(path.read_text())
    assert metadata["License" if version else "License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"] == "the trampfd authors"
    assert "Homepage" in metadata.get_all("Project-URL")[0]
    classifiers = set(metadata.get_all("Classifier"))
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 16)} <= classifiers
    assert not [line for line in classifiers if line.startswith("License")]


def index_page() -> str:
    return run(sys.executable, ROOT / "tools/index_page.py")


def test_pictures_show_on_the_page_of_a_package_index() -> None:
    """As tables: a picture would have to be at an address, and the page is shown by itself."""
    pictures = re.findall(r"^!\[([^\]]+)\]\(", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert pictures
    for picture in pictures:
        assert f"\n{picture}:\n\n| " in index_page()


def test_the_page_of_a_package_index_is_complete_by_itself() -> None:
    renderer = pytest.importorskip("readme_renderer.markdown")
    html = renderer.render(index_page())
    assert html and "<table>" in html and "<img" not in html
    assert not [
        link for link in re.findall(r'href="([^"]*)"', html) if not re.match("#|http", link)
    ]


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

    def closures(code: str) -> int:
        """Those that _ctypes makes."""
        report = programs.parent / "report"
        report.unlink(missing_ok=True)
        preloaded = {**environment, "LD_PRELOAD": library, "TRAMPFD_REPORT": str(report)}
        run(programs / "python", "-c", code, env=preloaded)
        text = report.read_text() if report.exists() else ""
        made = re.search(r"_ctypes.* makes closures \((\d+) times\)", text)
        return int(made[1]) if made else 0

    # CPython 3.14.10 makes one, and frees it, when it imports _ctypes.
    at_import, all_in_all = closures("import ctypes"), closures(CFUNCTYPE)
    if re.search(r"libffi of _ctypes: linkage +shared", run(programs / "trampfd", "doctor")):
        assert all_in_all == at_import + 1


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
    nested = set(re.findall(r"^\.Fn (__gcc_\w+|_Fortran\w+)", pages(3), re.MULTILINE))
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
        *(path for path in (ROOT / "cbackend").rglob("*.[ch]") if "kmod" not in path.parts),
    ]
    read = re.compile(r"""(?:getenv|tfd_setting|environ\.get|environ\[)\(?["'](TRAMPFD_\w+)""")
    names = {name for source in sources for name in read.findall(source.read_text())}
    assert "TRAMPFD_PROVIDER" in names
    names.remove("TRAMPFD_BACKEND")  # the older name of TRAMPFD_PROVIDER
    assert names == set(re.findall(r"^\.It Ev (\w+)", pages(7), re.MULTILINE))


def named_in(path: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text(), re.MULTILINE))


@pytest.mark.parametrize("library", ["libtrampfd", "libtrampfd-ffi"])
def test_symbols_file_of_debian_is_complete(library: str) -> None:
    exported = named_in(f"cbackend/{library}.map", r"^    (\w+);")
    exported |= named_in(f"cbackend/{library}.map", r"^(\w[\w.]*) \{")
    package = {"libtrampfd": "libtrampfd0"}.get(library, library)
    assert exported
    assert named_in(f"packaging/debian/{package}.symbols", r"^ ([\w.]+)@\S+ \S+$") == exported


def test_the_project_has_one_address() -> None:
    (home,) = named_in("pyproject.toml", r'^Homepage = "(.+)"$')
    assert named_in("packaging/debian/control", "^Homepage: (.+)$") == {home}
    assert named_in("packaging/debian/control", "^Vcs-Browser: (.+)$") == {home}
    assert named_in("packaging/debian/control", "^Vcs-Git: (.+)$") == {f"{home}.git"}
    assert named_in("packaging/debian/copyright", "^Source: (.+)$") == {home}
    assert named_in("packaging/debian/watch", r"^(https\S+)/releases ") == {home}
    assert named_in("packaging/rpm/trampfd.spec", "^URL: +(.+)$") == {home}


def test_texts_of_licences_are_where_they_are_looked_for() -> None:
    texts = {path.stem: path.read_bytes() for path in (ROOT / "LICENSES").iterdir()}
    assert texts.keys() == {"MIT", "GPL-2.0-only", "Linux-syscall-note"}
    assert texts["MIT"] == (ROOT / "LICENSE").read_bytes()
    assert texts["GPL-2.0-only"] == (ROOT / "cbackend/kmod/COPYING").read_bytes()


def test_every_file_says_its_licence(tmp_path: Path) -> None:
    pytest.importorskip("reuse")
    run(ROOT / "tools/export-tree", tmp_path / "tree")
    run(sys.executable, "-m", "reuse", "--root", tmp_path / "tree", "lint", "--lines")


def test_packages_that_refer_to_the_common_page_bring_it() -> None:
    """trampfd(7), which the manual pages of all of them name."""
    control = (ROOT / "packaging/debian/control").read_text()
    for name in ("libtrampfd-dev", "libtrampfd-ffi", "python3-trampfd", "trampfd-dkms"):
        (paragraph,) = re.findall(rf"^Package: {name}\n(?:.+\n)+", control, re.MULTILINE)
        assert "trampfd-common (= ${source:Version})" in paragraph
    spec = (ROOT / "packaging/rpm/trampfd.spec").read_text()
    assert spec.count("Requires:       trampfd-common = %{version}-%{release}") == 4


def test_debian_packages_have_the_version_of_the_sources() -> None:
    first = (ROOT / "packaging/debian/changelog").read_text().split("\n", 1)[0]
    assert first.startswith(f"trampfd ({VERSION}-1~upstream) ")


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
        lines = [line for line in debian.splitlines() if not line.startswith("#")]
        assert lines == [path]
        (files,) = re.findall(rf"^%files -n {package}\n(.*?)(?=^%files)", spec, re.M | re.S)
        assert re.search(rf"^%doc .*{re.escape(path)}$", files, re.M)
