# SPDX-License-Identifier: MIT
"""install(libraries=True): other users of libffi that are loaded into the process."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from support import core, library

import trampfd

FFI = "libtrampfd-ffi.so.0"


@functools.cache
def user(binding: str) -> Path:
    """A library that uses libffi, and is bound lazily or not."""
    source = core.PROGRAMS / "preload/libffi_user.c"
    flags = [*core.compile_flags(), "-fvisibility=default", "-fplt", "-fPIC", "-shared"]
    command = ["cc", *flags, f"-Wl,-z,{binding},-z,relro", "-o", "libuser.so", source]
    return core.compiled(*command, *core.link_flags()) / "libuser.so"


START = r"""
import ctypes, re, resource
import trampfd
from support import hardening
from trampfd._system.maps import read_maps

def closures():
    library = ctypes.CDLL(sys.argv[1])
    library.user_address.restype = ctypes.c_void_p
    return library

def is_ours(number):
    at = users.user_address(number)
    inside = [line for line in open("/proc/self/maps") if int(line.split("-")[0], 16) <= at]
    return re.search(r"libtrampfd-ffi\.so|\[trampfd]", inside[-1]) is not None

def symbols(path):
    return sorted(one.symbol for one in trampfd.status().redirected if one.library == path)

users = closures()
"""


def run(code: str, *arguments: object) -> None:
    """Run code in a child process that finds the library as the dynamic loader does."""
    environment = {"LD_LIBRARY_PATH": str(library.path(FFI).parent)}
    core.check(*core.python_command(START + code), *arguments, environment=environment)


@pytest.mark.parametrize("binding", ["lazy", "now"])
def test_closures_made_before_during_and_after_install(binding: str) -> None:
    code = """
assert users.user_make(0) and not is_ours(0)
trampfd.install()
assert users.user_make(1) and not is_ours(1)
assert trampfd.status().redirected == ()
trampfd.install(libraries=True)
trampfd.install(libraries=True)
functions = ["ffi_closure_alloc", "ffi_closure_free", "ffi_prep_closure_loc"]
assert symbols(sys.argv[1]) == functions, trampfd.status()
assert not [one for one in trampfd.status().redirected if "_ctypes" in one.library]
assert not [one for one in trampfd.status().redirected if one.refusal or not one.origin]
for number in 2, 3:
    assert users.user_make(number) and is_ours(number)
users.user_free(0)
users.user_free(2)
trampfd.uninstall()
assert symbols(sys.argv[1]) == functions[1:], trampfd.status()
assert users.user_make(4) and not is_ours(4)
trampfd.install(libraries=True)
assert symbols(sys.argv[1]) == functions
assert users.user_make(5) and is_ours(5)
trampfd.uninstall()
for number in 1, 3, 4, 5:
    assert users.user_call(number, 10) == 10 + number
    users.user_free(number)
assert not trampfd.is_installed()
"""
    run(code, user(binding))


@pytest.mark.parametrize("value", [1, 0, None, "", "all", ["libffi.so.8"]])
def test_rejects_non_bool(value: object) -> None:
    with pytest.raises(TypeError, match=re.escape(f"libraries must be a bool, not {value!r}")):
        trampfd.install(libraries=value)  # type: ignore[arg-type]
    assert not trampfd.is_installed()


@pytest.mark.parametrize("policy", ["mdwe", "systemd_mdwe"])
def test_hardened(policy: str) -> None:
    core.need_policy(policy)
    code = f"""
trampfd.install(libraries=True)
hardening.{policy}()
hardening.no_memfd()
for number in range(100):
    assert users.user_make(number) and is_ours(number)
for number in range(100):
    assert users.user_call(number, 10) == 10 + number
assert not hardening.wx_mappings() and not hardening.aliased()
for number in range(100):
    users.user_free(number)
"""
    run(code, user("now"))


def test_page_protections_are_as_before() -> None:
    code = """
def protections():
    maps = [line.split() for line in open("/proc/self/maps") if sys.argv[1] in line]
    return [words[:2] for words in maps]

before = protections()
trampfd.install(libraries=True)
assert protections() == before
trampfd.uninstall()
assert protections() == before
"""
    run(code, user("now"))


def test_libraries_loaded_later() -> None:
    code = """
trampfd.install(libraries=True)
sys.argv[1] = sys.argv[2]
users = closures()
assert symbols(sys.argv[1]) == []
assert users.user_make(0) and not is_ours(0)
trampfd.install(libraries=True)
assert users.user_make(1) and is_ours(1)
assert users.user_call(0, 10) == 10 and users.user_call(1, 10) == 11
users.user_free(0)
users.user_free(1)
"""
    run(code, user("now"), core.copy_of(user("now")))


def test_refused() -> None:
    """All or nothing, and the message says why."""
    code = """
from trampfd import _install, _libraries, _status  # while files can be opened
from trampfd._system import preload_library
path = preload_library.find()
preload_library.find = lambda: path
ctypes.CDLL(str(path))
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
try:
    trampfd.install(libraries=True)
except OSError as error:
    refused = error
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
assert "cannot redirect loaded libraries: ffi_" in str(refused), refused
assert "/proc/self/maps: Too many open files" in str(refused), refused
assert not trampfd.is_installed()
assert users.user_make(0) and not is_ours(0)
(one,) = trampfd.status().redirected
assert one.refusal.errno == refused.errno
trampfd.install(libraries=True)
assert not [one for one in trampfd.status().redirected if one.refusal]
assert users.user_make(1) and is_ours(1)
"""
    run(code, user("now"))


def test_without_the_library() -> None:
    code = """
from trampfd._system import preload_library
preload_library.find = lambda: None
try:
    trampfd.install(libraries=True)
except OSError as error:
    assert "trampfd preload" in str(error)
else:
    raise AssertionError("installed")
assert not trampfd.is_installed()
trampfd.install()
trampfd.uninstall()
"""
    run(code, user("now"))


def test_threads() -> None:
    """Redirecting and giving back while other threads make, call and free closures."""
    code = """
import threading
stop = threading.Event()
wrong = []

def work(number):
    while not stop.is_set():
        if not users.user_make(number) or users.user_call(number, 10) != 10 + number:
            wrong.append(number)
        users.user_free(number)

threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
for thread in threads:
    thread.start()
for _ in range(50):
    trampfd.install(libraries=True)
    trampfd.uninstall()
stop.set()
for thread in threads:
    thread.join()
assert not wrong, wrong
"""
    run(code, user("lazy"))


def test_pygobject() -> None:
    code = """
sys.path.append("/usr/lib/python3/dist-packages")
try:
    from gi.repository import Gio, GLib, GObject
except ImportError as error:
    print(f"python3-gi is not there for this Python: {error}", file=sys.stderr)
    sys.exit(77)

trampfd.install(libraries=True)
libraries = {one.library for one in trampfd.status().redirected}
assert [path for path in libraries if "girepository" in path], libraries
hardening.systemd_mdwe()
hardening.no_memfd()
loop = GLib.MainLoop()
seen = []

def tick():
    seen.append("tick")
    return len(seen) < 3

def loaded(file, result):
    seen.append(file.load_contents_finish(result)[0])
    loop.quit()

def start():
    Gio.File.new_for_path(sys.argv[2]).load_contents_async(None, loaded)
    return False

GLib.timeout_add(1, tick)
GLib.timeout_add(50, start)
loop.run()
assert seen == ["tick"] * 3 + [True], seen
assert not hardening.wx_mappings() and not hardening.aliased()
"""
    run(code, user("now"), __file__)
