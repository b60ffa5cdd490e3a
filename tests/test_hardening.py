# SPDX-License-Identifier: MIT
"""How the files are hardened that `pip install` builds, and which pointers in them can be written.

What meson builds is looked at by test_library.py, too.
"""

from __future__ import annotations

import bisect
import os
import re
import sys
from pathlib import Path

import pytest
from support import core, landing_pads, library

import trampfd._native

EXTENSION = Path(trampfd._native.__file__)
PRELOAD = EXTENSION.with_name("libtrampfd-ffi.so")
BUILT = pytest.mark.parametrize("path", [EXTENSION, PRELOAD], ids=["extension", "preload"])

# Objects that hold pointers to code and lie in memory that stays writable, and why.
WRITABLE = {
    # CPython fills in a static type when it is made ready, and counts its references.
    "Bound_Type",
    "Closure_Type",
    "Parameter_Type",
    "Signature_Type",
    "Trampoline_Type",
}


def readelf(option: str, path: Path) -> str:
    return core.check(core.need("readelf"), "-W", option, path)


@BUILT
def test_relocations_are_immediate_and_read_only(path: Path) -> None:
    dynamic = readelf("-d", path)
    assert re.search(r"\(FLAGS\).*BIND_NOW", dynamic)
    assert re.search(r"\(FLAGS_1\).*NOW.*NODELETE", dynamic)
    assert "TEXTREL" not in dynamic
    segments = readelf("-l", path)
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.* RW ", segments)
    assert not re.search(r"LOAD.* (RWE|WE) ", segments)


@BUILT
def test_stack_protector_and_fortified_functions_are_used(path: Path) -> None:
    names = readelf("--dyn-syms", path)
    assert "__stack_chk_fail" in names
    assert re.search(r"\b__\w+_chk@", names)


@BUILT
def test_landing_pads_and_shadow_stacks_are_claimed(path: Path) -> None:
    if "X86-64" not in readelf("-h", path):
        pytest.skip("IBT and SHSTK are properties of x86-64")
    assert "x86 feature: IBT, SHSTK" in readelf("-n", path)
    # What made the linker drop them, were they not asked for, is not run: see meson.build.
    assert not re.search(r"\((INIT|FINI)\)", readelf("-d", path))


@BUILT
def test_functions_have_landing_pads(path: Path) -> None:
    """The claim is true: of what the dynamic linker knows, and of what pointers in data lead to."""
    if not landing_pads.are_claimed(readelf("-n", path)):
        pytest.skip("something that the compiler adds to all libraries has none")
    listing = core.check(core.need("objdump"), "-d", "--no-show-raw-insn", path)
    first = {
        int(address, 16): instruction
        for address, instruction in re.findall(r"^ *([0-9a-f]+):\s+(\w+)", listing, re.M)
    }
    exported = re.findall(r"^ +\d+: ([0-9a-f]+) +\d+ FUNC +GLOBAL DEFAULT +\d+ (\w+)",
                          readelf("--dyn-syms", path), re.M)  # fmt: skip
    targets = {int(address, 16): name for address, name in exported}
    targets |= {target: name for name, target in pointers_to_code(path, writable=False)}
    assert targets
    assert {name for at, name in targets.items() if first[at] not in landing_pads.ALL} == set()


def sections(path: Path) -> list[tuple[int, int, str, str]]:
    """Start, end, name and flags of the sections that are loaded."""
    row = r"\] (\.\S+) +\S+ +([0-9a-f]{16}) [0-9a-f]+ ([0-9a-f]+) [0-9a-f]{2} +(\w+)"
    found = re.findall(row, readelf("-S", path))
    return [
        (int(at, 16), int(at, 16) + int(size, 16), name, flags)
        for name, at, size, flags in found
        if "A" in flags
    ]


def relro(path: Path) -> range:
    row = re.search(r"GNU_RELRO +\S+ (0x\w+) \S+ \S+ (0x\w+)", readelf("-l", path))
    assert row
    start, size = (int(word, 16) for word in row.groups())
    return range(start, start + size)


def pointers_to_code(path: Path, *, writable: bool) -> list[tuple[str, int]]:
    """Names of objects with a pointer to code that the dynamic linker stores, and to where.

    Those that stay writable, or all.
    """
    loaded = sections(path)
    code = [range(start, end) for start, end, _, flags in loaded if "X" in flags]
    sealed = relro(path)
    symbols = sorted(
        (int(words[0], 16), words[2])
        for words in map(str.split, core.check(core.need("nm"), path).splitlines())
        if len(words) == 3
    )
    found = []
    for line in readelf("-r", path).splitlines():
        match = re.match(r"([0-9a-f]{16}) .* R_\w+_RELATIVE? +([0-9a-f]+)$", line)
        if not match:
            continue
        at, target = (int(word, 16) for word in match.groups())
        if not any(target in part for part in code) or (writable and at in sealed):
            continue
        _, name = symbols[bisect.bisect(symbols, (at, "\x7f")) - 1]
        found.append((name, target))
    return found


@pytest.mark.parametrize("name", ["extension", "preload", "libtrampfd.so.0", "libtrampfd-ffi.so.0"])
def test_constant_code_pointers_are_read_only(name: str) -> None:
    built = {"extension": EXTENSION, "preload": PRELOAD}
    path = built[name] if name in built else library.path(name)
    # Else there is nothing to find, and finding nothing says nothing.
    assert pointers_to_code(path, writable=False)
    assert {name for name, _ in pointers_to_code(path, writable=True)} <= WRITABLE


# What is found at run time and does not change after that, in memory that has its rights then: in
# how many pages of each object.
SEALED = {
    EXTENSION: {
        "found": 1,  # entries of libffi
        # Functions of cffi, what makes a ctypes function, and functions of the preload library.
        "native": 3,
        "interpreter_main": 1,  # objects of ctypes
    },
    PRELOAD: {"next": 1},  # functions of libffi
}

PAGE = 4096

USE_ALL = """
import ctypes, sys
import cffi, trampfd
trampfd.install(libraries=True)
assert cffi.FFI().callback("int(int)", lambda x: x + 1)(41) == 42
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(41) == 42
sys.stdout.write(open("/proc/self/maps").read())
"""


def rights(path: Path, maps: str) -> dict[str, list[str]]:
    """Of each page of each object of a file."""
    lines = [line.split() for line in maps.splitlines()]
    mapped = [(*(int(word, 16) for word in line[0].split("-")), line[1]) for line in lines]
    base = next(start for (start, *_), line in zip(mapped, lines) if line[-1] == str(path))
    found = {}
    for address, size, name in re.findall(
        r"^([0-9a-f]+) ([0-9a-f]+) [bBdD] (\w+)$",
        core.check(core.need("nm"), "-S", path),
        re.MULTILINE,
    ):
        first = base + int(address, 16)
        pages = range(first, first + int(size, 16), PAGE)
        found[name] = [mode for at in pages for start, end, mode in mapped if start <= at < end]
    return found


def test_variables_set_once_are_read_only_afterwards() -> None:
    pytest.importorskip("cffi")
    environment = {**os.environ, "LD_PRELOAD": str(PRELOAD)}
    maps = core.check(sys.executable, "-c", USE_ALL, environment=environment)
    for path, sealed in SEALED.items():
        found = rights(path, maps)
        assert set(found["tfd_records"]) <= {"rw-p", "rw-s", "r--s"}
        assert {name: found[name].count("r--p") for name in sealed} == sealed
