# SPDX-License-Identifier: MIT
"""What ``trampfd doctor`` says of the system. Looking changes nothing and never raises."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from . import _ffi_origin, _hardening
from ._fact import Fact, absent
from ._ffi_origin import FfiOrigin
from ._hardening import Hardening
from ._selinux import SELinux

_CONSUMERS = ("_ctypes", "_cffi_backend")


@dataclass(frozen=True)
class Kernel:
    """The running kernel; ``machine`` as uname reports it to this process."""

    release: str
    machine: str


@dataclass(frozen=True)
class Python:
    """The running interpreter; ``gil`` tells whether its global lock is on."""

    implementation: str
    version: str
    executable: str
    gil: Fact[bool]


@dataclass(frozen=True)
class Cffi:
    """The cffi that ``import cffi`` gives: its version, and the file of its backend."""

    version: Fact[str]
    backend: Fact[str]


@dataclass(frozen=True)
class System:
    """All that is known of the system; ``libffi`` has one entry for each module that calls one."""

    kernel: Kernel
    python: Python
    hardening: Hardening
    cffi: Cffi
    libffi: Mapping[str, FfiOrigin]


def look(extra: Iterable[str | os.PathLike[str]] = ()) -> System:
    """Look at the system, and at the libffi of ctypes, of cffi and of the files in ``extra``.

    No module is imported but trampfd's own, nothing is loaded or mapped. Policies that hold for
    one thread are those of the calling thread.
    """
    return System(
        kernel=kernel(),
        python=python(),
        hardening=_hardening.look(),
        cffi=cffi(),
        libffi={
            **{name: _ffi_origin.of_module(name) for name in _CONSUMERS},
            **{os.fspath(path): _ffi_origin.of_file(path) for path in extra},
        },
    )


def rows(system: System) -> Iterator[tuple[str, str]]:
    """Name and text of each fact, in order, for printing."""
    for name in ("kernel", "python", "hardening", "cffi"):
        yield from _rows(name, getattr(system, name))
    for consumer, origin in system.libffi.items():
        yield from _rows(f"libffi of {consumer}", origin)


def _rows(prefix: str, facts: Any) -> Iterator[tuple[str, str]]:
    for member in fields(facts):
        value = getattr(facts, member.name)
        name = f"{prefix}: {member.name.replace('_', ' ')}"
        if isinstance(value, SELinux):
            yield from _rows(name, value)
        else:
            yield name, str(value)


def kernel() -> Kernel:
    """The running kernel."""
    uname = os.uname()
    return Kernel(uname.release, uname.machine)


def python() -> Python:
    """The running interpreter."""
    return Python(
        platform.python_implementation(), platform.python_version(), sys.executable, _gil()
    )


def _gil() -> Fact[bool]:
    # Python before 3.13 has no build without it, nor this function.
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return Fact(enabled, "free-threaded build" if free_threaded else "")


def cffi() -> Cffi:
    """The installed cffi, without importing it."""
    backend = _ffi_origin.of_module("_cffi_backend").module
    return Cffi(_cffi_version(), backend)


def _cffi_version() -> Fact[str]:
    loaded = getattr(sys.modules.get("_cffi_backend"), "__version__", None)
    if loaded is not None:
        return Fact(str(loaded), "loaded")
    try:
        return Fact(importlib.metadata.version("cffi"), "installed, not loaded")
    except importlib.metadata.PackageNotFoundError:
        return absent("no installed package is called cffi")
