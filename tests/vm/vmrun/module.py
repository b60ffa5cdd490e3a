# SPDX-License-Identifier: MIT
"""Builds the kernel module and its selftests."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from . import VmError
from .host import run, run_in
from .kernels import Kernel
from .machines import Machine


def build_module(kernel: Kernel, checkout: Path, place: Path, *, sparse: bool) -> Path:
    """Builds the module of the checkout for the kernel; returns the .ko file, which is in place.

    The source is copied, so the checkout stays clean.
    """
    name = f"trampfd-{os.getpid()}"
    build = kernel.root / "build" / name
    target = place / "trampfd.ko"
    try:
        shutil.copytree(checkout / "cbackend" / "kmod", build)
        shutil.copytree(checkout / "cbackend" / "include" / "uapi", build / "uapi")
        log = make_in_root(kernel, name, sparse)
        if sparse and not re.search(r"^ +CHECK ", log, re.MULTILINE):
            raise VmError(
                f"sparse did not run: the header package of {kernel.release} lacks what "
                "the kernel's build needs for it; use --sparse with another kernel"
            )
        complaints = re.findall(r"^.*(?:warning|error):.*$", log, re.MULTILINE)
        if complaints:
            raise VmError("the module does not build cleanly:\n" + "\n".join(complaints))
        built = f"/build/{name}/trampfd.ko"
        run_in(kernel.root, [f"{kernel.tools}objcopy", "--strip-debug", built])
        shutil.copy(build / "trampfd.ko", target)
    finally:
        shutil.rmtree(build, ignore_errors=True)
    return target


def make_in_root(kernel: Kernel, name: str, sparse: bool) -> str:
    checks = ["C=2", "CF=-D__CHECK_ENDIAN__"] if sparse else []
    return run_in(
        kernel.root,
        [
            "make",
            "-C",
            kernel.headers,
            f"M=/build/{name}",
            f"-j{os.cpu_count()}",
            # type information for debuggers would need the kernel's own image
            "CONFIG_DEBUG_INFO_BTF_MODULES=",
            *checks,
            "modules",
        ],
    )


def build_selftests(machine: Machine, checkout: Path, place: Path) -> Path:
    """Compiles the selftests with the host's compiler for that CPU; returns their folder."""
    source = checkout / "cbackend" / "kmod" / "selftest"
    build = place / "selftest"
    cross = [] if machine.is_native else [f"CC={machine.compiler}-gcc", "LDFLAGS=-static"]
    run(["make", "-C", source, f"CPU={machine.cpu}", f"BUILD={build}", *cross])
    shutil.copy(source / "run.sh", build)
    return build
