# SPDX-License-Identifier: MIT
"""The extension, libtrampfd and the preload library in one process, in every order.

Each keeps closures of its own.  What is given to the wrong one is served, or refused in one line.
"""

from __future__ import annotations

import functools
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import core, library, preload

import trampfd._native

OWN = "libtrampfd.so.0"
FFI = preload.FFI


@functools.cache
def user() -> Path:
    """A library that uses both C libraries."""
    folder = library.path(OWN).parent
    source = core.PROGRAMS / "preload/two_products.c"
    flags = [*core.compile_flags(), "-fPIC", "-shared", f"-L{folder}", f"-Wl,-rpath,{folder}"]
    command = ["cc", *flags, "-o", "libuser.so", source, "-ltrampfd", *core.link_flags()]
    return core.compiled(*command) / "libuser.so"


@functools.cache
def stub() -> Path:
    """Another version of libtrampfd, as far as names go: each function ends the process."""
    names = re.findall(r"\btrampfd_\w+(?=;)", (core.BACKEND / "libtrampfd.map").read_text())
    source = core.new_folder() / "stub.c"
    functions = (f"void {name}(void) {{ end({index}); }}" for index, name in enumerate(names))
    source.write_text(
        "#include <stdlib.h>\n#include <unistd.h>\n"
        "static void end(int name)\n"
        '{ if (write(2, "the stub was called\\n", 20) != 20 || name >= 0) abort(); }\n'
        + "\n".join(functions)
    )
    output = source.with_name("libtrampfd-stub.so")
    core.compiler_run(["cc", "-shared", "-fPIC", "-o", str(output), str(source)], source.parent)
    return output


def exported(path: object) -> set[str]:
    lines = core.check(core.need("nm"), "-D", "--defined-only", path).splitlines()
    return {line.split()[2].partition("@")[0] for line in lines}


def test_the_extension_exports_its_init_function_only() -> None:
    assert exported(trampfd._native.__file__) == {"PyInit__native"}


def test_the_copy_of_the_preload_library_in_the_package_exports_libffi_names_only() -> None:
    copy = Path(trampfd._native.__file__).with_name("libtrampfd-ffi.so")
    if not copy.exists():
        pytest.skip("this package has no copy of the preload library")
    assert not [name for name in exported(copy) if not name.startswith(("ffi_", "LIBFFI"))]


# What a Python program does with the extension, whatever else is in its process.
CALLBACKS = """
import ctypes, sys
import trampfd

made = []

def check():
    '''Callbacks of both kinds are made, called, verified, and freed.'''
    cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    for add in range(3):
        one = trampfd.callback(cls, lambda x, add=add: x + add)
        assert one(1) == 1 + add
        assert trampfd.verify(one).differences == ()
        made.append(one)
    del made[1:]
    array = (ctypes.c_int * 5)(3, 1, 2, 5, 4)
    pointer = ctypes.POINTER(ctypes.c_int)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)
    with trampfd.installed():
        function = compare(lambda a, b: a[0] - b[0])
        ctypes.CDLL(None).qsort(array, 5, 4, function)
        assert list(array) == [1, 2, 3, 4, 5]
    two = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
    assert trampfd.bind(two(lambda a, b: a * 10 + b), 7)(3) == 73
    try:
        import cffi
    except ImportError:
        return
    ffi = cffi.FFI()
    with trampfd.installed():
        assert ffi.callback("int(int)", lambda x: x + 1)(41) == 42
"""


def python(code: str, *arguments: object, preload: tuple[object, ...] = ()) -> None:
    """Run code after CALLBACKS in a child process that has these libraries preloaded."""
    environment = {"LD_PRELOAD": " ".join(map(str, preload))} if preload else {}
    core.check(*core.python_command(CALLBACKS + code), *arguments, environment=environment)


PRELOADED = {
    "nothing": (),
    "libtrampfd": (OWN,),
    "libtrampfd-ffi": (FFI,),
    "libtrampfd, libtrampfd-ffi": (OWN, FFI),
    "libtrampfd-ffi, libtrampfd": (FFI, OWN),
}


def paths(names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(library.path(name) for name in names)


@pytest.mark.parametrize("order", PRELOADED)
def test_callbacks_beside_preloaded_libraries(order: str) -> None:
    python("check()", preload=paths(PRELOADED[order]))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", [OWN, FFI])
def test_callbacks_beside_a_library_in_the_global_scope(name: str, when: str) -> None:
    load = "ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)\n"
    code = f"check()\n{load}check()\n" if when == "after" else "check()\n"
    start = f"import ctypes, sys\n{load}" if when == "before" else ""
    core.check(*core.python_command(start + CALLBACKS + code), library.path(name))


@pytest.mark.parametrize("how", ["preloaded", "opened before", "opened after"])
def test_another_version_is_never_called(how: str) -> None:
    """Its functions have the names of ours, and end the process."""
    load = f"import ctypes\nctypes.CDLL({str(stub())!r}, ctypes.RTLD_GLOBAL)\n"
    if how == "preloaded":
        python("check()", preload=(stub(),))
    elif how == "opened before":
        core.check(*core.python_command(load + CALLBACKS + "check()"))
    else:
        python(f"check()\n{load}check()")


def test_another_version_in_front_of_the_preload_library() -> None:
    environment = {"LD_PRELOAD": f"{stub()} {library.path(FFI)}"}
    assert core.check(preload.program("preload/one"), environment=environment) == "clean\n"


def test_another_version_in_front_of_the_library() -> None:
    """trampfd_bind(), asked for by the library's handle, allocates and prepares inside it."""
    code = """
import ctypes, sys
own, ffi = ctypes.CDLL(sys.argv[1]), ctypes.CDLL("libffi.so.8")
cif = ctypes.create_string_buffer(64)
sint = ctypes.addressof(ctypes.c_char.in_dll(ffi, "ffi_type_sint32"))
types = (ctypes.c_void_p * 1)(sint)
assert ffi.ffi_prep_cif(cif, 2, 1, ctypes.c_void_p(sint), types) == 0
own.trampfd_bind.restype = ctypes.c_void_p
function = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p)
code = ctypes.c_void_p()
assert own.trampfd_bind(cif, function, ctypes.c_void_p(-5), 0, ctypes.byref(code), None)
assert ctypes.CFUNCTYPE(ctypes.c_int)(code.value)() == 5
"""
    command = core.python_command(code)
    core.check(*command, library.path(OWN), environment={"LD_PRELOAD": str(stub())})


EMBEDDED = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <trampfd.h>

static void handler(ffi_cif *cif, void *result, void **arguments, void *number)
{
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(*(int *)arguments[0] + (int)(intptr_t)number);
}

int main(int argc, char **argv)
{
    ffi_type *types[] = {&ffi_type_sint};
    struct trampfd_report report;
    int (*code)(int), wrong;
    ffi_cif cif;
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&code, NULL);

    if (argc != 2 || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) != FFI_OK
        || trampfd_closure_prep(closure, &cif, handler, (void *)4))
        return 2;
    Py_Initialize();
    wrong = PyRun_SimpleString(argv[1]);
    if (code(1) != 5 || trampfd_closure_verify((void *)code, &cif, handler, (void *)4, &report)
        || report.count)
        return 3;
    trampfd_closure_free(closure);
    return Py_FinalizeEx() || wrong;
}
"""


def embedding_flags() -> list[str]:
    """How to link a program that embeds this Python; skips where that is not possible."""
    config = Path(
        sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}-config"
    )
    if not config.exists():
        pytest.skip(f"{config} is not there")
    words = core.check(config, "--includes", "--ldflags", "--embed").split()
    # The library may be in a folder that only the interpreter itself knows.
    return [*words, f"-Wl,-rpath,{sys.base_prefix}/lib"]


def test_an_embedding_program_linked_with_the_library() -> None:
    folder = library.path(OWN).parent
    source = core.new_folder() / "embedded.c"
    source.write_text(EMBEDDED)
    program = source.with_suffix("")
    command = ["cc", "-rdynamic", "-o", str(program), str(source), *library.pkg_config("--cflags")]
    command += [f"-L{folder}", f"-Wl,-rpath,{folder}", "-ltrampfd", *embedding_flags()]
    command += core.link_flags()
    built = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if built.returncode and "lpython" in built.stderr:
        pytest.skip("this Python has no library to embed")
    assert built.returncode == 0, built.stderr
    script = f"import sys; sys.path[:0] = {sys.path!r}\n{CALLBACKS}check()\n"
    environment = {"PYTHONHOME": sys.base_prefix}
    done = core.run(program, script, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")


# Closures of each, given to the others.

USE = """
import ctypes, sys
user = ctypes.CDLL(sys.argv[1])
for name in ("own_make", "ffi_make"):
    getattr(user, name).restype = ctypes.c_void_p

def own(number):
    code = ctypes.c_void_p()
    closure = user.own_make(number, ctypes.byref(code))
    return ctypes.c_void_p(closure), code

def ffi(number, size=56):
    code = ctypes.c_void_p()
    closure = user.ffi_make(ctypes.c_size_t(size), number, ctypes.byref(code))
    return ctypes.c_void_p(closure), code
"""


def use(code: str, order: str = "libtrampfd-ffi") -> subprocess.CompletedProcess[str]:
    environment = {"LD_PRELOAD": " ".join(map(str, paths(PRELOADED[order])))}
    return core.run(*core.python_command(USE + code), user(), environment=environment)


@pytest.mark.parametrize("order", PRELOADED)
def test_each_serves_its_own(order: str) -> None:
    code = """
import errno
for number in range(3):
    ours, its = own(number), ffi(number, 56 + 100 * number)
    assert user.call(ours[1], 1) == user.call(its[1], 1) == 1 + number
    assert user.own_reads(ours[1]) == user.own_verifies(ours[1], number) == 0
    assert user.own_verifies(ours[1], number + 1) == 1
    assert user.own_reads(its[1]) == errno.ENOENT
    assert user.own_verifies(its[1], number) == -errno.ENOENT
    assert user.own_prepare(its[0], number) == -errno.EINVAL
    user.own_free(ours[0])
    user.ffi_free(its[0])
"""
    done = use(code, order)
    assert (done.returncode, done.stderr) == (0, "")


NOT_LIVE = "free of an address that is not a live closure: it belongs to"


@pytest.mark.parametrize("order", [name for name in PRELOADED if FFI in PRELOADED[name]])
def test_a_free_by_the_wrong_library_names_the_right_one(order: str) -> None:
    done = use("user.own_free(ffi(1)[0])", order)
    assert done.returncode == -signal.SIGABRT
    assert re.fullmatch(rf"trampfd: {NOT_LIVE} {FFI} \(closure 0x[0-9a-f]+\)\n", done.stderr)
    done = use("user.ffi_free(own(1)[0])", order)
    assert done.returncode == -signal.SIGABRT
    assert re.fullmatch(rf"trampfd: {NOT_LIVE} {OWN} \(closure 0x[0-9a-f]+\)\n", done.stderr)


def test_closures_of_the_library_are_not_prepared_by_libffi_s_functions() -> None:
    code = """
closure, code = own(1)
assert user.ffi_prepare(closure, 2, code) != 0
assert user.ffi_prepare(closure, 2, code) != 0
assert user.call(code, 1) == 2
user.own_free(closure)
"""
    done = use(code)
    said = "prepares closures of libtrampfd or of Python's trampfd by libffi's functions"
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"trampfd: {user()} {said}, which is refused\n"


def test_callbacks_of_the_extension_given_to_the_others() -> None:
    code = """
import trampfd
one = trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int), lambda x: x + 1)
code = ctypes.cast(one, ctypes.c_void_p)
assert user.own_reads(code) == errno.ENOENT
assert user.ffi_prepare(code, 2, code) != 0
assert one(1) == 2 and trampfd.verify(one).differences == ()
user.ffi_free(code)
"""
    done = use(f"import errno{code}")
    assert done.returncode == -signal.SIGABRT
    name = Path(trampfd._native.__file__).name
    assert re.search(rf"^trampfd: {NOT_LIVE} {name} \(closure 0x[0-9a-f]+\)$", done.stderr, re.M)


def test_two_copies_of_the_preload_library_serve_each_other() -> None:
    """As install(libraries=True) has it, where one is preloaded that is not the package's own."""
    code = """
import trampfd
from trampfd._system import preload_library
before = ffi(1)
preload_library.find = lambda: sys.argv[2]
trampfd.install(libraries=True)
assert [one for one in trampfd.status().redirected if one.library == sys.argv[1]]
after = ffi(2)
for closure, code in (before, after):
    assert user.ffi_prepare(closure, 5, code) == 0 and user.call(code, 1) == 6
user.ffi_free(before[0])
trampfd.uninstall()
user.ffi_free(after[0])
"""
    copy = core.copy_of(library.path(FFI))
    environment = {"LD_PRELOAD": str(library.path(FFI))}
    done = core.run(*core.python_command(USE + code), user(), copy, environment=environment)
    assert done.returncode == 0, done.stderr
    verbs = {line.split()[2] for line in done.stderr.splitlines()}
    assert verbs == {"prepares", "frees"} and done.stderr.count("are handed to that copy") == 2
