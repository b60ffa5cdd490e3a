# SPDX-License-Identifier: MIT
"""Surroundings that turn hostile after the library was loaded, and hardened ones.

Closures that exist go on working, the built-in block serves, and growth beyond it works or is
refused with every step named.  In none of it anything but a copy of the slots is ever mapped
executable, which ``Core.make`` checks.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support import core, scale

# What is hostile here is hostile to the ways of the table.
pytestmark = pytest.mark.only_table

PRELUDE = """
import ctypes, errno, os, resource, sys
from support import core, hardening

library, folder = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 8, 32, 4096, 16384, 1 << 18, 2


def skip_unless(result, what):
    if result != 0:
        print(f"{what} is refused here: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        sys.exit(core.SKIPPED)


def mount(source, target, type, flags=0, data=None):
    names = [name and os.fsencode(name) for name in (source, target, type)]
    skip_unless(libc.mount(*names, ctypes.c_ulong(flags), data), f"mounting {type or source}")


def own_mounts():
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if user else 0)
    skip_unless(libc.unshare(flags), "a mount namespace")
    if user:
        write("/proc/self/setgroups", b"deny")
        write("/proc/self/uid_map", b"0 %d 1" % user)
        write("/proc/self/gid_map", b"0 %d 1" % group)
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def expect(sources, count=20000):
    assert peer.make(count) == 0, peer.trail
    assert peer.sources() == ["built in", *sources], (peer.sources(), peer.trail)


def expect_refusal(*steps):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(20):
        assert peer.make(5000) != 0
        assert peer.count == 4096, peer.count
        for step in steps:
            assert step in peer.trail, (step, peer.trail)
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
    peer.free(4000)
    assert peer.make(4096) == 0


def write(path, data=b"not a library"):
    with open(path, "wb") as file:
        file.write(data)
"""


@pytest.fixture
def folder() -> Path:
    return core.new_folder()


def library_in(folder: Path) -> Path:
    return Path(shutil.copy(core.shared_library("core/peer"), folder))


def hostile(body: str, library: object, folder: object, *arguments: object) -> None:
    core.script(PRELUDE + body, library, folder, *arguments)


# The library's file is not what was loaded any more.
REPLACED = {
    "deleted": "os.unlink(library)",
    "another file": "write(other, os.urandom(1 << 20)); os.replace(other, library)",
    "shorter": "write(other, open(library, 'rb').read(70000)); os.replace(other, library)",
    "empty": "write(other, b''); os.replace(other, library)",
    "a directory": "os.unlink(library); os.mkdir(library)",
    "a pipe": "os.unlink(library); os.mkfifo(library)",
    "a link to itself": "os.unlink(library); os.symlink(library, library)",
    "another build": "os.replace(sys.argv[3], library)",
}


@pytest.fixture(params=REPLACED)
def replacement(request: pytest.FixtureRequest) -> str:
    return f"\nother = os.path.join(folder, 'other')\n{REPLACED[request.param]}\n"


def another_build() -> Path:
    """Its records lie at another distance from the slots."""
    flags = ("-Wl,-z,max-page-size=0x400000",)
    return core.copy_of(core.shared_library("core/peer", link=flags))


LOAD = "\npeer = core.Core(library)\n"


def test_replaced_before_growth(replacement: str, folder: Path) -> None:
    body = LOAD + replacement + "expect(['memfd'])"
    hostile(body, library_in(folder), folder, another_build())


def test_replaced_between_growth_and_growth(replacement: str, folder: Path) -> None:
    body = LOAD + "expect(['own file'], 5000)" + replacement + "expect(['own file', 'memfd'])"
    hostile(body, library_in(folder), folder, another_build())


def test_replaced_and_memfd_refused(replacement: str, folder: Path) -> None:
    body = """
hardening.no_memfd()
expect_refusal("own file: ", "memfd: memfd_create: Operation not permitted")
"""
    hostile(LOAD + replacement + body, library_in(folder), folder, another_build())


def test_replaced_file_is_never_mapped(replacement: str, folder: Path) -> None:
    """Not even for the time of a comparison."""
    body = "os.write(1, b'begin\\n')\nexpect(['memfd'])\nos.write(1, b'end\\n')"
    command = core.python_command(PRELUDE + LOAD + replacement + body)
    arguments = library_in(folder), folder, another_build()
    lines = core.traced("mmap,mprotect", [*command, *arguments])
    executable = [line for line in lines if "PROT_EXEC" in line]
    assert len(executable) == 4, lines
    assert all("</memfd:trampfd-slots" in line for line in executable), executable


def test_memfd_is_sealed_before_it_is_mapped(folder: Path) -> None:
    body = "os.unlink(library)\nos.write(1, b'begin\\n')\nexpect(['memfd'], 5000)"
    command = core.python_command(PRELUDE + LOAD + body + "\nos.write(1, b'end\\n')")
    lines = core.traced("memfd_create,fcntl,mmap", [*command, library_in(folder), folder])
    # Linux before 6.3 refuses MFD_NOEXEC_SEAL; then it is asked without.
    calls = [line for line in lines if "trampfd-slots" in line and " = -1 EINVAL" not in line]
    kinds = ["memfd_create(", "write(", "F_ADD_SEALS", "PROT_READ|PROT_EXEC, MAP_PRIVATE|"]
    assert len(calls) == len(kinds), calls
    assert all(kind in call for kind, call in zip(kinds, calls)), calls
    for seal in ("F_SEAL_WRITE", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_SEAL"):
        assert seal in calls[2], calls


def test_replaced_by_a_build_that_differs_elsewhere(folder: Path) -> None:
    """Its slots may be the same, and then may be used."""
    other = core.copy_of(core.shared_library("core/peer", flags=("-O1", "-DNDEBUG")))
    body = "os.replace(sys.argv[3], library); assert peer.make(20000) == 0, peer.trail"
    hostile(LOAD + body, library_in(folder), folder, other)


# Ways that the library is named; each still leads to its file.
NAMES = (
    "with space",
    "new\nline",
    "library.so (deleted)",
    "back\\012slash",
    "%s%n%d",
    "quote'\"",
    "\u00fcml\u00e4ut",
    "-",
)


@pytest.mark.parametrize("name", NAMES)
def test_path_with_strange_name(name: str, folder: Path) -> None:
    strange = folder / name
    strange.mkdir()
    library = library_in(strange).rename(strange / name)
    hostile(LOAD + "expect(['own file'])", library, folder)


def test_path_as_long_as_it_can_be(folder: Path) -> None:
    script = """
while len(folder) + 260 < 4096:
    folder = os.path.join(folder, "d" * 250)
    os.mkdir(folder)
long = os.path.join(folder, "l" * (4095 - len(folder) - 1))
os.rename(library, long)
peer = core.Core(long)
expect(["own file"])
"""
    hostile(script, library_in(folder), folder)


# The path that the library was loaded by leads elsewhere; the kernel still knows the file.
MOVED = {
    "relative, other folder": """
os.chdir(folder)
peer = core.Core("./" + os.path.basename(library))
os.chdir("/")
""",
    "relative, other file of that name": """
os.chdir(folder)
peer = core.Core("./" + os.path.basename(library))
os.mkdir("sub")
os.chdir("sub")
write(os.path.basename(library))
""",
    "relative, a file in the way": """
os.chdir(folder)
os.mkdir("sub")
os.rename(library, "sub/library")
peer = core.Core("./sub/library")
os.mkdir("elsewhere")
os.chdir("elsewhere")
write("sub")
""",
    "renamed": """
peer = core.Core(library)
os.rename(library, library + ".old")
""",
    "renamed, and another in its place": """
peer = core.Core(library)
os.rename(library, library + " .old")
write(library)
""",
    "by a link that is gone": """
os.symlink(library, library + ".link")
peer = core.Core(library + ".link")
os.unlink(library + ".link")
""",
    "by a link that changed": """
os.symlink(library, library + ".link")
peer = core.Core(library + ".link")
os.unlink(library + ".link")
os.symlink("/dev/null", library + ".link")
""",
}


@pytest.mark.parametrize("way", MOVED)
def test_path_leads_elsewhere(way: str, folder: Path) -> None:
    hostile(MOVED[way] + "expect(['own file'])", library_in(folder), folder)


JAIL = """
import trampfd._system.seccomp  # which hardening needs, while there are files
peer = core.Core(library)
jail = folder + "/jail"
os.makedirs(jail + os.path.dirname(library))
os.mkdir(jail + "/proc")
write(jail + library, os.urandom(1 << 20))
own_mounts()
mount("/proc", jail + "/proc", None, MS_BIND | MS_REC)
os.chroot(jail)
os.chdir("/")
"""

# What the file system is turned into.
MOUNTED = {
    "no /proc": """
peer = core.Core(library)
own_mounts()
mount("none", "/proc", "tmpfs")
expect(["own file"])
""",
    "no /proc, no file": """
peer = core.Core(library)
own_mounts()
mount("none", "/proc", "tmpfs")
os.unlink(library)
expect(["memfd"])
""",
    "no /proc, no file, no memfd": """
peer = core.Core(library)
own_mounts()
mount("none", "/proc", "tmpfs")
os.unlink(library)
hardening.no_memfd()
expect_refusal(
    "own file: open the library's file: No such file or directory",
    "own file: read /proc/self/maps: No such file or directory",
    "memfd: memfd_create: Operation not permitted",
)
""",
    "chroot": """
peer = core.Core(library)
os.mkdir(folder + "/jail")
own_mounts()
os.chroot(folder + "/jail")
os.chdir("/")
expect(["memfd"])
""",
    "chroot with /proc and another file at the path": JAIL
    + """
expect(["memfd"])
""",
    "chroot with /proc and another file at the path, no memfd": JAIL
    + """
hardening.no_memfd()
expect_refusal("own file: read the slots from the library's file: Stale file handle", "memfd: ")
""",
    "a file system that forbids execution": """
own_mounts()
os.mkdir(folder + "/mounted")
mount("none", folder + "/mounted", "tmpfs")
import shutil
peer = core.Core(shutil.copy(library, folder + "/mounted"))
mount("none", folder + "/mounted", None, MS_REMOUNT | MS_NOEXEC)
expect(["memfd"], 4097)
assert "own file: mmap slots read+execute: Operation not permitted" in peer.trail
expect(["memfd"])
""",
    "a mount that is gone": """
own_mounts()
os.mkdir(folder + "/mounted")
mount(folder, folder + "/mounted", None, MS_BIND)
peer = core.Core(folder + "/mounted/" + os.path.basename(library))
assert libc.umount2(os.fsencode(folder + "/mounted"), MNT_DETACH) == 0
assert peer.make(20000) == 0, peer.trail
""",
    "an overlay": """
own_mounts()
mount("none", folder, "tmpfs")
for name in ("upper", "work", "merged"):
    os.mkdir(f"{folder}/{name}")
lower = os.path.dirname(library)
options = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"
mount("overlay", folder + "/merged", "overlay", 0, os.fsencode(options))
merged = folder + "/merged/" + os.path.basename(library)
peer = core.Core(merged)
expect(["own file"], 5000)
with open(merged, "r+b") as file:
    file.write(b"another file in the upper layer")
assert peer.make(20000) == 0, peer.trail
""",
}


@pytest.mark.parametrize("way", MOUNTED)
def test_other_mounts(way: str, folder: Path) -> None:
    library = library_in(core.new_folder() if way == "an overlay" else folder)
    hostile(MOUNTED[way], library, folder)


def test_no_descriptors_left(folder: Path) -> None:
    body = """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    assert error.errno == errno.EMFILE
for _ in range(20):
    assert peer.make(5000) == errno.EMFILE
    assert peer.count == 4096
    for step in ("own file: open the library's file: ", "memfd: memfd_create: "):
        assert step + os.strerror(errno.EMFILE) in peer.trail, peer.trail
for fd in taken:
    os.close(fd)
expect(["own file"])
"""
    hostile(LOAD + body, library_in(folder), folder)


def test_descriptors_closed_and_reused(folder: Path) -> None:
    body = """
expect(["own file"], 5000)
os.closerange(3, 10000)
write(folder + "/data", os.urandom(1 << 20))
for _ in range(100):
    os.open(folder + "/data", os.O_RDONLY)
peer.reopen_maps()
expect(["own file"])
"""
    hostile(LOAD + body, library_in(folder), folder)


def test_no_executable_mapping_is_permitted(folder: Path) -> None:
    body = """
hardening.no_exec_maps()
lines = len(open("/proc/self/maps").readlines())
expect_refusal(
    "own file: mmap slots read+execute: Operation not permitted",
    "memfd: mmap slots read+execute: Operation not permitted",
)
assert len(open("/proc/self/maps").readlines()) <= lines + 2
"""
    hostile(LOAD + body, library_in(folder), folder)


def test_no_memfd_is_needed(folder: Path) -> None:
    hostile(LOAD + "hardening.no_memfd()\nexpect(['own file'])", library_in(folder), folder)


@pytest.mark.parametrize("policy", ["mdwe", "systemd_mdwe"])
def test_policy_comes_into_force_later(policy: str, folder: Path) -> None:
    body = f"""
expect(["own file"], 5000)
try:
    hardening.{policy}()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(core.SKIPPED)
expect(["own file"])
os.unlink(library)
expect(["own file", "memfd"], 30000)
"""
    hostile(LOAD + body, library_in(folder), folder)


def package_in(folder: Path) -> Path:
    """A copy of the package under test."""
    import trampfd

    shutil.copytree(Path(trampfd.__file__).parent, folder / "trampfd")
    return folder


CALLBACKS = """
import sys
sys.path.insert(0, sys.argv[1])
import ctypes, operator, os, functools
import trampfd
from support import hardening
from trampfd import _native

assert trampfd.__file__.startswith(sys.argv[1]), trampfd.__file__
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
kept = []

def make(count):
    while len(kept) < count:
        kept.append(trampfd.callback(cls, functools.partial(operator.add, len(kept))))
    assert all(callback(5) == i + 5 for i, callback in enumerate(kept))

make(10)
"""


@pytest.mark.parametrize("way", ["deleted", "another file"])
def test_package_file_replaced(way: str, folder: Path) -> None:
    replace = REPLACED[way].replace("library", "_native.__file__")
    body = f"""
def write(path, data):
    with open(path, "wb") as file:
        file.write(data)

other = _native.__file__ + ".new"
{replace}
make(10000)
used = {{source: count for source, count in trampfd.status().blocks.items() if count}}
assert used == {{"built in": 1, "memfd": 2}}, trampfd.status()
"""
    core.script(CALLBACKS + body, package_in(folder))


def test_package_file_deleted_and_memfd_refused(folder: Path) -> None:
    body = """
os.unlink(_native.__file__)
hardening.no_memfd()
try:
    make(10000)
except trampfd.ClosureError as error:
    assert isinstance(error, OSError) and isinstance(error, MemoryError)
    assert "own file: open the library's file: No such file or directory" in str(error), error
    assert "memfd: memfd_create: Operation not permitted" in str(error), error
    assert error.errno == 1, error.errno
    assert {source for source, _, _ in error.attempts} == {"own file", "memfd"}, error.attempts
else:
    raise AssertionError("no error")
assert len(kept) == 4096
del kept[:100]
kept[:] = []
make(4096)
"""
    core.script(CALLBACKS + body, package_in(folder))


# 4,000 or more live callbacks, half of them cffi's, made, called and freed under a policy.
UNDER_POLICY = """
import sys
import ctypes, functools, operator
import cffi
import trampfd
from support import core, hardening

policy, count = sys.argv[1], int(sys.argv[2])
ffi = cffi.FFI()
ctype = ffi.typeof("int(*)(int)")
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
before = hardening.wx_mappings()
used = trampfd.status().slots_used


def check_mappings():
    assert hardening.wx_mappings() == before, hardening.wx_mappings()
    assert not hardening.aliased(), hardening.aliased()


try:
    getattr(hardening, policy)()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(core.SKIPPED)
kept = []
for i in range(count):
    kept.append(trampfd.callback(ctype if i % 2 else cls, functools.partial(operator.add, i)))
    if i % (count // 10) == 0:
        check_mappings()
check_mappings()
for i, callback in enumerate(kept):
    assert callback(1000) == i + 1000, i
check_mappings()
assert trampfd.status().slots_used == used + count
del callback
kept.clear()
assert trampfd.status().slots_used == used
check_mappings()
assert trampfd.callback(ctype, abs)(-5) == trampfd.callback(cls, abs)(-5) == 5
"""


@pytest.mark.parametrize("policy", ["mdwe", "systemd_mdwe", "no_exec_maps"])
def test_four_thousand_callbacks_under_policy(policy: str) -> None:
    pytest.importorskip("cffi")
    core.script(UNDER_POLICY, policy, 4000)


@pytest.mark.parametrize("policy", ["mdwe", "systemd_mdwe"])
def test_hundred_thousand_callbacks_under_policy(policy: str) -> None:
    pytest.importorskip("cffi")
    core.script(UNDER_POLICY, policy, scale.down("callbacks under a policy", 100_000, 5000))


TRACED = """
import os, sys
import ctypes, functools, operator
import cffi
import trampfd

ctype = cffi.FFI().typeof("int(*)(int)")
cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
kept = [trampfd.callback(ctype, abs), trampfd.callback(cls, abs)]
os.write(1, b"begin\\n")
for i in range(1000):
    kept.append(trampfd.callback(ctype if i % 2 else cls, functools.partial(operator.add, i)))
assert all(callback(5) == i + 5 for i, callback in enumerate(kept[2:]))
del kept[:]
os.write(1, b"end\\n")
"""


def test_a_thousand_callbacks_change_no_executable_mapping() -> None:
    """Python itself may map memory for its objects."""
    pytest.importorskip("cffi")
    calls = "mmap,mprotect,pkey_mprotect,mremap,memfd_create,open,openat,shmat"
    lines = core.traced(calls, core.python_command(TRACED))
    assert not [line for line in lines if "PROT_EXEC" in line or "mmap(" not in line], lines
    assert all(re.search(r"mmap\(NULL, \d+, PROT_READ\|PROT_WRITE, .*", line) for line in lines)
