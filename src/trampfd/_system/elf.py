# SPDX-License-Identifier: MIT
"""A small reader of ELF files: what an object needs, what it offers, what it is called.

Reads 32-bit and 64-bit files of either byte order. What the dynamic loader goes by is taken from
the program headers; the symbol tables are found by the section headers, which ``strip`` leaves.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_PT_LOAD = 1
_PT_DYNAMIC = 2
_PT_GNU_STACK = 0x6474E551
_PF_X = 1

_SHT_SYMTAB = 2
_SHT_NOBITS = 8
_SHT_DYNSYM = 11
_SHN_UNDEF = 0

_DT_NULL = 0
_DT_NEEDED = 1
_DT_STRTAB = 5
_DT_STRSZ = 10
_DT_SONAME = 14
_DT_RPATH = 15
_DT_TEXTREL = 22
_DT_RUNPATH = 29
_DT_FLAGS = 30
_DF_TEXTREL = 4


class ElfError(Exception):
    """The file is not an ELF file, or is damaged; the message names the file."""


@dataclass(frozen=True)
class Elf:
    """The properties of one ELF file.

    ``defined`` and ``undefined`` are the names in the dynamic symbol table, without versions;
    ``local`` those that only the full symbol table defines, empty in a stripped file.
    ``stack_flags`` are the flags of PT_GNU_STACK, None without one. With ``text_relocations`` the
    loader writes addresses into its code. ``rodata`` is the content of the section of that name.
    """

    path: Path
    bits: int
    byteorder: str
    machine: int
    needed: tuple[str, ...]
    soname: str | None
    rpath: str | None
    runpath: str | None
    stack_flags: int | None
    text_relocations: bool
    defined: frozenset[str]
    undefined: frozenset[str]
    local: frozenset[str]
    rodata: bytes = field(repr=False)

    @property
    def executable_stack(self) -> bool | None:
        """Whether it asks for an executable stack; None leaves that to the kernel's default."""
        return None if self.stack_flags is None else bool(self.stack_flags & _PF_X)

    def fits(self, other: Elf) -> bool:
        """Whether both can be loaded into one process."""
        return (self.bits, self.byteorder, self.machine) == (
            other.bits,
            other.byteorder,
            other.machine,
        )


def read_elf(path: str | os.PathLike[str]) -> Elf:
    """Read the ELF file at ``path``; raises OSError, or ElfError if it is not sound."""
    path = Path(path)
    with path.open("rb") as file:
        return _File(path, file).elf()


@dataclass(frozen=True)
class _Layout:
    """The struct formats of one class of ELF file and where their fields are."""

    header: str
    segment: str
    segment_flags: int
    section: str
    symbol: str
    symbol_index: int
    dynamic: str


_LAYOUTS = {
    1: _Layout("16xHHIIIIIHHHHHH", "IIIIIIII", 6, "IIIIIIIIII", "IIIBBH", 5, "iI"),
    2: _Layout("16xHHIQQQIHHHHHH", "IIQQQQQQ", 1, "IIQQQQIIQQ", "IBBHQQ", 3, "qQ"),
}
_BYTE_ORDERS = {1: ("little", "<"), 2: ("big", ">")}


@dataclass(frozen=True)
class _Segment:
    kind: int
    flags: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True)
class _Section:
    name_offset: int
    kind: int
    offset: int
    size: int
    link: int


class _File:
    """An open ELF file while it is being read."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        ident = self._bytes(0, 16)
        if ident[:4] != b"\x7fELF":
            raise ElfError(f"{path}: not an ELF file")
        if ident[4] not in _LAYOUTS or ident[5] not in _BYTE_ORDERS:
            raise ElfError(f"{path}: unknown ELF class {ident[4]} or byte order {ident[5]}")
        self._bits = 32 * ident[4]
        self._layout = _LAYOUTS[ident[4]]
        self._byteorder, self._order = _BYTE_ORDERS[ident[5]]

    def elf(self) -> Elf:
        # type, machine, version, entry, phoff, shoff, flags,
        # ehsize, phentsize, phnum, shentsize, shnum, shstrndx
        header = self._rows(self._layout.header, 0, 1)[0]
        segments = self._segments(header[4], header[9])
        sections = self._sections(header[5], header[11])
        entries = self._dynamic(segments)
        dynamic = self._dynamic_strings(segments, entries)
        flags = dict(entries)
        symbols = self._symbols(sections, _SHT_DYNSYM)
        defined = frozenset(name for name, index in symbols if index != _SHN_UNDEF)
        full = self._symbols(sections, _SHT_SYMTAB)
        stack = [segment.flags for segment in segments if segment.kind == _PT_GNU_STACK]
        return Elf(
            path=self._path,
            bits=self._bits,
            byteorder=self._byteorder,
            machine=header[1],
            needed=tuple(dynamic.get(_DT_NEEDED, ())),
            soname=_only(dynamic.get(_DT_SONAME)),
            rpath=_only(dynamic.get(_DT_RPATH)),
            runpath=_only(dynamic.get(_DT_RUNPATH)),
            stack_flags=stack[0] if stack else None,
            text_relocations=(_DT_TEXTREL in flags or bool(flags.get(_DT_FLAGS, 0) & _DF_TEXTREL)),
            defined=defined,
            undefined=frozenset(name for name, index in symbols if index == _SHN_UNDEF),
            local=frozenset(name for name, index in full if index != _SHN_UNDEF) - defined,
            rodata=self._named(sections, header[12], b".rodata"),
        )

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset + size > self._size:
            raise ElfError(f"{self._path}: damaged, it ends before byte {offset + size}")
        self._file.seek(offset)
        return self._file.read(size)

    def _rows(self, fields: str, offset: int, count: int) -> list[tuple[int, ...]]:
        row = struct.Struct(self._order + fields)
        return list(row.iter_unpack(self._bytes(offset, row.size * count)))

    def _segments(self, offset: int, count: int) -> list[_Segment]:
        flags = self._layout.segment_flags
        rows = self._rows(self._layout.segment, offset, count)
        # The two classes order the fields alike but for the place of the flags.
        plain = [(row[flags], row[:flags] + row[flags + 1 :]) for row in rows]
        return [_Segment(row[0], flag, row[1], row[2], row[4]) for flag, row in plain]

    def _sections(self, offset: int, count: int) -> list[_Section]:
        rows = self._rows(self._layout.section, offset, count)
        return [_Section(row[0], row[1], row[4], row[5], row[6]) for row in rows]

    def _content(self, sections: list[_Section], index: int) -> bytes:
        if index >= len(sections):
            raise ElfError(f"{self._path}: damaged, it has no section {index}")
        section = sections[index]
        # The file split off with debug information keeps the headers of what it lost.
        if section.kind == _SHT_NOBITS:
            return b""
        return self._bytes(section.offset, section.size)

    def _named(self, sections: list[_Section], names: int, wanted: bytes) -> bytes:
        if not sections:
            return b""
        strings = self._content(sections, names)
        for index, section in enumerate(sections):
            if string(strings, section.name_offset) == wanted:
                return self._content(sections, index)
        return b""

    def _symbols(self, sections: list[_Section], kind: int) -> list[tuple[str, int]]:
        """Name and section index of each symbol that has a name."""
        where = self._layout.symbol_index
        found = []
        for section in sections:
            if section.kind == kind:
                strings = self._content(sections, section.link)
                size = struct.calcsize(self._order + self._layout.symbol)
                for row in self._rows(self._layout.symbol, section.offset, section.size // size):
                    found.append((string(strings, row[0]).decode("utf-8", "replace"), row[where]))
        return [(name, index) for name, index in found if name]

    def _dynamic(self, segments: list[_Segment]) -> list[tuple[int, int]]:
        """The dynamic entries: tag and value."""
        entries: list[tuple[int, int]] = []
        for segment in segments:
            if segment.kind == _PT_DYNAMIC:
                size = struct.calcsize(self._order + self._layout.dynamic)
                rows = self._rows(self._layout.dynamic, segment.offset, segment.size // size)
                entries = [(row[0], row[1]) for row in rows]
        tags = [tag for tag, _ in entries]
        return entries[: tags.index(_DT_NULL)] if _DT_NULL in tags else entries

    def _dynamic_strings(
        self, segments: list[_Segment], entries: list[tuple[int, int]]
    ) -> dict[int, list[str]]:
        """The dynamic entries that are strings, by tag."""
        table = dict(entries)
        if _DT_STRTAB not in table:
            return {}
        strings = self._bytes(
            self._file_offset(segments, table[_DT_STRTAB]), table.get(_DT_STRSZ, 0)
        )
        found: dict[int, list[str]] = {}
        for tag, value in entries:
            if tag in (_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_RUNPATH):
                found.setdefault(tag, []).append(os.fsdecode(string(strings, value)))
        return found

    def _file_offset(self, segments: list[_Segment], address: int) -> int:
        for segment in segments:
            if segment.kind == _PT_LOAD and 0 <= address - segment.address < segment.size:
                return segment.offset + address - segment.address
        raise ElfError(f"{self._path}: damaged, no segment holds address {address:#x}")


def _only(values: list[str] | None) -> str | None:
    return values[0] if values else None


def string(strings: bytes, offset: int) -> bytes:
    end = strings.find(b"\0", offset)
    return strings[offset:end] if end >= 0 else strings[offset:]
