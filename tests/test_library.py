# SPDX-License-Identifier: MIT
"""The installed C library: what it exports, how it is hardened, and that others can build on it."""

from __future__ import annotations

import itertools
import re
import shutil
from importlib import metadata
from pathlib import Path

import core_sources
import pytest
from support import core, landing_pads, libc, library, preload

SHARED = ("libtrampfd.so.0", "libtrampfd-ffi.so.0")
PROGRAM = core.PROGRAMS / "library/ten_lines.c"
# Manual pages of a C library.
PAGES = sorted(
    path.name
    for section in "37"
    for path in (core.BACKEND.parent / "docs/man").glob(f"*.{section}")
)


def readelf(option: str, name: str) -> str:
    return core.check(core.need("readelf"), "-W", option, library.path(name))


def exported(name: str) -> set[str]:
    """The names that a shared library exports, with their versions."""
    lines = core.check(core.need("nm"), "-D", "--defined-only", library.path(name)).splitlines()
    symbols = [line.split() for line in lines]
    return {symbol for _, kind, symbol in symbols if kind != "A"}


def in_map(name: str) -> set[str]:
    text = re.sub(r"/\*.*?\*/", "", (core.BACKEND / name).read_text())
    return {
        f"{symbol}@@{version}"
        for version, symbols in re.findall(r"(\S+) \{\s*global:(.*?)(?:local:|\})", text, re.S)
        for symbol in re.findall(r"\w+", symbols)
    }


def in_header() -> set[str]:
    text = (core.BACKEND / "include" / "trampfd.h").read_text()
    return set(re.findall(r"^TRAMPFD_API [^;(]*?(\w+)\(", text, re.M))


def test_exports_are_those_of_the_map() -> None:
    assert exported("libtrampfd.so.0") == in_map("libtrampfd.map")


# What compiled programs ask libgcc_s for, under its version.
LIBGCC = "__gcc_nested_func_ptr_created", "__gcc_nested_func_ptr_deleted"
# And what they ask the runtime library of Flang for.
FLANG = tuple(f"_FortranATrampoline{name}" for name in ("Init", "Adjust", "Free"))


def test_the_map_has_what_the_header_declares() -> None:
    expected = {f"{name}@@TRAMPFD_0" for name in in_header()}
    expected |= {f"{name}@@GCC_14.0.0" for name in LIBGCC}
    expected |= {f"{name}@@TRAMPFD_0" for name in FLANG}
    assert in_map("libtrampfd.map") == expected


LIBFFI = "ffi_closure_alloc", "ffi_closure_free", "ffi_prep_closure", "ffi_prep_closure_loc"


def test_the_preload_library_exports_libffi_names_only() -> None:
    expected = {f"{name}@@LIBFFI_CLOSURE_8.0" for name in LIBFFI}
    assert exported("libtrampfd-ffi.so.0") == in_map("libtrampfd-ffi.map") == expected


def test_the_preload_library_brings_no_libffi() -> None:
    needed = re.findall(r"NEEDED.*\[(.*)\]", readelf("-d", "libtrampfd-ffi.so.0"))
    assert {"glibc": "libc.so.6", "musl": "libc.so"}[libc.NAME] in needed
    assert not [name for name in needed if "ffi" in name]


def test_the_shared_library_needs_the_libffi_it_was_built_with() -> None:
    assert re.search(r"NEEDED.*\[libffi\.so\.\d+\]", readelf("-d", "libtrampfd.so.0"))


@pytest.mark.parametrize("name", SHARED)
def test_soname(name: str) -> None:
    assert re.search(rf"\(SONAME\) .*\[{name}\]", readelf("-d", name))
    assert library.path(name.removesuffix(".0")).readlink() == Path(name)


@pytest.mark.parametrize("name", SHARED)
def test_hardening(name: str) -> None:
    dynamic = readelf("-d", name)
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic)
    assert re.search(r"\(FLAGS_1\).*NOW", dynamic)
    assert re.search(r"\(FLAGS_1\).*NODELETE", dynamic)
    assert "TEXTREL" not in dynamic
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    segments = readelf("-l", name)
    assert re.search(r"GNU_RELRO", segments)
    assert re.search(r"GNU_STACK.* RW ", segments)
    assert not re.search(r"LOAD.* (RWE|WE) ", segments)
    assert len(re.findall(r"LOAD.* R E 0x10000", segments)) == 1
    assert "__stack_chk_fail" in readelf("--dyn-syms", name)


@pytest.mark.parametrize("name", SHARED)
def test_property_notes(name: str) -> None:
    notes = readelf("-n", name)
    if "X86-64" not in readelf("-h", name):
        pytest.skip("IBT and SHSTK are properties of x86-64")
    assert "x86 feature: IBT, SHSTK" in notes
    # What made the linker drop them, were they not asked for, is not run: see meson.build.
    assert not re.search(r"\((INIT|FINI)\)", readelf("-d", name))


def landing_pads_missing(name: str) -> list[str]:
    """Exported functions that do not start with one."""
    listing = core.check(core.need("objdump"), "-d", "--no-show-raw-insn", library.path(name))
    first = dict(re.findall(r"^[0-9a-f]+ <(\w+)>:\n\s*[0-9a-f]+:\s+(\w+)", listing, re.M))
    names = {symbol.partition("@")[0] for symbol in exported(name)}
    assert names <= first.keys()
    return [symbol for symbol in names if first[symbol] not in landing_pads.ALL]


@pytest.mark.parametrize("name", SHARED)
def test_exported_functions_have_landing_pads(name: str) -> None:
    assert landing_pads_missing(name) == []


def test_what_is_installed() -> None:
    prefix = library.installed() / library.PREFIX[1:]
    files = {str(file.relative_to(prefix)) for file in prefix.rglob("*") if not file.is_dir()}
    folder = str(library.path("libtrampfd.so.0").parent.relative_to(prefix))
    assert files == {
        "include/trampfd.h",
        f"{folder}/libtrampfd-ffi.so",
        f"{folder}/libtrampfd-ffi.so.0",
        f"{folder}/libtrampfd.a",
        f"{folder}/libtrampfd.so",
        f"{folder}/libtrampfd.so.0",
        f"{folder}/pkgconfig/trampfd.pc",
        f"{folder}/trampfd/libffi-real.so.8",
        f"{folder}/trampfd/libffi.so.8",
        *(f"share/man/man{page[-1]}/{page}" for page in PAGES),
        "share/trampfd/trampfd.supp",
    }
    assert [path.name for path in library.installed().iterdir()] == [library.PREFIX[1:]]


def test_meson_test_runs_programs() -> None:
    folder = core.new_folder() / "build"
    library.build(core.BACKEND, folder)
    output = core.check("meson", "test", "-C", folder)
    assert re.findall(r"(\w+) +OK ", output) == ["shared", "static", "preload"]


def test_prefix_and_libdir_are_obeyed() -> None:
    folder = core.new_folder() / "build"
    target = library.build(core.BACKEND, folder, "--prefix=/opt/it", "--libdir=lib64")
    assert (target / "opt/it/lib64/libtrampfd.so.0").exists()
    text = (target / "opt/it/lib64/pkgconfig/trampfd.pc").read_text()
    assert "prefix=/opt/it\n" in text
    assert str(target) not in text


def test_flags_of_the_environment_are_used() -> None:
    folder = core.new_folder() / "build"
    environment = {"CFLAGS": "-DGIVEN_CFLAGS -O1", "LDFLAGS": "-Wl,--defsym=given_ldflags=0"}
    library.build(core.BACKEND, folder, environment=environment)
    commands = (folder / "compile_commands.json").read_text()
    assert "-DGIVEN_CFLAGS -O1" in commands
    # The one that counts is the last one.
    assert commands.rindex("-O1") > commands.rindex("-O2")
    symbols = core.check(core.need("nm"), folder / "libtrampfd.so.0")
    assert "given_ldflags" in symbols


@pytest.mark.parametrize("flags", ["", "-g"], ids=["plain", "with debugging information"])
def test_builds_in_different_folders_are_the_same(flags: str) -> None:
    """The source in another folder too."""
    targets = []
    for name in ("a", "another-place"):
        source = core.new_folder() / name / "cbackend"
        for folder in ("cbackend", "docs/man", "tests/c"):
            shutil.copytree(core.BACKEND.parent / folder, source.parent / folder)
        environment = {"CFLAGS": flags, "SOURCE_DATE_EPOCH": "1700000000"}
        targets.append(library.build(source, source.with_name("build"), environment=environment))
    first, second = (
        {
            file.relative_to(target): file.read_bytes()
            for file in target.rglob("*")
            if file.is_file()
        }
        for target in targets
    )
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_the_version_is_that_of_the_package() -> None:
    version = (core.BACKEND / "VERSION").read_text().strip()
    assert library.pkg_config("--modversion") == [version]
    assert metadata.version("trampfd") == version


def test_the_archive_has_every_source_of_the_package() -> None:
    members = core.check(core.need("ar"), "t", library.path("libtrampfd.a")).split()
    sources = [*core_sources.core(core.architecture()), *core_sources.portable("nested")]
    names = [str(source.relative_to(core.BACKEND)).replace("/", "_") for source in sources]
    assert sorted(members) == sorted(f"{name}.o" for name in names)


@pytest.mark.parametrize(
    ("compiler", "linkage"),
    list(itertools.product(("cc", "c++"), ("shared", "archive", "static", "static-pie"))),
)
def test_ten_lines(compiler: str, linkage: str) -> None:
    """A program compiled as C and as C++, with what pkg-config says, dynamic and static."""
    program = core.new_folder() / "program"
    source = ["-x", "c" if compiler == "cc" else "c++", PROGRAM, "-x", "none"]
    command = [core.need(compiler), "-Wall", "-Wextra", "-Werror", *source, "-o", program]
    command += library.pkg_config("--cflags")
    if linkage == "shared":
        command += library.pkg_config("--libs")
    elif linkage == "archive":
        command += ["-Wl,-Bstatic", *library.pkg_config("--libs"), "-Wl,-Bdynamic"]
        command += library.pkg_config("--static", "--libs-only-l")
    else:
        command += [f"-{linkage}", *library.pkg_config("--static", "--libs")]
    core.check(*command)
    needed = core.check(core.need("readelf"), "-Wd", program)
    assert ("libtrampfd.so.0" in needed) == (linkage == "shared")
    folder = str(library.path("libtrampfd.so.0").parent)
    assert core.check(program, environment={"LD_LIBRARY_PATH": folder}) == "42\n"


def test_ten_lines_where_w_x_memory_is_refused() -> None:
    program = core.new_folder() / "program"
    words = [*library.pkg_config("--cflags"), PROGRAM, *library.pkg_config("--libs")]
    core.check(core.need("cc"), "-o", program, *words)
    folder = f"LD_LIBRARY_PATH={library.path('libtrampfd.so.0').parent}"
    assert core.check(*preload.under(preload.HARDENED, "env", folder, program)) == "42\n"


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_alone(language: str) -> None:
    command = [core.need("cc"), "-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    header = library.path("trampfd.h")
    core.check(*command, "-fsyntax-only", *library.pkg_config("--cflags"), header)
