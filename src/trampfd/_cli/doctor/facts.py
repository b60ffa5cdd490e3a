# SPDX-License-Identifier: MIT
"""The facts that ``trampfd doctor`` reports. Finding them changes nothing and never raises."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..._system import ffi_origin, hardening, jit, kernel_module
from ..._system.fact import Fact, absent
from ..._system.ffi_origin import FfiOrigin
from ..._system.hardening import Hardening
from ..._system.kernel_module import KernelModule
from ..._system.selinux import SELinux
from .. import enable
from .._hook import is_disabled

_CONSUMERS = ("_ctypes", "_cffi_backend")


@dataclass(frozen=True)
class Kernel:
    """The running kernel; ``machine`` as uname reports it to this process."""

    release: str
    machine: str


@dataclass(frozen=True)
class Python:
    """The running interpreter.

    gil: whether its global lock is on.
    jit, perf: whether it writes code itself, see jit.py.
    """

    implementation: str
    version: str
    executable: str
    gil: Fact[bool]
    jit: Fact[bool]
    perf: Fact[bool]


@dataclass(frozen=True)
class Trampfd:
    """trampfd in this Python.

    version: of the package.
    enabled: whether each start of this Python installs it, by `trampfd enable`.
    disabled: whether TRAMPFD_DISABLE is set, which makes `trampfd run`, the preload library and an
        enabled Python leave callbacks stock.
    """

    version: Fact[str]
    enabled: Fact[bool]
    disabled: Fact[bool]


@dataclass(frozen=True)
class Cffi:
    """The cffi that ``import cffi`` gives: its version, and the file of its backend."""

    version: Fact[str]
    backend: Fact[str]


@dataclass(frozen=True)
class System:
    """All that is known of the system; ``libffi`` has one entry for each module that calls one."""

    kernel: Kernel
    kernel_module: KernelModule
    python: Python
    hardening: Hardening
    cffi: Cffi
    trampfd: Trampfd
    libffi: Mapping[str, FfiOrigin]


def look(extra: Iterable[str | os.PathLike[str]] = ()) -> System:
    """Look at the system, and at the libffi of ctypes, of cffi and of the files in ``extra``.

    No module is imported but trampfd's own, nothing is loaded or mapped. Policies that hold for
    one thread are those of the calling thread.
    """
    return System(
        kernel=kernel(),
        kernel_module=kernel_module.look(),
        python=python(),
        hardening=hardening.look(),
        cffi=cffi(),
        trampfd=trampfd(),
        libffi={
            **{name: ffi_origin.of_module(name) for name in _CONSUMERS},
            **{os.fspath(path): ffi_origin.of_file(path) for path in extra},
        },
    )


def rows(system: System) -> Iterator[tuple[str, str]]:
    """Name and text of each fact, in order, for printing."""
    for name in ("kernel", "kernel_module", "python", "hardening", "cffi", "trampfd"):
        yield from _rows(name.replace("_", " "), getattr(system, name))
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
        platform.python_implementation(),
        platform.python_version(),
        sys.executable,
        _gil(),
        _jit_fact(),
        _perf_fact(),
    )


def _gil() -> Fact[bool]:
    # Python before 3.13 has no build without it, nor this function.
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    return Fact(enabled, "free-threaded build" if free_threaded else "")


_ENDS = "it makes memory executable, and where that is refused Python ends"


def _jit_fact() -> Fact[bool]:
    is_on = jit.jit()
    if is_on is None:
        return absent("this Python has no JIT compiler")
    return Fact(is_on, f"{_ENDS}; PYTHON_JIT=0 switches it off" if is_on else "")


def _perf_fact() -> Fact[bool]:
    is_on = jit.perf()
    if is_on is None:
        return absent("this Python has no support for perf")
    return Fact(is_on, f"{_ENDS}; it comes from -X perf or PYTHONPERFSUPPORT" if is_on else "")


def trampfd() -> Trampfd:
    """This package."""
    try:
        from ..._version import __version__

        version = Fact(__version__)
    except ImportError:
        version = absent("the package was not built")
    files = ", ".join(map(str, enable.files()))
    return Trampfd(
        version,
        Fact(bool(files), f"by {files}" if files else "`trampfd enable` does it"),
        Fact(
            is_disabled(), "TRAMPFD_DISABLE is set: callbacks stay stock" if is_disabled() else ""
        ),
    )


def cffi() -> Cffi:
    """The installed cffi, without importing it."""
    backend = ffi_origin.of_module("_cffi_backend").module
    return Cffi(_cffi_version(), backend)


def _cffi_version() -> Fact[str]:
    loaded = getattr(sys.modules.get("_cffi_backend"), "__version__", None)
    if loaded is not None:
        return Fact(str(loaded), "loaded")
    try:
        return Fact(importlib.metadata.version("cffi"), "installed, not loaded")
    except importlib.metadata.PackageNotFoundError:
        return absent("no installed package is called cffi")
