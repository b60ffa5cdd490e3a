# SPDX-License-Identifier: MIT
"""Redirection of loaded objects, see tfd_redirect() in trampfd.h."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from support import core

OBJECT = core.PROGRAMS / "redirect/object.c"
WATCHED = ("-Wl,--wrap=mprotect",)

# Ways to compile and link an object that imports functions.
OBJECTS = {
    "lazy": ("-fplt", "-Wl,-z,lazy,-z,relro"),
    "at once": ("-fplt", "-Wl,-z,now,-z,relro"),
    "no PLT": ("-fno-plt", "-Wl,-z,now,-z,relro"),
    "no PLT, lazy": ("-fno-plt", "-Wl,-z,lazy,-z,relro"),
    "all writable": ("-fplt", "-Wl,-z,lazy,-z,norelro"),
    "old hash": ("-fplt", "-Wl,-z,now,-z,relro,--hash-style=sysv"),
    "optimized": ("-O2", "-Wl,-z,now,-z,relro"),
    "packed": ("-Wl,-z,now,-z,relro,-z,pack-relative-relocs",),
}


def compile_shared(name: str, *words: object) -> Path:
    command = ["cc", "-fPIC", "-shared", "-Wall", "-Werror", "-o", name]
    return core.compiled(*command, *words) / name


@functools.cache
def target(version: bool = True) -> Path:
    """The library with the function."""
    script = [f"-Wl,--version-script={core.PROGRAMS / 'redirect/target.map'}"] if version else []
    source = core.PROGRAMS / "redirect/target.c"
    return compile_shared("libtarget.so", source, "-Wl,-soname,libtarget.so", *script)


def flags_for(library: Path) -> list[str]:
    return [f"-L{library.parent}", f"-Wl,-rpath,{library.parent}", "-ltarget"]


@functools.cache
def object_of(way: str, version: bool = True) -> Path:
    words = ["-DOBJECT=object", OBJECT, *OBJECTS[way], *flags_for(target(version))]
    return compile_shared("object.so", *words)


def program(name: str) -> Path:
    return core.executable(name, link=WATCHED)


@pytest.mark.parametrize("called", ["", "called"])
@pytest.mark.parametrize("version", [True, False], ids=["version", "no version"])
@pytest.mark.parametrize("way", OBJECTS)
def test_every_kind_of_reference_is_redirected(way: str, version: bool, called: str) -> None:
    core.check(program("redirect/ways"), object_of(way, version), *filter(None, [called]))


@pytest.mark.parametrize("way", ["lazy", "at once"])
def test_unloaded_and_loaded(way: str) -> None:
    core.check(program("redirect/unload"), object_of(way), core.copy_of(object_of("no PLT")))


def test_filter_chooses_objects() -> None:
    core.check(program("redirect/choice"), object_of("lazy"), object_of("at once"))


def test_refusal_changes_nothing() -> None:
    core.check(program("redirect/refused"), object_of("at once"))


def test_threads() -> None:
    core.check(program("redirect/threads"), object_of("at once"), core.copy_of(object_of("lazy")))


PROGRAMS = {
    "position independent, lazy": ("-fPIE", "-pie", "-Wl,-z,lazy"),
    "position independent, at once": ("-fPIE", "-pie", "-Wl,-z,now,-z,relro"),
    "fixed, at once": ("-fno-pie", "-no-pie", "-Wl,-z,now,-z,relro"),
}


@functools.cache
def own_object(*flags: str) -> str:
    command = ["cc", "-DOBJECT=program", *flags, "-c", OBJECT]
    return str(core.compiled(*command) / "object.o")


@pytest.mark.parametrize("way", PROGRAMS)
def test_program(way: str) -> None:
    more = (own_object(*PROGRAMS[way]),)
    link = (*WATCHED, *flags_for(target()))
    core.check(core.executable("redirect/program", *PROGRAMS[way], more=more, link=link))


@pytest.mark.parametrize("way", ["-static", "-static-pie"])
def test_static_program(way: str) -> None:
    flags = ("-fPIE", way)
    more = (own_object("-fPIE"), str(core.PROGRAMS / "redirect/target.c"))
    core.check(core.executable("redirect/program", *flags, more=more, link=WATCHED), "static")


def test_every_program_is_run() -> None:
    """By its name in this file."""
    names = core.programs("redirect")
    text = Path(__file__).read_text()
    assert names == {name for name in names if f'"{name}' in text}
