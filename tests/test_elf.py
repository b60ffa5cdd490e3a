# SPDX-License-Identifier: MIT
"""The ELF reader says what readelf says, and never trips over a damaged file."""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from trampfd._system import ldso
from trampfd._system.elf import ElfError, read_elf
from trampfd._system.maps import read_maps

pytestmark = pytest.mark.any_provider

# Loaded so that more libraries than Python's own are compared.
for name in ("_ctypes", "_ssl"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def objects_of_this_process() -> list[Path]:
    maps = read_maps(os.getpid())
    paths = {Path(mapping.path) for mapping in maps if mapping.executable}
    return sorted(path for path in paths if path.is_file())


def readelf(option: str, path: Path) -> str:
    if shutil.which("readelf") is None:
        pytest.skip("readelf (binutils) is not installed")
    command = ["readelf", "--wide", option, str(path)]
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def dynamic(text: str, tag: str) -> list[str]:
    return re.findall(rf"\({tag}\).*\[(.*)\]", text)


def symbols(path: Path, option: str) -> set[tuple[str, bool]]:
    """Name of each symbol, and whether it is defined."""
    found = set()
    for line in readelf(option, path).splitlines():
        columns = line.split()
        if re.match(r"\s*\d+: ", line) and len(columns) > 7 and columns[3] != "SECTION":
            found.add((columns[7].split("@")[0], columns[6] != "UND"))
    return found


@pytest.mark.parametrize("path", objects_of_this_process(), ids=lambda path: path.name)
def test_agrees_with_readelf(path: Path) -> None:
    elf = read_elf(path)
    header, entries = readelf("--file-header", path), readelf("--dynamic", path)
    assert f"ELF{elf.bits}" in header
    assert f"{elf.byteorder} endian" in header
    assert list(elf.needed) == dynamic(entries, "NEEDED")
    assert [elf.soname] == (dynamic(entries, "SONAME") or [None])
    assert [elf.rpath] == (dynamic(entries, "RPATH") or [None])
    assert [elf.runpath] == (dynamic(entries, "RUNPATH") or [None])

    stack = re.findall(r"GNU_STACK(?:\s+0x\w+){5}\s+([RWE ]+?)\s+\d", readelf("--segments", path))
    flags = [sum({"R": 4, "W": 2, "E": 1}.get(letter, 0) for letter in text) for text in stack]
    assert [elf.stack_flags] == (flags or [None])
    assert elf.executable_stack == (bool(flags[0] & 1) if flags else None)

    dynamic_symbols = symbols(path, "--dyn-syms")
    assert elf.defined == {name for name, defined in dynamic_symbols if defined}
    assert elf.undefined == {name for name, defined in dynamic_symbols if not defined}


@pytest.fixture
def shared_object(tmp_path: Path) -> Path:
    """A library with a local function that only its full symbol table names."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    path = tmp_path / "object.so"
    source = tmp_path / "object.c"
    source.write_text("static __attribute__((used)) void hidden(void) {} void shown(void) {}")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source], check=True)
    return path


def test_local_names_are_those_of_the_full_symbol_table(shared_object: Path) -> None:
    elf = read_elf(shared_object)
    full = {name for name, defined in symbols(shared_object, "--syms") if defined}
    assert elf.local == full - elf.defined
    assert "hidden" in elf.local
    assert "shown" in elf.defined

    subprocess.run(["strip", shared_object], check=True)
    stripped = read_elf(shared_object)
    assert stripped.local == frozenset()
    assert stripped.defined == elf.defined


def handmade(bits: int, order: str) -> bytes:
    """A file of any class and byte order that needs libone.so and libtwo.so."""
    strings = b"\0libone.so\0libtwo.so\0libself.so.1\0/folder\0"
    word = {32: "I", 64: "Q"}[bits]
    header_size, segment_size = {32: (52, 32), 64: (64, 56)}[bits]
    strings_at = header_size + 3 * segment_size
    dynamic_at = strings_at + len(strings)
    base = 0x10000

    def name(text: bytes) -> int:
        return strings.index(text + b"\0")

    table = [
        (1, name(b"libone.so")),
        (5, base + strings_at),
        (10, len(strings)),
        (1, name(b"libtwo.so")),
        (14, name(b"libself.so.1")),
        (29, name(b"/folder")),
        (0, 0),
        (1, name(b"libself.so.1")),
    ]
    entries = b"".join(struct.pack(f"{order}2{word}", *entry) for entry in table)

    def segment(kind: int, flags: int, offset: int, address: int, size: int) -> bytes:
        places = (offset, address, address, size, size)
        if bits == 32:
            return struct.pack(f"{order}I5I2I", kind, *places, flags, 4)
        return struct.pack(f"{order}2I6Q", kind, flags, *places, 8)

    ident = b"\x7fELF" + bytes([bits // 32, {"<": 1, ">": 2}[order], 1]) + bytes(9)
    numbers = (header_size, segment_size, 3, 0, 0, 0)
    places = struct.pack(f"{order}3{word}", 0, header_size, 0)
    header = ident + struct.pack(f"{order}2HI", 3, 22, 1) + places
    header += struct.pack(f"{order}I6H", 0, *numbers)
    whole = dynamic_at + len(entries)
    return (
        header
        + segment(1, 4, 0, base, whole)
        + segment(2, 4, dynamic_at, base + dynamic_at, len(entries))
        + segment(0x6474E551, 7, 0, 0, 0)
        + strings
        + entries
    )


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_reads_both_classes_and_byte_orders(bits: int, order: str, tmp_path: Path) -> None:
    path = tmp_path / "handmade"
    path.write_bytes(handmade(bits, order))
    elf = read_elf(path)
    assert (elf.bits, elf.byteorder) == (bits, {"<": "little", ">": "big"}[order])
    assert elf.machine == 22
    assert elf.needed == ("libone.so", "libtwo.so")
    assert elf.soname == "libself.so.1"
    assert (elf.rpath, elf.runpath) == (None, "/folder")
    assert elf.executable_stack is True
    assert elf.defined == elf.undefined == elf.local == frozenset()
    assert dynamic(readelf("--dynamic", path), "NEEDED") == list(elf.needed)


def test_only_files_for_the_same_machine_fit() -> None:
    python = ldso.executable()
    assert python.fits(python)
    assert not python.fits(replace(python, bits=96 - python.bits))
    assert not python.fits(replace(python, machine=python.machine + 1))
    other = {"little": "big", "big": "little"}[python.byteorder]
    assert not python.fits(replace(python, byteorder=other))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"#!/bin/sh\nexit 0\n", "not an ELF file"),
        (b"\x7fELF\x09\x01" + bytes(60), "unknown ELF class 9"),
        (b"\x7fELF\x02\x07" + bytes(60), "byte order 7"),
        (handmade(64, "<")[:40], "damaged"),
    ],
    ids=["empty", "script", "class", "order", "cut"],
)
def test_error_names_a_file_that_is_not_elf(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(content)
    with pytest.raises(ElfError, match=message) as caught:
        read_elf(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_elf(tmp_path / "missing")


def test_corrupted_files_raise_elferror_or_nothing(tmp_path: Path) -> None:
    smallest = min(objects_of_this_process(), key=lambda path: path.stat().st_size)
    whole = smallest.read_bytes()
    path = tmp_path / "damaged"
    chance = random.Random(1)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        # Most of what the reader follows lies in the headers at both ends of the file.
        for _ in range(chance.randrange(1, 20)):
            place = chance.choice([chance.randrange(1024), -chance.randrange(1, 4096)])
            content[place] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(whole), chance.randrange(len(whole))])])
        try:
            read_elf(path)
        except ElfError:
            refused += 1
    assert refused > 0
