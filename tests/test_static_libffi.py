# SPDX-License-Identifier: MIT
"""install() where libffi is linked statically into its user.

The linker's tables then have no entry for a function of libffi that could be redirected. The users
here are cffi's wheel from PyPI, and a `_ctypes` with hidden symbols that is built for the system's
Python of Debian from its own source package. At the end is the table of docs/static-libffi.md.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import setuptools
from debian.apt import Apt, AptError, release
from support import build_cache, core, ctypes_cases, ctypes_parity, downloads, scale
from support.environment import Environment

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
PYTHON = "/usr/bin/python3"
POLICIES = ("mdwe", "systemd_mdwe", "no_exec_maps")
ABSENT = 77  # exit status of a child whose kernel has not got the policy


def symbols(library: str, *options: str) -> dict[str, str]:
    """Names and types of the symbols of libffi, as nm(1) shows them."""
    listing = subprocess.run(
        ["nm", *options, library], check=True, capture_output=True, text=True
    ).stdout
    split = (line.split() for line in listing.splitlines())
    return {words[-1]: words[-2] for words in split if words[-1].startswith("ffi_")}


def is_linked_statically(library: str) -> bool:
    """Neither a need for libffi.so nor a symbol of libffi that another library provides."""
    dynamic = subprocess.run(
        ["readelf", "--dynamic", library], check=True, capture_output=True, text=True
    ).stdout
    return "libffi" not in dynamic and not symbols(library, "--dynamic", "--undefined-only")


def run_under(
    policy: str, code: str, *arguments: str, python: str = sys.executable, path: Sequence[str] = ()
) -> None:
    """Run code in a child, support/hardening.py at hand, where the policy can be put in force."""
    put_in_force = (
        "import sys\n"
        "from support import hardening\n"
        "def put_in_force():\n"
        "    try:\n"
        f"        hardening.{policy}()\n"
        "    except OSError as error:\n"
        "        print(error)\n"
        f"        sys.exit({ABSENT})\n"
    )
    child = subprocess.run(
        [python, "-c", put_in_force + code, *arguments],
        capture_output=True,
        text=True,
        timeout=scale.seconds(120),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(TESTS)])},
    )
    if child.returncode == ABSENT:
        pytest.skip(f"{policy}: {child.stdout.strip()}")
    assert (child.returncode, child.stdout, child.stderr) == (0, "done\n", "")


# --- cffi's wheel ------------------------------------------------------------------------------

CFFI = """\
import cffi, trampfd
from trampfd import _native

ffi = cffi.FFI()
ffi.cdef("void qsort(void *, size_t, size_t, int (*)(const void *, const void *));")
libc = ffi.dlopen(None)
put_in_force()
trampfd.install()

def compare(a, b):
    return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]

callbacks = [
    ffi.callback("int(const void *, const void *)", compare),
    ffi.callback("int(*)(const void *, const void *)")(compare),
]
callbacks += [ffi.callback("int(int)", lambda value, i=i: value + i) for i in range(1000)]
for callback in callbacks:
    assert _native.find(int(ffi.cast("uintptr_t", callback)))
for callback in callbacks[:2]:
    array = ffi.new("int[]", [3, -1, 2])
    libc.qsort(array, 3, 4, callback)
    assert list(array) == [-1, 2, 3]
trampfd.uninstall()
assert [callback(5) for callback in callbacks[2:]] == list(range(5, 1005))
assert not hardening.wx_mappings() and not hardening.aliased()
print("done")
"""


@pytest.mark.parametrize("policy", POLICIES)
def test_cffi_wheel(policy: str) -> None:
    backend = pytest.importorskip("_cffi_backend", reason="cffi: not installed")
    if not is_linked_statically(backend.__file__):
        pytest.skip("cffi's wheel from PyPI: this _cffi_backend uses a shared libffi")
    run_under(policy, CFFI, path=sys.path)


# --- _ctypes with a static libffi --------------------------------------------------------------


@dataclass(frozen=True)
class Python:
    """The system's Python: its version, where its headers are, and how its extensions end."""

    version: str
    include: str
    suffix: str

    @property
    def name(self) -> str:
        """Of Debian's package: python3.11."""
        return "python" + ".".join(self.version.split(".")[:2])


def system_python() -> Python:
    code = (
        "import platform, sysconfig\n"
        "print(platform.python_version())\n"
        "print(sysconfig.get_path('include'))\n"
        "print(sysconfig.get_config_var('EXT_SUFFIX'))\n"
    )
    try:
        child = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"Debian's Python: no {PYTHON}")
    python = Python(*child.stdout.split())
    if not Path(python.include, "Python.h").exists():
        pytest.skip(f"Debian's python3-dev: no {python.include}/Python.h")
    return python


def fetch_source(python: Python, folder: Path) -> Path:
    """Debian's source of this Python."""
    try:
        apt = Apt(folder, [f"debian {release()} main"], sources=True)
        apt.update()
        source = apt.download_source(python.name)
    except AptError as error:
        pytest.skip(f"Debian's {python.name} source: {error}")
    if not source.name.startswith(f"{python.name}_{python.version}.orig."):
        pytest.skip(
            f"Debian's {python.name} source: {python.version} is wanted, there is {source.name}"
        )
    return source


def unpack(source: Path, folder: Path) -> None:
    """What is needed of it: the module and the internal headers."""
    with tarfile.open(source) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            if member.isfile() and name.startswith(("Modules/_ctypes/", "Include/internal/")):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None
                path.write_bytes(content.read())


def static_library() -> str:
    """Debian has a libffi.a for programs and one that can be linked into a shared object."""
    child = subprocess.run(
        ["cc", "-print-file-name=libffi_pic.a"], check=True, capture_output=True, text=True
    )
    path = child.stdout.strip()
    if not os.path.isabs(path):  # cc gives the bare name back when there is no such file
        pytest.skip("Debian's libffi-dev: no libffi_pic.a")
    return path


def build_ctypes(python: Python, folder: Path) -> None:
    """_ctypes as CPython's build makes it, but with libffi inside and out of sight."""
    archive = f"{python.name}_{python.version}.orig.tar.*"
    source = folder / "source"
    unpack(downloads.cached(archive, functools.partial(fetch_source, python)), source)
    module = source / "Modules" / "_ctypes"
    # One is a module for CPython's tests, the other an allocator for systems whose libffi has none.
    others = {"_ctypes_test.c", "malloc_closure.c"}
    files = [str(path) for path in module.glob("*.c") if path.name not in others]
    features = ("PREP_CIF_VAR", "PREP_CLOSURE_LOC", "CLOSURE_ALLOC")
    library = folder / f"_ctypes{python.suffix}"
    subprocess.run(
        [
            "cc", "-O2", "-w", "-shared", "-fPIC", "-DNDEBUG", "-DPy_BUILD_CORE_MODULE",
            *(f"-DHAVE_FFI_{feature}=1" for feature in features),
            f"-I{source / 'Include' / 'internal'}", f"-I{python.include}",
            *files, "-o", str(library), static_library(), "-Wl,--exclude-libs,ALL", "-ldl",
        ],
        check=True,
    )  # fmt: skip


def build_trampfd(folder: Path) -> None:
    """trampfd for the system's Python, with the setuptools of this one."""
    project = folder / "project"
    ignored = shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__")
    for name in ("src", "cbackend", "tools", "benchmarks"):
        shutil.copytree(PROJECT / name, project / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, project)
    subprocess.run(
        [PYTHON, "setup.py", "--quiet", "build", "--build-lib", str(folder / "package")],
        cwd=project,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(setuptools.__file__).parents[1])},
    )


@dataclass(frozen=True)
class Built:
    """The _ctypes with a static libffi, and where trampfd for the same Python is."""

    ctypes: Path
    package: Path

    @property
    def path(self) -> list[str]:
        return [str(self.ctypes.parent), str(self.package)]


@pytest.fixture(scope="module")
def package() -> Path:
    """trampfd for the system's Python."""
    sources = build_cache.digest(
        *(PROJECT / name for name in ("src", "tools", "setup.py", "pyproject.toml"))
    )
    return build_cache.folder((system_python(), sources), build_trampfd) / "package"


@pytest.fixture(scope="module")
def built(package: Path) -> Built:
    python = system_python()
    build = functools.partial(build_ctypes, python)
    return Built(
        build_cache.folder(("_ctypes", python), build) / f"_ctypes{python.suffix}", package
    )


def test_libffi_is_inside_and_hidden(built: Built) -> None:
    assert is_linked_statically(str(built.ctypes))
    assert not symbols(str(built.ctypes), "--dynamic")
    own = symbols(str(built.ctypes))
    for name in ("ffi_call", "ffi_closure_alloc", "ffi_prep_closure_loc"):
        assert own[name] == "t"  # local code


CTYPES = """\
import _ctypes, ctypes, trampfd
from ctypes import CFUNCTYPE, POINTER, c_int
from trampfd import _native

assert _ctypes.__file__ == sys.argv[1], _ctypes.__file__
libc = ctypes.CDLL(None)
before = CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))
put_in_force()
trampfd.install()
after = CFUNCTYPE(c_int, c_int)

class Pair(ctypes.Structure):
    _fields_ = [("x", c_int), ("y", ctypes.c_double)]

order = before(lambda a, b: a[0] - b[0])
pair = CFUNCTYPE(ctypes.c_double, Pair)(lambda pair: pair.x + pair.y)
callbacks = [after(lambda value, i=i: value + i) for i in range(1000)]
for callback in [order, pair, *callbacks]:
    assert _native.find(ctypes.c_void_p.from_buffer(callback).value)
array = (c_int * 3)(3, -1, 2)
libc.qsort(array, ctypes.c_size_t(3), ctypes.c_size_t(4), order)
assert list(array) == [-1, 2, 3]
assert pair(Pair(1, 0.5)) == 1.5
trampfd.uninstall()
assert [callback(5) for callback in callbacks] == list(range(5, 1005))
assert not hardening.wx_mappings() and not hardening.aliased()
print("done")
"""


@pytest.mark.parametrize("policy", POLICIES)
def test_ctypes(built: Built, policy: str) -> None:
    run_under(policy, CTYPES, str(built.ctypes), python=PYTHON, path=built.path)


def test_same_as_stock_ctypes(built: Built, tmp_path: Path) -> None:
    """All cases of support/ctypes_cases.py, but those that need plans on a port without them."""
    left_out = ctypes_cases.NEED_PLANS if core.port_lacks("plan") else set()
    found = ctypes_parity.observe(tmp_path, PYTHON, PYTHONPATH=os.pathsep.join(built.path))
    for mode in ctypes_parity.MODES:
        ctypes_parity.check_completeness(found[mode])
    differences: dict[str, Any] = {
        f"{name} {mode}": (found[mode][name], stock)
        for name, stock in found["stock"].items()
        for mode in ctypes_parity.MODES[1:]
        if name not in left_out and found[mode][name] != stock
    }
    assert not differences


# --- The table of docs/static-libffi.md --------------------------------------------------------

MAKER = """
import os, sys

def maker(address):
    for line in open("/proc/self/maps"):
        words = line.split(None, 5)
        start, end = (int(number, 16) for number in words[0].split("-"))
        if start <= address < end:
            name = os.path.basename(words[5].strip()) if len(words) > 5 else ""
            if name.startswith("_native."):
                return "trampfd"
            return "preload" if name.startswith("libtrampfd-ffi.so") else "stock"
"""
BY_CTYPES = """
import ctypes
cls = ctypes.CFUNCTYPE(ctypes.c_int)
callback = CALLBACK(cls, lambda: 42)
assert callback() == 42
print(maker(ctypes.c_void_p.from_buffer(callback).value))
"""
BY_CFFI = """
import _cffi_backend
ffi = _cffi_backend.FFI()
callback = CALLBACK(ffi.typeof("int(*)(void)"), lambda: 42)
assert callback() == 42
print(maker(int(ffi.cast("uintptr_t", callback))))
"""
BY_PLUGIN = """
import ctypes
cls = ctypes.CFUNCTYPE(ctypes.c_int)
plugin = ctypes.CDLL(os.environ["PLUGIN"])
plugin.make_closure.restype = ctypes.c_void_p
address = plugin.make_closure()
assert cls(address)() == 42
print(maker(address))
"""

WAYS = {
    "trampfd.callback()": "callback",
    "trampfd.install()": "install",
    "trampfd run": "run",
    "trampfd enable": "enable",
    "LD_PRELOAD=$(trampfd preload)": "preload",
}
USERS = {
    "shared `_ctypes`": BY_CTYPES,
    "static `_ctypes`": BY_CTYPES,
    "shared `_cffi_backend`": BY_CFFI,
    "static `_cffi_backend`": BY_CFFI,
    "another library, static": BY_PLUGIN,
}


def documented() -> dict[tuple[str, str], str]:
    """The cells of the table, by way and user."""
    text = (PROJECT / "docs" / "static-libffi.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith("|-")
    ]
    (_, *users), *rest = rows
    return {
        (way.strip("`"), user): cell for way, *cells in rest for user, cell in zip(users, cells)
    }


def test_all_of_the_table_is_checked() -> None:
    assert set(documented()) == {(way, user) for way in WAYS for user in USERS}


def wheel_of_cffi() -> Path:
    backend = pytest.importorskip("_cffi_backend", reason="cffi: not installed")
    if not is_linked_statically(backend.__file__):
        pytest.skip("cffi's wheel from PyPI: this _cffi_backend uses a shared libffi")
    return Path(backend.__file__)


def shared_in_system(module: str) -> None:
    """Skips unless the system's Python has this module, with a shared libffi."""
    code = f"import {module}; print({module}.__file__)"
    child = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    if child.returncode:
        pytest.skip(f"Debian's python3-cffi-backend: {PYTHON} has no {module}")
    if is_linked_statically(child.stdout.strip()):
        pytest.skip(f"a shared libffi: the {module} of {PYTHON} has it inside")


@pytest.fixture(scope="module")
def plugin() -> Path:
    source = core.PROGRAMS / "python/static_plugin.c"
    command = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", source, static_library()]
    folder = core.compiled(*command, "-o", "plugin.so", "-Wl,--exclude-libs,ALL")
    library = folder / "plugin.so"
    assert is_linked_statically(str(library))
    return library


@pytest.fixture(scope="module")
def system(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment of the system's Python."""
    paths = [package, "/usr/lib/python3/dist-packages"]
    return Environment(tmp_path_factory.mktemp("venv") / "system", PYTHON, paths)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment of this Python."""
    return Environment(tmp_path_factory.mktemp("venv") / "own")


@pytest.mark.only_table
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", WAYS)
def test_cell(way: str, user: str, request: pytest.FixtureRequest) -> None:
    variables: dict[str, str] = {}
    environment = request.getfixturevalue("own" if user == "static `_cffi_backend`" else "system")
    if user == "static `_ctypes`":
        variables["PYTHONPATH"] = str(request.getfixturevalue("built").ctypes.parent)
    elif user == "static `_cffi_backend`":
        wheel_of_cffi()
    elif user == "another library, static":
        variables["PLUGIN"] = str(request.getfixturevalue("plugin"))
    else:
        shared_in_system(user.split("`")[1])
    code = MAKER + USERS[user].replace(
        "CALLBACK", "trampfd.callback" if WAYS[way] == "callback" else
        "(lambda type, f: ffi.callback(type, f))" if "cffi" in user else
        "(lambda type, f: type(f))"
    )  # fmt: skip
    words = ["-c", code]
    if WAYS[way] in ("callback", "install"):
        words = ["-c", f"import trampfd\n{'trampfd.install()' * (WAYS[way] == 'install')}\n{code}"]
    elif WAYS[way] == "run":
        words = ["-m", "trampfd", "run", "-c", code]
    elif WAYS[way] == "enable":
        environment.trampfd("enable")
    else:
        variables["LD_PRELOAD"] = environment.trampfd("preload").stdout.strip()
    try:
        done = environment.run(*words, **variables)
    finally:
        environment.file.unlink(missing_ok=True)
    assert (done.stdout.strip(), done.stderr) == (documented()[way, user], "")
