# SPDX-License-Identifier: MIT
"""install() and uninstall(), each case in a process of its own.

Whose closure a callback is, is asked of the C core: trampfd's are at addresses of its slots.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import build_cache, debian_backend, scale

HAS_CFFI = importlib.util.find_spec("cffi") is not None
needs_cffi = pytest.mark.skipif(not HAS_CFFI, reason="cffi is not installed")

PRELUDE = """
import gc, json, sys
import trampfd
from trampfd import _native

def f(number):
    return number + 1

def address(callback):
    if type(callback).__module__ == "_cffi_backend":
        import _cffi_backend
        return int(_cffi_backend.cast(_cffi_backend.new_primitive_type("intptr_t"), callback))
    import ctypes
    return ctypes.cast(callback, ctypes.c_void_p).value

def is_ours(callback):
    assert callback(20) == 21
    return _native.find(address(callback)) is not None

def slots():
    gc.collect()
    return trampfd.status().slots_used

def show(value):
    print(json.dumps(value))

def ctypes_callback():
    import ctypes
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(f)

def cffi_callback():
    import _cffi_backend
    return _cffi_backend.FFI().callback("int(int)", f)
"""


def python(
    code: str, *words: str, path: str | Path = "", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run code in a child process; ``path`` comes first among the folders it imports from."""
    folders = [str(path), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, *options, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))},
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )


def child(code: str, *words: str, path: str | Path = "") -> Any:
    """What a child process shows; anything on its stderr is an error."""
    result = python(PRELUDE + code, *words, path=path)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


# Import orders

STEPS = ("import ctypes", "import cffi", "import trampfd", "trampfd.install()")


@needs_cffi
@pytest.mark.parametrize("steps", list(itertools.permutations(STEPS)), ids=" / ".join)
def test_every_import_order(steps: tuple[str, ...]) -> None:
    if steps.index("trampfd.install()") < steps.index("import trampfd"):
        steps = ("import trampfd", *steps)
    code = "\n".join(steps) + PRELUDE
    result = python(code + "show([is_ours(ctypes_callback()), is_ours(cffi_callback())])")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == [True, True]


def test_neither_ctypes_nor_cffi_is_imported() -> None:
    code = """
trampfd.install()
trampfd.uninstall()
show([name for name in ("ctypes", "_ctypes", "cffi", "_cffi_backend") if name in sys.modules])
"""
    assert child(code) == []


# Every way to make a callback: what a program has done before (imports, references taken), and
# the expression that makes the callback then.

CTYPES_SETUP = """
import ctypes
from ctypes import CFUNCTYPE, PYFUNCTYPE, c_int
proto = CFUNCTYPE(c_int, c_int)
"""
# What a class of function pointers must have itself, also when it is a subclass.
FIELDS = "_flags_, _restype_, _argtypes_ = proto._flags_, c_int, (c_int,)"
CTYPES_WAYS = {
    "class": ("", "proto(f)"),
    "class made later": ("", "CFUNCTYPE(c_int, ctypes.c_long)(f)"),
    "module attribute": ("", "ctypes.CFUNCTYPE(c_int, c_int)(f)"),
    "decorator": ("decorator = proto", "decorator(f)"),
    "PYFUNCTYPE": ("proto = PYFUNCTYPE(c_int, c_int)", "proto(f)"),
    "use_errno": ("proto = CFUNCTYPE(c_int, c_int, use_errno=True)", "proto(f)"),
    "subclass": ("class Own(proto): {fields}", "Own(f)"),
    "subclass of a subclass": (
        "class Own(proto): {fields}\nclass Second(Own): {fields}",
        "Second(f)",
    ),
    "subclass, second base": (
        "class Mixin: pass\nclass Own(Mixin, proto): {fields}",
        "Own(f)",
    ),
    "subclass, own __init__": (
        "class Own(proto):\n  {fields}\n  def __init__(self, *args): self.seen = args",
        "(lambda made: made if made.seen == (f,) else None)(Own(f))",
    ),
    "subclass, own __new__": (
        "class Own(proto):\n  {fields}\n"
        "  def __new__(cls, *args): return super().__new__(cls, *args)",
        "Own(f)",
    ),
    "subclass, own arguments": (
        "class Own(proto):\n  {fields}\n"
        "  def __new__(cls, name, function=None): return super().__new__(cls, function)\n"
        "  def __init__(self, name, function=None): self.name = name",
        "Own('name', function=f)",
    ),
    "subclass, own metaclass": (
        "class Meta(type(proto)): pass\nclass Own(proto, metaclass=Meta): {fields}",
        "Own(f)",
    ),
    "own class of function pointers": ("class Own(ctypes._CFuncPtr): {fields}", "Own(f)"),
    "__new__ taken earlier": ("new = proto.__new__", "new(proto, f)"),
    "__new__ set and deleted": (
        "class Own(proto): {fields}\nOwn.__new__ = lambda *args: None\ndel Own.__new__",
        "Own(f)",
    ),
    "callable object": (
        "class Adder:\n  def __call__(self, number): return number + 1",
        "proto(Adder())",
    ),
    "bound method": (
        "class Adder:\n  def add(self, number): return number + 1",
        "proto(Adder().add)",
    ),
}

CFFI_SETUP = "import cffi\nffi = cffi.FFI()\n"
CFFI_WAYS = {
    "declaration": ("", "ffi.callback('int(int)', f)"),
    "pointer declaration": ("", "ffi.callback('int(*)(int)', f)"),
    "typedef": ("ffi.cdef('typedef int (*fn)(int);')", "ffi.callback('fn', f)"),
    "ctype": ("ctype = ffi.typeof('int(*)(int)')", "ffi.callback(ctype, f)"),
    "keywords": ("", "ffi.callback(cdecl='int(int)', python_callable=f, error=-1, onerror=print)"),
    "decorator": ("", "ffi.callback('int(int)', error=3)(f)"),
    "decorator taken earlier": ("decorator = ffi.callback('int(int)')", "decorator(f)"),
    "method taken earlier": ("method = ffi.callback", "method('int(int)', f)"),
    "function taken earlier": ("function = cffi.FFI.callback", "function(ffi, 'int(int)', f)"),
    "new FFI object": ("", "cffi.FFI().callback('int(int)', f)"),
    "subclass": (
        "class Own(cffi.FFI):\n"
        "  def callback(self, *args, **kwargs): return super().callback(*args, **kwargs)\n"
        "ffi = Own()",
        "ffi.callback('int(int)', f)",
    ),
}

BACKEND_SETUP = """
import _cffi_backend as backend
ffi = backend.FFI()
integer = backend.new_primitive_type("int")
ctype = backend.new_function_type((integer,), integer, False)
"""
BACKEND_WAYS = {
    "function": ("", "backend.callback(ctype, f)"),
    "function, all arguments": ("", "backend.callback(ctype, f, 3, print)"),
    "function taken earlier": ("function = backend.callback", "function(ctype, f)"),
    "declaration": ("", "ffi.callback('int(int)', f)"),
    "ctype": ("", "ffi.callback(ctype, f)"),
    "keywords": ("", "ffi.callback(cdecl='int(int)', python_callable=f, error=-1, onerror=print)"),
    "method taken earlier": ("method = ffi.callback", "method('int(int)', f)"),
    "decorator": ("", "ffi.callback('int(int)', error=3)(f)"),
    "decorator taken earlier": ("decorator = ffi.callback('int(int)')", "decorator(f)"),
    "unbound method": ("", "backend.FFI.callback(ffi, 'int(int)', f)"),
    "unbound method taken earlier": (
        "method = backend.FFI.callback",
        "method(ffi, 'int(int)', f)",
    ),
    "method of the class": ("", "vars(backend.FFI)['callback'](ffi, 'int(int)', f)"),
}

WAYS = [
    pytest.param(setup + more.replace("{fields}", FIELDS), make, id=f"{kind}, {name}", marks=marks)
    for kind, setup, ways, marks in (
        ("ctypes", CTYPES_SETUP, CTYPES_WAYS, ()),
        ("cffi", CFFI_SETUP, CFFI_WAYS, needs_cffi),
        ("backend", BACKEND_SETUP, BACKEND_WAYS, needs_cffi),
    )
    for name, (more, make) in ways.items()
]

# Callbacks made before, while and after trampfd is installed are all alive together, called, and
# then dropped in the same order; trampfd must count only its own.
MADE_EARLIER = """
before = make()
trampfd.install()
during = make()
kept = [is_ours(before), is_ours(during), slots()]
trampfd.uninstall()
after = make()
kept += [is_ours(before), is_ours(during), is_ours(after), slots()]
del before
kept += [slots(), is_ours(during), is_ours(after)]
trampfd.install()
del after
kept += [slots(), is_ours(during)]
trampfd.uninstall()
del during
show([*kept, slots()])
"""
EARLIER = [False, True, 1, False, True, False, 1, 1, True, False, 1, True, 0]


@pytest.mark.parametrize(("prepare", "make"), WAYS)
def test_references_taken_before_install(prepare: str, make: str) -> None:
    code = f"{prepare}\ndef make():\n  return {make}\n{MADE_EARLIER}"
    assert child(code) == EARLIER


@pytest.mark.parametrize(("prepare", "make"), WAYS)
def test_references_taken_after_install(prepare: str, make: str) -> None:
    code = (
        f"trampfd.install()\n{prepare}\ndef make():\n  return {make}\n"
        "during = make()\ntrampfd.uninstall()\nafter = make()\n"
        "show([is_ours(during), is_ours(after), slots()])\n"
    )
    assert child(code) == [True, False, 1]


@pytest.fixture(scope="module")
def compiled() -> Path:
    """A folder with modules that cffi compiled: _api by the C compiler, _abi to Python."""
    if not HAS_CFFI:
        pytest.skip("cffi is not installed")
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    code = """
import cffi, sys
for name, source in (("_api", "static int twice(int (*f)(int), int n) { return f(f(n)); }"),
                     ("_abi", None)):
    ffi = cffi.FFI()
    if source:
        ffi.cdef('int twice(int (*)(int), int); extern "Python" int python_function(int);')
    ffi.set_source(name, source)
    ffi.compile(tmpdir=sys.argv[1])
"""

    def compile_in(folder: Path) -> None:
        result = python(code, str(folder))
        assert result.returncode == 0, result.stdout + result.stderr

    return build_cache.folder((code, sys.version, importlib.metadata.version("cffi")), compile_in)


@pytest.mark.parametrize("module", ["_api", "_abi"])
@pytest.mark.parametrize("way", [name for name in BACKEND_WAYS if "unbound" not in name])
def test_compiled_modules(compiled: Path, module: str, way: str) -> None:
    more, make = BACKEND_WAYS[way]
    prepare = f"{BACKEND_SETUP}\nfrom {module} import ffi\n{more}\n"
    code = f"{prepare}\ndef make():\n  return {make}\n{MADE_EARLIER}"
    assert child(code, path=compiled) == EARLIER


def test_compiled_functions_call_our_callbacks_and_extern_python_is_left_alone(
    compiled: Path,
) -> None:
    code = """
from _api import ffi, lib
@ffi.def_extern()
def python_function(number):
    return 2 * number
trampfd.install()
callback = ffi.callback("int(int)", f)
kept = [is_ours(callback), lib.twice(callback, 5), lib.twice(lib.python_function, 5)]
trampfd.uninstall()
show([*kept, lib.twice(callback, 5), lib.twice(lib.python_function, 5)])
"""
    assert child(code, path=compiled) == [True, 7, 20, 7, 20]


@pytest.fixture(scope="module")
def of_debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Debian's _cffi_backend, which has libffi as a shared library."""
    return debian_backend.link(tmp_path_factory.mktemp("debian"))


@pytest.mark.parametrize("way", BACKEND_WAYS)
def test_debian_backend(of_debian: Path, way: str) -> None:
    more, make = BACKEND_WAYS[way]
    check = "assert backend.__file__.startswith(sys.argv[1])\n"
    code = f"{BACKEND_SETUP}{check}{more}\ndef make():\n  return {make}\n{MADE_EARLIER}"
    assert child(code, str(of_debian), path=of_debian) == EARLIER


# What is not a callback stays with ctypes and cffi.

NO_CALLBACKS = """
import ctypes
libc = ctypes.CDLL(None)
proto = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

class Both(int):
    def __call__(self, number):
        return 0

def outcome(make):
    try:
        made = make()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return [type(made).__name__, bool(made), bool(made) and made(-3)]

def outcomes():
    absolute = ctypes.cast(libc.abs, ctypes.c_void_p).value
    return [outcome(make) for make in (
        lambda: proto(),
        lambda: proto(0),
        lambda: proto(absolute),
        lambda: proto(Both(absolute)),
        lambda: proto(("abs", libc)),
        lambda: proto(("abs", libc), ((1, "number"),)),
        lambda: proto(("no such function", libc)),
        lambda: proto(None),
        lambda: proto("abs"),
        lambda: proto(f, f),
        lambda: proto(function=f),
        lambda: proto.in_dll(libc, "no such variable"),
        lambda: proto.from_buffer(ctypes.c_void_p(absolute)),
        lambda: proto.from_address(ctypes.addressof(ctypes.c_void_p(0))),
        lambda: proto.from_param(f),
        lambda: ctypes.CFUNCTYPE(ctypes.c_int)._argtypes_,
        lambda: ctypes._CFuncPtr(f),
        lambda: ctypes.CFUNCTYPE(ctypes.Structure)(f),
        lambda: ctypes.cast(absolute, proto),
        lambda: libc["abs"],
    )]

stock = outcomes()
trampfd.install()
show([stock, outcomes(), slots()])
"""


def test_non_callbacks_are_left_to_ctypes_and_cffi() -> None:
    stock, ours, slots = child(NO_CALLBACKS)
    assert ours == stock
    assert slots == 0


# Installed twice, within itself, or not at all

NESTED = """
import ctypes
import _cffi_backend

def look():
    return [is_ours(ctypes_callback()), is_ours(cffi_callback()), trampfd.is_installed(),
            sum(type(finder).__module__ == "trampfd._install" for finder in sys.meta_path)]

seen = {}
trampfd.uninstall()
seen["never installed"] = look()
trampfd.install()
trampfd.install()
seen["installed twice"] = look()
trampfd.uninstall()
seen["uninstalled once"] = look()
trampfd.uninstall()
seen["uninstalled twice"] = look()
with trampfd.installed():
    seen["with"] = look()
    with trampfd.installed():
        seen["with, with"] = look()
    seen["after the inner with"] = look()
seen["after with"] = look()
trampfd.install()
with trampfd.installed():
    seen["install, with"] = look()
seen["install, after with"] = look()
trampfd.uninstall()
try:
    with trampfd.installed():
        raise KeyError
except KeyError:
    seen["after an exception"] = look()
with trampfd.installed():
    trampfd.uninstall()
    seen["uninstall, with"] = look()
seen["after uninstall, with"] = look()
for _ in range(200):
    trampfd.install()
    trampfd.uninstall()
seen["many times"] = look()
show([seen, slots()])
"""


@needs_cffi
def test_nested_and_repeated() -> None:
    on, off = [True, True, True, 1], [False, False, False, 0]
    seen, slots = child(NESTED)
    assert seen == {
        "never installed": off,
        "installed twice": on,
        "uninstalled once": off,
        "uninstalled twice": off,
        "with": on,
        "with, with": on,
        "after the inner with": on,
        "after with": off,
        "install, with": on,
        "install, after with": on,
        "after an exception": off,
        "uninstall, with": off,
        "after uninstall, with": off,
        "many times": off,
    }
    assert slots == 0


# Compares the memory that install() may change. A type object's words are compared all: which one
# is tp_new differs between versions. Its reference count, version tag and flags may change, and
# none of them is an address of code.
MEMORY = """
import ctypes, os
import _cffi_backend

def words(address, count):
    return list((ctypes.c_size_t * count).from_address(address))

def code_ranges():
    lines = open("/proc/self/maps").read().splitlines()
    spans = [line.split()[0].split("-") for line in lines if "x" in line.split()[1]]
    return [(int(start, 16), int(end, 16)) for start, end in spans]

ranges = code_ranges()

def pointers(address, count):
    return [word if any(start <= word < end for start, end in ranges) else None
            for word in words(address, count)]

def method(function):
    return words(address_of_def(function), 4)

def address_of_def(function):
    return next(word for word in words(id(function), 6)[2:] if is_method_def(word))

def is_method_def(word):
    name = words(word, 1)[0] if word in readable else 0
    return name in readable and ctypes.string_at(name, 9) == b"callback\\0"

class Readable:
    def __init__(self):
        lines = open("/proc/self/maps").read().splitlines()
        spans = [line.split()[0].split("-") for line in lines if line.split()[1][0] == "r"]
        self.spans = [(int(start, 16), int(end, 16) - 64) for start, end in spans]
    def __contains__(self, word):
        return any(start <= word < end for start, end in self.spans)

readable = Readable()
made_before = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

class Own(made_before):
    _flags_ = made_before._flags_

class OwnNew(made_before):
    _flags_ = made_before._flags_
    def __new__(cls, *args):
        return super().__new__(cls, *args)

class Struct(ctypes.Structure):
    pass

ffi = _cffi_backend.FFI()
plain, owner = ffi.new("int *"), ffi.gc(ffi.new("int *"), id)

def look():
    types = (ctypes._CFuncPtr, made_before, Own, OwnNew, Struct, type(made_before),
             type(plain), type(owner))
    size = type.__basicsize__ // 8
    return [[pointers(id(cls), size) for cls in types],
            [method(_cffi_backend.callback), method(vars(_cffi_backend.FFI)["callback"])]]

def changes(one, other):
    pairs = zip(one[0] + one[1], other[0] + other[1])
    return [sum(a != b for a, b in zip(*pair)) for pair in pairs]

before = look()
trampfd.install()
during = look()
made_during = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
inherited = [pointers(id(cls), 60).count(new) for new in
             [next(b for a, b in zip(before[0][0], during[0][0]) if a != b)]
             for cls in (made_before, Own, OwnNew, made_during)]
trampfd.uninstall()
left = pointers(id(made_during), 60).count(next(
    b for a, b in zip(before[0][0], during[0][0]) if a != b))
show([changes(before, during), inherited, changes(before, look()), left])
"""


@needs_cffi
def test_changes_five_kinds_of_pointers_and_puts_them_back() -> None:
    during, inherited, after, left = child(MEMORY)
    # _CFuncPtr, a class of it and one of that have one tp_new each; a class with its own __new__,
    # structures and the metaclass are left alone. Of cffi the tp_repr and the tp_finalize of cdata
    # with a destructor, and the two functions called callback.
    assert during == [1, 1, 1, 0, 0, 0, 0, 2, 1, 1]
    assert inherited == [1, 1, 0, 1]
    # The tp_finalize stays, for the callbacks that live on.
    assert after == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert left == 0


NAMED = """
import _cffi_backend
ffi = _cffi_backend.FFI()
seen = []
def see(*cdata):
    seen.append(["calling" in repr(one) for one in cdata])
def other(number): return number
before = ffi.callback("int(int)", f)
given = ffi.gc(ffi.new("int *"), other)
with trampfd.installed():
    inside = ffi.callback("int(int)", f)
    see(before, given, inside)
see(before, given, inside)
trampfd.install()
after = ffi.callback("int(int)", f)
see(before, given, inside, after)
ffi.release(after)  # it calls nothing any more
see(after)
trampfd.uninstall()
see(before, given, inside)
show(seen)
"""


@needs_cffi
def test_callbacks_are_named_while_it_is_in_force() -> None:
    assert child(NAMED) == [
        [True, False, True],
        [True, False, False],
        [True, False, True, True],
        [False],
        [True, False, False],
    ]


# Versions of cffi that cannot be redirected

FAKE_BACKENDS = {
    "nothing in it": "",
    "no class FFI": "callback = len",
    "Python functions": "def callback(): pass\nclass FFI:\n  def callback(self): pass",
    "other calling conventions": "callback = len\nclass FFI: callback = list.append",
    "a class as callback": "class callback: pass\nclass FFI: callback = list.append",
}

UNSUPPORTED = """
import ctypes
before = list(sys.meta_path)
sys.path.insert(0, sys.argv[1])
import _cffi_backend
errors = []
for _ in range(2):
    try:
        trampfd.install()
    except Exception as error:
        errors.append([type(error).__name__, str(error)])
state = [trampfd.is_installed(), sys.meta_path == before, is_ours(ctypes_callback())]
del sys.modules["_cffi_backend"]
sys.path.remove(sys.argv[1])
trampfd.install()
show([errors, state, is_ours(ctypes_callback()), is_ours(cffi_callback())])
"""

UNSUPPORTED_LATER = """
import ctypes
trampfd.install()
sys.path.insert(0, sys.argv[1])
errors = []
for _ in range(2):
    try:
        import _cffi_backend
    except Exception as error:
        errors.append([type(error).__name__, str(error)])
state = [trampfd.is_installed(), "_cffi_backend" in sys.modules, is_ours(ctypes_callback())]
trampfd.uninstall()
import _cffi_backend
show([errors, state, _cffi_backend.__file__.startswith(sys.argv[1])])
"""


@pytest.fixture(params=FAKE_BACKENDS)
def fake_backend(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "_cffi_backend.py").write_text(FAKE_BACKENDS[request.param])
    return tmp_path


ADVICE = "use trampfd.callback() instead of install()"


@needs_cffi
def test_an_unknown_cffi_is_refused_and_nothing_is_changed(fake_backend: Path) -> None:
    errors, state, *later = child(UNSUPPORTED, str(fake_backend))
    assert [name for name, _ in errors] == ["RuntimeError"] * 2, errors
    assert all(ADVICE in message for _, message in errors), errors
    assert state == [False, True, False]
    assert later == [True, True]


def test_an_unknown_cffi_that_is_imported_later_is_refused(fake_backend: Path) -> None:
    errors, state, found = child(UNSUPPORTED_LATER, str(fake_backend))
    assert [name for name, _ in errors] == ["RuntimeError"] * 2, errors
    assert all(ADVICE in message for _, message in errors), errors
    assert state == [True, False, True]
    assert found


# Modules imported again

AGAIN = {
    "reload ctypes": "import ctypes, importlib\nimportlib.reload(ctypes)",
    "reload _ctypes": "import _ctypes, importlib\nimportlib.reload(_ctypes)",
    "import ctypes again": "import ctypes\ndel sys.modules['ctypes']\nimport ctypes",
    "reload _cffi_backend": "import _cffi_backend, importlib\nimportlib.reload(_cffi_backend)",
    "reload cffi": "import cffi, importlib\nimportlib.reload(cffi.api)\nimportlib.reload(cffi)",
    "import cffi again": (
        "import cffi\nfor name in list(sys.modules):\n"
        "  if name.split('.')[0] == 'cffi': del sys.modules[name]\nimport cffi"
    ),
}


@needs_cffi
@pytest.mark.parametrize("name", AGAIN)
@pytest.mark.parametrize("when", ["install first", "import first"])
def test_modules_imported_again(name: str, when: str) -> None:
    look = "kept += [is_ours(ctypes_callback()), is_ours(cffi_callback())]\n"
    steps = [AGAIN[name], "trampfd.install()"]
    if when == "install first":
        steps.reverse()
    steps += [look, AGAIN[name], look, "trampfd.uninstall()", look, "show(kept)"]
    assert child("\n".join(["kept = []", *steps])) == [*[True] * 4, *[False] * 2]


SECOND_COPY = """
import ctypes as first
trampfd.install()
del sys.modules["ctypes"], sys.modules["_ctypes"]
import ctypes as second

def look():
    seen = []
    for ctypes in (first, second):
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(f)
        assert callback(20) == 21
        code = ctypes.c_void_p.from_buffer(callback).value
        seen.append(_native.find(code) is not None)
    return seen

seen = look()
trampfd.uninstall()
show([first._CFuncPtr is second._CFuncPtr, seen, look()])
"""


def test_a_second_copy_of_ctypes() -> None:
    """Up to Python 3.12 a second import of _ctypes gives the same classes.  Later it gives others:
    they stay stock."""
    same, ours, after = child(SECOND_COPY)
    assert ours == [True, same]
    assert after == [False, False]


@pytest.mark.parametrize("name", ["_ctypes", "_cffi_backend"])
def test_modules_that_are_kept_from_being_imported(name: str) -> None:
    code = f"""
sys.modules[{name!r}] = None
trampfd.install()
try:
    import {name}
    seen = "imported"
except ImportError as error:
    seen = str(error)
trampfd.uninstall()
show(seen)
"""
    assert child(code) == f"import of {name} halted; None in sys.modules"


SPECS = """
import importlib, importlib.util, pickle

def describe(spec):
    loader = spec.loader
    return [spec.name, spec.origin, spec.has_location, spec.cached, spec.parent,
            loader.get_filename(spec.name), loader.is_package(spec.name), loader.path]

def describe_module(module):
    spec = module.__spec__
    return [describe(spec), type(spec.loader).__name__, module.__loader__ is spec.loader,
            module.__file__, repr(module), getattr(spec, "_initializing", None),
            describe(pickle.loads(pickle.dumps(spec))), repr(pickle.dumps(spec))]

if "install" in sys.argv:
    trampfd.install()
seen = []
for name in ("_ctypes", "_cffi_backend"):
    spec = importlib.util.find_spec(name)
    assert name not in sys.modules
    seen.append(describe(spec))
    seen.append(describe(pickle.loads(pickle.dumps(spec))))
    module = importlib.import_module(name)
    seen.append(describe_module(module))
    seen.append(describe(importlib.util.find_spec(name)))
    for finder in list(sys.meta_path):
        finder.find_spec(name, None)
    seen.append(describe_module(module))
    importlib.reload(module)
    seen.append(describe_module(module))
    importlib.invalidate_caches()
show(seen)
"""


@needs_cffi
def test_specs_and_loaders_are_those_of_a_stock_import() -> None:
    assert child(SPECS, "install") == child(SPECS)


@pytest.mark.parametrize("options", [("-X", "importtime"), ("-v",), ("-I",), ("-W", "error")])
def test_options_of_the_interpreter(options: tuple[str, ...]) -> None:
    code = PRELUDE + "trampfd.install(); show(is_ours(ctypes_callback()))"
    result = python(code, options=options)
    assert (result.returncode, result.stdout) == (0, "true\n"), result.stderr
    if "-X" in options:
        assert " _ctypes\n" in result.stderr


# Finders of others on sys.meta_path

FINDERS = """
import importlib.abc, importlib.machinery, importlib.util
watched = ("_ctypes", "_cffi_backend")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in watched:
            self.spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            return self.answer(name)

class Raises(Finder):
    def answer(self, name):
        raise LookupError(name)

class RaisesOnce(Finder):
    def answer(self, name):
        sys.meta_path.remove(self)
        raise LookupError(name)

class Garbage(Finder):
    def answer(self, name):
        return "a spec"

class NoLoader(Finder):
    def answer(self, name):
        return importlib.machinery.ModuleSpec(name, None)

class Namespace(Finder):
    def answer(self, name):
        return importlib.machinery.ModuleSpec(name, None, is_package=True)

class NotFound(Finder):
    def answer(self, name):
        raise ModuleNotFoundError(f"no {name} today", name=name)

class FailingLoader(Finder):
    def answer(self, name):
        class Loader(importlib.abc.Loader):
            def create_module(self, spec):
                return None
            def exec_module(self, module):
                raise SyntaxError("broken")
        return importlib.machinery.ModuleSpec(name, Loader())

class Lazy(Finder):
    def answer(self, name):
        self.spec.loader = importlib.util.LazyLoader(self.spec.loader)
        return self.spec

class Hook(importlib.abc.MetaPathFinder):
    '''As packages that offer hooks after imports do it.'''
    busy = ()
    def find_spec(self, name, path=None, target=None):
        if name in self.busy or name not in watched:
            return None
        self.busy += (name,)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.busy = ()
        class Loader(importlib.abc.Loader):
            inner = spec.loader
            def create_module(self, spec):
                return self.inner.create_module(spec)
            def exec_module(self, module):
                self.inner.exec_module(module)
                hooked.append(module.__name__)
        spec.loader = Loader()
        return spec

class ClearsPath(Finder):
    def answer(self, name):
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        return None

class InstallsAgain(Finder):
    def answer(self, name):
        if "install" in sys.argv:
            trampfd.uninstall()
            trampfd.install()
        return None

hooked = []
finder = globals()[sys.argv[1]]()
if sys.argv[2] == "before":
    sys.meta_path.insert(0, finder)
if "install" in sys.argv:
    trampfd.install()
if sys.argv[2] == "after":
    sys.meta_path.insert(0, finder)
outcomes = []
for _ in range(2):
    for make in (ctypes_callback, cffi_callback):
        try:
            outcomes.append(is_ours(make()))
        except BaseException as error:
            outcomes.append([type(error).__name__, str(error)])
if finder in sys.meta_path:
    sys.meta_path.remove(finder)
for name in watched:
    if hasattr(sys.modules.get(name), "__path__"):
        del sys.modules[name]
for make in (ctypes_callback, cffi_callback):
    outcomes.append(is_ours(make()))
trampfd.uninstall()
for make in (ctypes_callback, cffi_callback):
    outcomes.append(is_ours(make()))
show([outcomes, hooked])
"""

# A finder that is put first later, and finds the module itself instead of asking the others, or
# changes the list that is being gone through, keeps other finders from being asked.
FINDER_NAMES = {
    "Raises": ("before", "after"),
    "RaisesOnce": ("before", "after"),
    "Garbage": ("before", "after"),
    "NoLoader": ("before", "after"),
    "Namespace": ("before", "after"),
    "NotFound": ("before", "after"),
    "FailingLoader": ("before", "after"),
    "Lazy": ("before",),
    "Hook": ("before", "after"),
    "ClearsPath": ("before",),
    "InstallsAgain": ("before",),
}


@needs_cffi
@pytest.mark.parametrize(
    ("name", "when"), [(name, when) for name, whens in FINDER_NAMES.items() for when in whens]
)
def test_beside_finders_of_others(name: str, when: str) -> None:
    """What an import does is the same; what it gives in the end is redirected."""
    outcomes = {}
    for words in ((), ("install",)):
        result = python(PRELUDE + FINDERS, name, when, *words, options=("-W", "ignore"))
        assert (result.returncode, result.stderr) == (0, "")
        outcomes[words] = json.loads(result.stdout)
    (stock, stock_hooked), (ours, hooked) = outcomes.values()
    assert hooked == stock_hooked
    # The same imports fail, with the same error; every callback that can be made is redirected,
    # until the end.
    assert stock[-2:] == ours[-2:] == [False, False]
    assert ours[:-2] == [True if outcome is False else outcome for outcome in stock[:-2]]


@pytest.mark.parametrize("call", ["install", "uninstall"])
@pytest.mark.parametrize("position", range(6))
def test_during_an_import(call: str, position: int) -> None:
    """None of the finders after the one that is just being asked is passed over."""
    code = f"""
asked = []

class Finder:
    def __init__(self, name):
        self.name = name
    def find_spec(self, name, path=None, target=None):
        if name == "colorsys":
            asked.append(self.name)
            if self.name == {position}:
                getattr(trampfd, {call!r})()

if {call!r} == "uninstall":
    trampfd.install()
finders = map(Finder, range(99))
sys.meta_path[:] = [item for three in zip(finders, finders, sys.meta_path) for item in three]
import colorsys
show([asked, trampfd.is_installed()])
"""
    asked, installed = child(code)
    assert sorted({*asked}) == list(range(asked[-1] + 1))
    assert installed == (call == "install")


# Threads, processes, interpreters

THREADS = """
import random, threading
sys.setswitchinterval(1e-6)
errors = []
start = threading.Barrier(8)

def work(seed):
    choose = random.Random(seed)
    start.wait()
    try:
        for _ in range(200):
            how = choose.randrange(4)
            if how == 0:
                trampfd.install()
            elif how == 1:
                trampfd.uninstall()
            elif how == 2:
                with trampfd.installed():
                    is_ours(ctypes_callback())
            is_ours(ctypes_callback())
            is_ours(cffi_callback())
    except BaseException as error:
        errors.append(repr(error))

threads = [threading.Thread(target=work, args=(int(sys.argv[1]) + i,)) for i in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
trampfd.install()
kept = [is_ours(ctypes_callback()), is_ours(cffi_callback())]
trampfd.uninstall()
kept += [is_ours(ctypes_callback()), is_ours(cffi_callback())]
show([errors, kept, slots()])
"""


IMPORTED_MEANWHILE = """
import importlib, threading
module = importlib.import_module(sys.argv[1])
from trampfd import _install
find_loaded = _install._loaded
is_importing = threading.Event()

def import_it():
    with importlib._bootstrap._ModuleLockManager(module.__name__):
        is_importing.set()
        threading.Event().wait()

def loaded():
    names = find_loaded()
    module.__spec__._initializing = True
    return names

threading.Thread(target=import_it, daemon=True).start()
is_importing.wait()
_install._loaded = loaded
install = threading.Thread(target=trampfd.install, daemon=True)
install.start()
install.join(float(sys.argv[2]))
print(install.is_alive(), flush=True)
import os
os._exit(0)
"""


@needs_cffi
@pytest.mark.parametrize("name", ["_ctypes", "_cffi_backend"])
def test_while_a_loader_that_lists_modules_early_runs(name: str) -> None:
    """Extensions of one phase are in sys.modules before they look as if they were being imported.

    The thread that imports one holds its lock, and waits for that of install()."""
    result = python(PRELUDE + IMPORTED_MEANWHILE, name, str(scale.seconds(20)))
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr


@needs_cffi
@pytest.mark.parametrize("seed", ["0", "100", "200"])
def test_threads_install_uninstall_import_and_make_callbacks(seed: str) -> None:
    """Both modules are imported by the threads, too."""
    assert child(THREADS, seed) == [[], [True, True, False, False], 0]


# One thread is in the middle of importing a module when another one calls install() and
# uninstall(): the loader here waits for it.
IMPORTING = """
import importlib.machinery, importlib.util, threading
name, *calls = sys.argv[1:]
loading, called = threading.Event(), threading.Event()

class SlowLoader(importlib.machinery.ExtensionFileLoader):
    def exec_module(self, module):
        loading.set()
        called.wait(1)  # longer if the call waits for this import, as it may
        super().exec_module(module)

class Finder:
    def find_spec(self, wanted, path=None, target=None):
        if wanted == name:
            spec = importlib.machinery.PathFinder.find_spec(wanted, path, target)
            spec.loader = SlowLoader(spec.loader.name, spec.loader.path)
            return spec

sys.meta_path.insert(0, Finder())
if calls[0] == "uninstall":
    trampfd.install()
thread = threading.Thread(target=__import__, args=(name,))
thread.start()
loading.wait()
for call in calls:
    getattr(trampfd, call)()
called.set()
thread.join()
show([is_ours(make()) for make in (ctypes_callback, cffi_callback)])
"""


@needs_cffi
@pytest.mark.parametrize("name", ["_ctypes", "_cffi_backend"])
@pytest.mark.parametrize(
    ("calls", "ours"),
    [
        (("install",), True),
        (("install", "uninstall"), False),
        (("uninstall",), False),
        (("uninstall", "install"), True),
    ],
    ids=str,
)
def test_while_another_thread_imports(name: str, calls: tuple[str, ...], ours: bool) -> None:
    assert child(IMPORTING, name, *calls) == [ours, ours]


FORK = """
import os
import _cffi_backend
trampfd.install()
kept = [ctypes_callback(), cffi_callback()]
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    made = [ctypes_callback(), cffi_callback()]
    seen = [is_ours(callback) for callback in kept + made]
    trampfd.uninstall()
    seen += [is_ours(ctypes_callback()), is_ours(cffi_callback())]
    del made, kept
    os.write(writer, json.dumps([*seen, slots()]).encode())
    os._exit(0)
os.close(writer)
_, status = os.waitpid(pid, 0)
inherited = json.loads(os.read(reader, 1000))
made = [ctypes_callback(), cffi_callback()]
show([status, inherited, [is_ours(callback) for callback in kept + made], slots()])
"""


@needs_cffi
def test_fork() -> None:
    assert child(FORK) == [0, [*[True] * 4, False, False, 0], [True] * 4, 4]


WORKER = """
import ctypes
import trampfd
from trampfd import _native

def work(number):
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: 2 * n)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    return callback(number), _native.find(address) is not None, trampfd.is_installed()
"""

MULTIPROCESSING = """
import multiprocessing
from worker import work
trampfd.install()
if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        show(pool.map(work, range(4)))
"""


@pytest.mark.parametrize(("method", "inherited"), [("fork", True), ("spawn", False)])
def test_multiprocessing(tmp_path: Path, method: str, inherited: bool) -> None:
    """A forked worker has what its parent has; a spawned one is a new program."""
    (tmp_path / "worker.py").write_text(WORKER)
    assert child(MULTIPROCESSING, method, path=tmp_path) == [
        [2 * number, inherited, inherited] for number in range(4)
    ]


# Not called: in an interpreter that is not the main one, calling stock's waits for itself.
IN_SUBINTERPRETER = """
import json, sys
seen = []
try:
    import ctypes
    kept = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: number)
    seen.append(ctypes.cast(kept, ctypes.c_void_p).value)
except ImportError as error:
    seen.append(str(error))
try:
    import _cffi_backend
    ffi = _cffi_backend.FFI()
    also = ffi.callback("int(int)", lambda number: number)
    seen.append(int(ffi.cast("intptr_t", also)))
except ImportError as error:
    seen.append(str(error))
with open({path!r}, "w") as file:
    json.dump(seen, file)
"""

SUBINTERPRETER = """
path, isolated, first, install = sys.argv[1:]
code = {code!r}.format(path=path)
if first == "imported":
    import ctypes, _cffi_backend
if install == "install":
    trampfd.install()
try:
    import _interpreters as interpreters
    interpreter = interpreters.create("isolated" if isolated == "isolated" else "legacy")
    failure = interpreters.exec(interpreter, code)
    assert failure is None, failure
except ImportError:
    import _xxsubinterpreters as interpreters
    try:
        interpreter = interpreters.create(isolated=isolated == "isolated")
    except TypeError:
        interpreter = interpreters.create()
    interpreters.run_string(interpreter, code)
interpreters.destroy(interpreter)
with open(path) as file:
    seen = json.load(file)
ours = [isinstance(item, int) and _native.find(item) is not None for item in seen]
messages = [item if isinstance(item, str) else None for item in seen]
show([messages, ours, [is_ours(ctypes_callback()), is_ours(cffi_callback())]])
"""


@needs_cffi
@pytest.mark.parametrize("isolated", ["isolated", "legacy"])
@pytest.mark.parametrize("first", ["imported", "not imported"])
def test_subinterpreters_that_do_not_install_stay_stock(
    tmp_path: Path, isolated: str, first: str
) -> None:
    code = SUBINTERPRETER.format(code=IN_SUBINTERPRETER)
    run = functools.partial(child, code, str(tmp_path / "seen"), isolated, first)
    (stock_messages, stock_ours, stock_main), (messages, ours, main) = run("-"), run("install")
    assert messages == stock_messages
    assert ours == stock_ours == [False] * 2
    assert (stock_main, main) == ([False, False], [True, True])
