# SPDX-License-Identifier: MIT
"""Which file the dynamic loader takes for a needed library, found out without loading it.

Follows ld.so(8): an object already in this process, RPATH, LD_LIBRARY_PATH, RUNPATH, the cache,
the default folders. The RPATH of the objects further up the chain is not looked at.
"""

from __future__ import annotations

import os
import struct
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from .elf import Elf, ElfError, read_elf, string
from .maps import read_maps

_CACHE = Path("/etc/ld.so.cache")
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER = struct.Struct("=20sII20x")
_CACHE_ENTRY = struct.Struct("=iIIIQ")

_DEFAULT_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")


def executable() -> Elf:
    """The program that this process runs; raises OSError, or ElfError if it is not sound."""
    return read_elf(Path("/proc/self/exe").resolve())


def with_needed(first: Elf) -> list[Elf]:
    """``first`` and all that it needs, in the loader's order; what cannot be found is left out."""
    found = [first]
    names = {first.soname}
    for elf in found:
        for name in elf.needed:
            library = None if name in names else find(name, elf)
            names.add(name)
            if library is not None:
                found.append(library)
    return found


def find(name: str, needed_by: Elf) -> Elf | None:
    """The file that the loader takes for ``name``, or None."""
    for path in _candidates(name, needed_by):
        try:
            elf = read_elf(path)
        except (OSError, ElfError):
            continue
        if elf.fits(needed_by):
            return elf
    return None


def _candidates(name: str, needed_by: Elf) -> Iterator[str]:
    origin = str(needed_by.path.resolve().parent)
    if "/" in name:
        yield _expand(name, origin)
        return
    yield from _loaded(name)
    if needed_by.runpath is None:
        yield from _in_folders(name, needed_by.rpath, origin)
    yield from _in_folders(name, os.environ.get("LD_LIBRARY_PATH"), origin)
    yield from _in_folders(name, needed_by.runpath, origin)
    yield from _cached(name)
    multiarch = sysconfig.get_config_var("MULTIARCH")
    if multiarch:
        yield from (f"{folder}/{multiarch}/{name}" for folder in ("/lib", "/usr/lib"))
    yield from (f"{folder}/{name}" for folder in _DEFAULT_FOLDERS)


def _loaded(name: str) -> Iterator[str]:
    """Files mapped as code into this process that call themselves ``name``."""
    try:
        maps = read_maps(os.getpid())
    except OSError:
        return
    stem = name.split(".so")[0]
    for path in dict.fromkeys(mapping.path for mapping in maps if mapping.executable):
        if Path(path).name.split(".so")[0] == stem and _soname(path) == name:
            yield path


def _soname(path: str) -> str | None:
    try:
        return read_elf(path).soname
    except (OSError, ElfError):
        return None


def _in_folders(name: str, folders: str | None, origin: str) -> Iterator[str]:
    for folder in (folders or "").split(":"):
        if folder:
            yield f"{_expand(folder, origin)}/{name}"


def _expand(path: str, origin: str) -> str:
    return path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)


def _cached(name: str) -> Iterator[str]:
    try:
        cache = _CACHE.read_bytes()
    except OSError:
        return
    yield from _cache_paths(cache, name)


def _cache_paths(cache: bytes, name: str) -> Iterator[str]:
    """The paths of ``name`` in ldconfig's cache; older files hold another table before this one."""
    start = cache.find(_CACHE_MAGIC)
    if start < 0:
        return
    cache = cache[start:]
    wanted = os.fsencode(name)
    try:
        _, count, _ = _CACHE_HEADER.unpack_from(cache)
        for index in range(count):
            offset = _CACHE_HEADER.size + index * _CACHE_ENTRY.size
            _, key, value, _, _ = _CACHE_ENTRY.unpack_from(cache, offset)
            if string(cache, key) == wanted:
                yield os.fsdecode(string(cache, value))
    except struct.error:
        return
