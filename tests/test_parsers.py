# SPDX-License-Identifier: MIT
"""What the commands read of other programs: anything may be in it, and what is there is found.

TRAMPFD_EXAMPLES says how many are drawn for each; the same ones are, unless it is set.
"""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import scale

from trampfd._cli import _hook, enable
from trampfd._cli.audit import rules
from trampfd._cli.audit.target import WRITTEN, Target
from trampfd._system import ldso, maps
from trampfd._system.maps import Mapping

pytestmark = pytest.mark.any_provider

EXAMPLES = os.environ.get("TRAMPFD_EXAMPLES")
drawn = settings(
    max_examples=int(EXAMPLES or scale.down("examples of each parser", 200, 20)),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

PAGE = 4096
PAGES = st.integers(1, 50)
PERMISSIONS = st.tuples(*(st.sampled_from(pair) for pair in ("r-", "w-", "x-", "sp"))).map("".join)

# As the kernel names them: no NUL, and no newline but as \012, which is read as one.
NAMES = st.one_of(
    st.just(b""),
    st.sampled_from([b"[heap]", b"[stack]", b"[vdso]", b"[anon:a b]", b"/dev/zero (deleted)"]),
    st.binary(max_size=30).map(lambda tail: b"/" + tail.replace(b"\0", b"").replace(b"\\", b"")),
    st.binary(max_size=9).map(lambda tail: b"/memfd:" + tail.replace(b"\0", b"") + b" (deleted)"),
)


@st.composite
def mappings(draw: st.DrawFn) -> list[Mapping]:
    """In the order of their addresses; few objects, so that they share them."""
    found = []
    at = 0x400000
    for _ in range(draw(st.integers(0, 8))):
        start = at + PAGE * draw(st.integers(0, 3))
        at = start + PAGE * draw(PAGES)
        name = draw(NAMES)
        is_file = name.startswith(b"/")
        found.append(
            Mapping(
                start=start,
                end=at,
                perms=draw(PERMISSIONS),
                offset=PAGE * draw(PAGES) if is_file else 0,
                device="08:01" if is_file else "00:00",
                inode=draw(st.integers(1, 3)) if is_file else 0,
                path=os.fsdecode(name.replace(b"\\012", b"\n")),
            )
        )
    return found


def line(mapping: Mapping) -> bytes:
    """As the kernel writes it (show_map_vma() in fs/proc/task_mmu.c)."""
    text = (
        f"{mapping.start:08x}-{mapping.end:08x} {mapping.perms} {mapping.offset:08x} "
        f"{mapping.device} {mapping.inode} "
    ).encode()
    path = os.fsencode(mapping.path).replace(b"\n", b"\\012")
    return text.ljust(73) + path + b"\n" if path else text + b"\n"


@drawn
@given(mappings())
def test_maps_say_what_was_written(wanted: list[Mapping]) -> None:
    assert maps.parse_maps(b"".join(map(line, wanted))) == wanted


@drawn
@given(mappings(), st.lists(st.integers(0, 100), min_size=8, max_size=8))
def test_smaps_say_what_was_written(wanted: list[Mapping], sizes: list[int]) -> None:
    text = b"".join(
        line(mapping)
        + f"Size: {mapping.size // 1024:8} kB\nRss: {size:8} kB\nAnonymous: {size:8} kB\n".encode()
        + b"Swap:          0 kB\nTHPeligible:    0\nVmFlags: rd ex mr\n"
        for mapping, size in zip(wanted, sizes)
    )
    found = maps.parse_smaps(text)
    assert [mapping.written for mapping in found] == [1024 * n for n in sizes[: len(wanted)]]
    assert [(m.start, m.end, m.path) for m in found] == [(m.start, m.end, m.path) for m in wanted]


@drawn
@given(mappings())
def test_all_that_is_writable_and_executable_is_found(all: list[Mapping]) -> None:
    """Page by page."""
    shown = {
        (mapping.device, mapping.inode, mapping.offset + at, is_shared, "w" in mapping.perms)
        for mapping in all
        if mapping.inode
        for is_shared in ["s" in mapping.perms]
        for at in range(0, mapping.size, PAGE)
    }
    executable = {
        (mapping.device, mapping.inode, mapping.offset + at)
        for mapping in all
        if mapping.inode and "x" in mapping.perms
        for at in range(0, mapping.size, PAGE)
    }
    both = {page[:3] for page in shown if page[3] and page[4]} & executable
    found = maps.aliases(all)
    same = [m for m in all if m.inode and m.shared and m.writable and m.executable]
    assert bool(found or same) == bool(both)
    assert all == [] or maps.writable_executable(all) == [
        mapping for mapping in all if {"w", "x"} <= set(mapping.perms)
    ]


@drawn
@given(mappings(), st.binary(max_size=400), st.integers(0, 300))
def test_a_guess_is_made_of_any_memory(all: list[Mapping], noise: bytes, at: int) -> None:
    codes = [
        b"\xf3\x0f\x1e\xfa\x4c\x8d\x15\xf5\xff\xff\xff\xff\x25\x07\0\0\0",
        b"\x49\xbb" + struct.pack("=Q", 0x400000) + b"\x49\xba" + bytes(8) + b"\x49\xff\xe3",
        b"\x55\x48\x89\xe5\xff\xd1\x5d\xc3" * 2,
        b"Fatal error uop executed.\0",
    ]
    contents = noise[:at] + codes[at % len(codes)] + noise[at:]

    class Read(Target):
        def read(self, mapping: Mapping, size: int = 0) -> bytes:
            return contents

    target = Read(os.getpid(), (), all)
    for mapping in all:
        assert rules.guess(target, WRITTEN, mapping).maker


@st.composite
def caches(draw: st.DrawFn) -> tuple[bytes, dict[bytes, list[bytes]]]:
    """Of ldconfig, and which paths each name has there."""
    names = st.sampled_from([b"libffi.so.8", b"libffi.so.7", b"libc.so.6"])
    entries = draw(st.lists(st.tuples(names, st.binary(min_size=1, max_size=9)), max_size=6))
    entries = [(name, b"/" + path.replace(b"\0", b"")) for name, path in entries]
    table, strings = b"", b""
    start = 48 + 24 * len(entries)
    wanted: dict[bytes, list[bytes]] = {}
    for name, path in entries:
        at = start + len(strings)
        table += struct.pack("=iIIIQ", 1, at, at + len(name) + 1, 0, 0)
        strings += name + b"\0" + path + b"\0"
        wanted.setdefault(name, []).append(path)
    header = struct.pack("=20sII20x", b"glibc-ld.so.cache1.1", len(entries), len(strings))
    return header + table + strings, wanted


@drawn
@given(caches(), st.binary(max_size=50).filter(lambda text: b"glibc" not in text))
def test_the_cache_of_the_loader_says_what_was_written(
    cache: tuple[bytes, dict[bytes, list[bytes]]], before: bytes
) -> None:
    text, wanted = cache
    for name, paths in wanted.items():
        found = list(ldso._cache_paths(before + text, name.decode()))
        assert [os.fsencode(path) for path in found] == paths


@drawn
@given(caches(), st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_cache_of_the_loader_is_read(
    cache: tuple[bytes, dict[bytes, list[bytes]]], at: int, damage: bytes
) -> None:
    text = cache[0][:at] + damage + cache[0][at + len(damage) :]
    for end in (len(text), at):
        for path in ldso._cache_paths(text[:end], "libffi.so.8"):
            assert isinstance(path, str)


CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 200).map(lambda n: "".join(enable.texts().values()).encode()[:n]),
    st.sampled_from([text.encode() for text in enable.texts().values()]),
    st.binary(max_size=9).map(lambda tail: enable._MARK.encode() + tail),
)


@drawn
@given(st.lists(st.one_of(st.none(), CONTENTS), min_size=len(enable._NAMES)))
def test_files_that_enable_did_not_make_are_never_taken_for_its_own(
    contents: list[bytes | None],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for relative, content in zip(enable._NAMES, contents):
            if content is not None:
                (folder / relative).parent.mkdir(exist_ok=True)
                (folder / relative).write_bytes(content)
        assert all(list(enable._flaws(folder))) and isinstance(enable._is_on_request(folder), bool)
        for relative, content in zip(enable._NAMES, contents):
            path, mark = folder / relative, enable._MARK.encode()
            is_ours = content is not None and (content.startswith(mark) or mark.startswith(content))
            try:
                assert (enable._read(path) is not None) == is_ours
            except enable._Failure as failure:
                assert content is not None and not is_ours and str(path) in str(failure)


@drawn
@given(st.one_of(st.none(), st.sampled_from(["", "0", "1", "00", "no"]), st.text("01 x")))
def test_disable_means_the_same_as_in_c(value: str | None) -> None:
    """See c/fuzz/settings.c."""
    with pytest.MonkeyPatch.context() as patch:
        if value is None:
            patch.delenv("TRAMPFD_DISABLE", raising=False)
        else:
            patch.setenv("TRAMPFD_DISABLE", value)
        assert _hook.is_disabled() == (value not in (None, "", "0"))
