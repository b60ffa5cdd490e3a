# SPDX-License-Identifier: MIT
"""Which libffi a module calls: a shared library, or a copy linked into the module or into Python.

Found out from the files alone: nothing is imported or loaded, so the answer holds for a program
that has yet to start as well as for this one.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass

from . import ldso
from .elf import Elf, ElfError, read_elf
from .fact import Fact, absent, unknown

SHARED = "shared"
STATIC = "static"

# Every user of libffi calls at least one of these.
_ENTRY_POINTS = ("ffi_prep_cif", "ffi_call", "ffi_closure_alloc")

# A text in every libffi since 3.3, for files stripped of all its names.
_LIBFFI_TEXT = b"LIBFFI_TMPDIR\0"

# How a libffi with static trampolines reads the line of /proc/self/maps that names its own file.
_STATIC_TRAMPOLINE_TEXT = b"%lx-%lx %9s %lx %9s "

_RELEASES_BY_SONAME = {"5": "3.0", "6": "3.0.11 to 3.2.1", "7": "3.3", "8": "3.4"}


@dataclass(frozen=True)
class FfiOrigin:
    """Where one consumer's libffi comes from.

    ``linkage`` is ``SHARED`` or ``STATIC``; ``library`` is the file that holds libffi's code,
    for ``STATIC`` the module itself, the Python executable or libpython.
    """

    module: Fact[str]
    linkage: Fact[str]
    library: Fact[str]
    soname: Fact[str]
    version: Fact[str]
    static_trampolines: Fact[bool]


def of_module(name: str) -> FfiOrigin:
    """The libffi of an extension module that this Python finds under ``name``, such as _ctypes."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        return _nothing(unknown(f"Python cannot look it up: {error}"))
    if spec is None:
        return _nothing(absent(f"this Python finds no module {name}"))
    if spec.origin == "built-in":
        return _of_builtin(name)
    if not spec.origin:
        return _nothing(unknown("the import system does not provide its file"))
    return of_file(spec.origin)


def of_file(path: str | os.PathLike[str]) -> FfiOrigin:
    """The libffi of the extension module or shared library at ``path``, as this Python loads it."""
    module = Fact(os.fspath(path))
    try:
        elf = read_elf(path)
    except (OSError, ElfError) as error:
        return _without_libffi(module, f"cannot read the module: {error}")
    try:
        python = ldso.with_needed(ldso.executable())
    except (OSError, ElfError):
        # Its names are then looked up in the module and its own libraries alone.
        python = []
    return _of_elf(module, elf, [*python, *ldso.with_needed(elf)])


def _nothing(module: Fact[str]) -> FfiOrigin:
    return _without_libffi(module, "the module is not known")


def _without_libffi(module: Fact[str], why: str) -> FfiOrigin:
    return FfiOrigin(
        module,
        linkage=unknown(why),
        library=unknown(why),
        soname=unknown(why),
        version=unknown(why),
        static_trampolines=unknown(why),
    )


def _of_builtin(name: str) -> FfiOrigin:
    module = Fact(sys.executable, "built into Python")
    try:
        python = ldso.with_needed(ldso.executable())
    except (OSError, ElfError) as error:
        return _without_libffi(module, f"cannot read the Python executable: {error}")
    initializer = f"PyInit_{name}"
    for elf in python:
        if initializer in elf.defined | elf.local:
            return _of_elf(Fact(str(elf.path), "built in"), elf, python)
    return _of_elf(module, python[0], python)


def _of_elf(module: Fact[str], user: Elf, scope: list[Elf]) -> FfiOrigin:
    """Look for the libffi of ``user``, whose names the loader looks up in ``scope``, in order."""
    holder = _holder(user, scope)
    if holder is None:
        return _without_libffi(module, f"found no libffi in {user.path} or what it needs")
    shared = _is_libffi(holder)
    return FfiOrigin(
        module,
        linkage=Fact(SHARED if shared else STATIC),
        library=Fact(str(holder.path.resolve())),
        soname=_soname(holder, shared),
        version=_version(holder, shared),
        static_trampolines=_static_trampolines(holder, shared),
    )


def _holder(user: Elf, scope: list[Elf]) -> Elf | None:
    for name in _ENTRY_POINTS:
        if name in user.defined or name in user.undefined:
            return next((elf for elf in scope if name in elf.defined), None)
    return user if holds_libffi(user) else None


def holds_libffi(elf: Elf) -> bool:
    """Whether libffi's code is in a file: the shared library, or a copy linked in statically."""
    return not (elf.defined | elf.local).isdisjoint(_ENTRY_POINTS) or _LIBFFI_TEXT in elf.rodata


def _is_libffi(elf: Elf) -> bool:
    return (elf.soname or elf.path.name).startswith("libffi")


def _soname(holder: Elf, shared: bool) -> Fact[str]:
    if not shared:
        return absent("libffi is linked in statically")
    return Fact(holder.soname) if holder.soname else absent(f"{holder.path} has none")


def _version(holder: Elf, shared: bool) -> Fact[str]:
    if "ffi_get_version" in holder.defined | holder.local:
        texts = set(re.findall(rb"(?<![^\0])3\.\d+\.\d+(?:-rc\d+)?(?=\0)", holder.rodata))
        if len(texts) == 1:
            return Fact(texts.pop().decode(), "the text for its ffi_get_version")
        return Fact("3.5 or later", "it has ffi_get_version")
    if not shared:
        return unknown("a static copy without the name ffi_get_version has no readable version")
    file = holder.path.resolve().name
    number = re.search(r"\.so\.(\d+)", file)
    release = _RELEASES_BY_SONAME.get(number.group(1)) if number else None
    if release is None:
        return unknown(f"the name {file} contains no version")
    return Fact(release, f"a guess from the name {file}; it has no ffi_get_version, new in 3.5")


def _static_trampolines(holder: Elf, shared: bool) -> Fact[bool]:
    if "ffi_tramp_arch" in holder.defined | holder.local:
        return Fact(True, "it has ffi_tramp_arch")
    if _STATIC_TRAMPOLINE_TEXT in holder.rodata:
        return Fact(True, "judged by a text in it")
    if shared or _LIBFFI_TEXT in holder.rodata:
        return Fact(False, "judged by the texts in it")
    return unknown(f"{holder.path} contains no text that identifies it")
