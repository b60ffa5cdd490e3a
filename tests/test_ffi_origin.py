# SPDX-License-Identifier: MIT
"""Where libffi comes from: compared with what processes map, and on libraries made for it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import scale

from trampfd._system import ffi_origin, ldso
from trampfd._system.elf import read_elf
from trampfd._system.fact import ABSENT, UNKNOWN

pytestmark = pytest.mark.any_provider

PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
PYTHONS = [sys.executable, *map(str, sorted(PYENV.glob("versions/3.*/bin/python3")))]
DEBIAN_CFFI = sorted(Path("/usr/lib/python3/dist-packages").glob("_cffi_backend.*.so"))

# Imports one module and prints its file and each mapped file that is called libffi.
MAPPED = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
with open("/proc/self/maps") as maps:
    paths = {line.split(None, 5)[5].strip() for line in maps if "r-xp" in line and "/" in line}
libffi = sorted(path for path in paths if path.rsplit("/", 1)[1].startswith("libffi"))
print(json.dumps([getattr(module, "__file__", None), libffi]))
"""


def mapped_libffi(python: str, module: str) -> tuple[str | None, list[str]]:
    child = subprocess.run(
        [python, "-c", MAPPED, module], capture_output=True, text=True, timeout=scale.seconds(60)
    )
    if child.returncode != 0:
        pytest.skip(f"{python} cannot import {module}: {child.stderr.splitlines()[-1]}")
    file, libraries = json.loads(child.stdout)
    return file, libraries


def assert_agrees(origin: ffi_origin.FfiOrigin, libraries: list[str]) -> None:
    if libraries:
        assert origin.linkage.value == ffi_origin.SHARED
        assert [origin.library.value] == libraries
        assert origin.soname.value == read_elf(libraries[0]).soname
    else:
        assert origin.linkage.value == ffi_origin.STATIC
        assert origin.soname.state == ABSENT


@pytest.mark.parametrize("module", ["_ctypes", "_cffi_backend"])
def test_agrees_with_what_this_python_maps(module: str) -> None:
    file, libraries = mapped_libffi(sys.executable, module)
    origin = ffi_origin.of_module(module)
    if file is not None:
        assert origin.module.value == file
    assert_agrees(origin, libraries)


@pytest.mark.parametrize("python", PYTHONS[1:], ids=lambda path: Path(path).parts[-3])
def test_agrees_with_what_other_pythons_map(python: str) -> None:
    file, libraries = mapped_libffi(python, "_ctypes")
    if file is None:
        pytest.skip(f"_ctypes is built into {python}")
    assert_agrees(ffi_origin.of_file(file), libraries)


def test_the_wheel_of_cffi_brings_its_own_libffi() -> None:
    spec = importlib.util.find_spec("_cffi_backend")
    if spec is None or spec.origin is None:
        pytest.skip("cffi is not installed")
    needed = [name for name in read_elf(spec.origin).needed if name.startswith("libffi")]
    if needed:
        pytest.skip(f"this cffi is no wheel from PyPI, it needs {needed[0]}")
    origin = ffi_origin.of_module("_cffi_backend")
    assert origin.linkage.value == ffi_origin.STATIC
    assert origin.library.value == str(Path(spec.origin).resolve())


@pytest.mark.skipif(not DEBIAN_CFFI, reason="Debian's python3-cffi-backend is not installed")
def test_debians_cffi_uses_the_shared_libffi() -> None:
    origin = ffi_origin.of_file(DEBIAN_CFFI[0])
    assert origin.linkage.value == ffi_origin.SHARED
    assert origin.soname.value in read_elf(DEBIAN_CFFI[0]).needed
    assert str(origin.library.value).startswith("/")


def build(output: Path, source: str, *options: str) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    output.parent.mkdir(parents=True, exist_ok=True)
    code = output.parent / "source.c"
    code.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", output, code, *options], check=True)
    return output


USER = "extern int ffi_prep_cif(void); int use(void) { return ffi_prep_cif(); }"
CLOSURE_USER = """
#include <ffi.h>
void *use(void **code)
{
    ffi_cif cif;
    ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_void, 0);
    return ffi_closure_alloc(sizeof(ffi_closure), code);
}
"""
OLD_LIBFFI = "int ffi_prep_cif(void) { return 0; }"
NEW_LIBFFI = OLD_LIBFFI + 'const char *ffi_get_version(void) { return "3.7.1"; }'


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_follows_the_path_beside_the_module(tags: str, tmp_path: Path) -> None:
    library = build(
        tmp_path / "libs" / "libffi-own.so.7", OLD_LIBFFI, "-Wl,-soname,libffi-own.so.7"
    )
    rpath = f"-Wl,{tags},-rpath,$ORIGIN/libs"
    module = build(tmp_path / "module.so", USER, str(library), rpath)
    origin = ffi_origin.of_file(module)
    assert origin.linkage.value == ffi_origin.SHARED
    assert origin.library.value == str(library)
    assert origin.soname.value == "libffi-own.so.7"
    assert origin.version.value == "3.3"
    assert "guess" in origin.version.note


def test_the_library_path_goes_before_runpath(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soname = "-Wl,-soname,libffi-own.so.7"
    library = build(tmp_path / "libs" / "libffi-own.so.7", OLD_LIBFFI, soname)
    other = build(tmp_path / "other" / "libffi-own.so.7", OLD_LIBFFI, soname)
    rpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/libs"
    module = build(tmp_path / "module.so", USER, str(library), rpath)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(other.parent))
    assert ffi_origin.of_file(module).library.value == str(other)


def test_a_library_that_is_not_found_is_unknown(tmp_path: Path) -> None:
    library = build(
        tmp_path / "libs" / "libffi-own.so.7", OLD_LIBFFI, "-Wl,-soname,libffi-own.so.7"
    )
    module = build(tmp_path / "module.so", USER, str(library))
    origin = ffi_origin.of_file(module)
    assert origin.linkage.state == UNKNOWN
    assert str(module) in origin.linkage.note


def test_a_new_libffi_tells_its_version(tmp_path: Path) -> None:
    origin = ffi_origin.of_file(build(tmp_path / "libffi.so.8", NEW_LIBFFI))
    assert origin.version.value == "3.7.1"
    assert "guess" not in origin.version.note


@pytest.mark.parametrize(
    ("name", "release"),
    [("libffi.so.8.1.2", "3.4"), ("libffi.so.6.0.4", "3.0.11 to 3.2.1"), ("libffi.so.99", None)],
)
def test_an_old_libffi_is_dated_by_its_name(name: str, release: str | None, tmp_path: Path) -> None:
    version = ffi_origin.of_file(build(tmp_path / name, OLD_LIBFFI)).version
    assert version.value == release
    assert name in version.note


@pytest.fixture(params=["exported", "hidden", "stripped"])
def static_user(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A module with the system's libffi linked in."""
    archives = ["-l:libffi_pic.a", "-l:libffi.a"]
    hide = [] if request.param == "exported" else ["-Wl,--exclude-libs,ALL"]
    for archive in archives:
        try:
            module = build(tmp_path / "module.so", CLOSURE_USER, archive, *hide)
            break
        except subprocess.CalledProcessError:
            continue
    else:
        pytest.skip("no libffi that can be linked in statically (libffi_pic.a of libffi-dev)")
    if request.param == "stripped":
        subprocess.run(["strip", module], check=True)
    return module


def test_a_libffi_linked_in_is_found(static_user: Path) -> None:
    origin = ffi_origin.of_file(static_user)
    assert origin.linkage.value == ffi_origin.STATIC
    assert origin.library.value == str(static_user)
    assert origin.soname.state == ABSENT

    # Both come from one build of libffi.
    module = build(static_user.parent / "shared" / "module.so", CLOSURE_USER, "-lffi")
    shared = ffi_origin.of_file(module)
    assert shared.linkage.value == ffi_origin.SHARED
    assert origin.static_trampolines.value == shared.static_trampolines.value


@pytest.mark.parametrize("name", ["no_such_module", "no.such.module"])
def test_a_missing_module_is_no_error(name: str) -> None:
    origin = ffi_origin.of_module(name)
    assert origin.module.value is None
    assert origin.linkage.state == UNKNOWN


def test_modules_without_libffi_are_no_error() -> None:
    for origin in (ffi_origin.of_module("json"), ffi_origin.of_module("sys")):
        assert origin.linkage.state == UNKNOWN
        assert origin.linkage.note


def test_a_file_that_is_missing_or_no_library_is_no_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, Path(__file__)):
        origin = ffi_origin.of_file(path)
        assert origin.linkage.state == UNKNOWN
        assert str(path) in origin.linkage.note


def test_needed_libraries_are_those_of_ldd() -> None:
    if shutil.which("ldd") is None:
        pytest.skip("ldd is not installed")
    python = ldso.executable()
    listed = subprocess.run(["ldd", python.path], check=True, capture_output=True, text=True).stdout
    files = [
        path for pair in re.findall(r"=> (/.*) \(0x|^\s+(/.*) \(0x", listed, re.M) for path in pair
    ]
    expected = {Path(path).resolve() for path in files if path}
    found = [elf.path.resolve() for elf in ldso.with_needed(python)]
    assert found[0] == python.path
    assert set(found[1:]) == expected


def test_the_loaders_cache_is_read_as_ldconfig_reads_it() -> None:
    ldconfig = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if ldconfig is None or not ldso._CACHE.exists():
        pytest.skip(f"no ldconfig, or no {ldso._CACHE}")
    listed = subprocess.run([ldconfig, "-p"], check=True, capture_output=True, text=True).stdout
    entries = re.findall(r"^\s+(\S+) \(.*\) => (.*)$", listed, re.M)
    assert entries
    cache = ldso._CACHE.read_bytes()
    for name in {name for name, _ in entries}:
        expected = [path for other, path in entries if other == name]
        assert sorted(ldso._cache_paths(cache, name)) == sorted(expected)


@pytest.mark.parametrize(
    "content", [b"", b"glibc-ld.so.cache1.1", b"glibc-ld.so.cache1.1" + b"\xff" * 60]
)
def test_a_damaged_cache_is_no_error(content: bytes) -> None:
    assert list(ldso._cache_paths(content, "libc.so.6")) == []
