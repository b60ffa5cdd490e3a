# SPDX-License-Identifier: MIT
"""trampfd.bind(): C functions with one argument bound, in C and for ctypes and cffi.

Random signatures, called through bound functions by C that a compiler made, are part of
test_plan.py; here such calls are compared with direct ones once more from the side of Python.
"""

from __future__ import annotations

import ctypes
import gc
import re
import signal
import sys
import weakref
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_double, c_int, c_long, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import abi, c_types, core, cpu, instructions, scale, signatures
from support.ctypes_calls import address, compiled, ctypes_type

import trampfd
from trampfd import _native

SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
PROGRAMS = ("bind/calls", "bind/errors", "bind/verify")


def used_slots() -> int:
    gc.collect()
    return trampfd.status().slots_used


# --- C -----------------------------------------------------------------------------------------


@pytest.mark.needs_port_with("bind")
@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program: str) -> None:
    core.check(core.executable(program))


@pytest.mark.needs_port_with("bind")
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_under_sanitizers(program: str) -> None:
    core.check(core.executable(program, *SANITIZE))


@pytest.mark.needs_port_with("bind")
@pytest.mark.only_table
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_under_valgrind(program: str) -> None:
    core.check(core.need("valgrind"), "--quiet", "--error-exitcode=1", core.executable(program))


@pytest.mark.needs_port_with("bind")
@pytest.mark.only_table
@pytest.mark.skipif(cpu.NAME != "x86_64", reason="the instructions counted are those of x86-64")
def test_call_adds_at_most_seven_instructions() -> None:
    direct, last, first = (
        instructions.of_a_call("bind/cost", each) for each in ("direct", "last", "first")
    )
    # Slot: landing pad, address, jump.  Entry: landing pad, moves, bound argument, jump.
    assert round(last - direct) == 3 + 3
    assert round(first - direct) == 3 + 3 + 1


# --- The same as a direct call -----------------------------------------------------------------

INTEGERS = [kind for kind in signatures.INTEGERS if "enum" not in kind.name]
BINDABLE = [*INTEGERS, c_types.Scalar("void *", c_types.POINTER, cpu.WORD)]


@st.composite
def bound_calls(draw: st.DrawFn) -> tuple[signatures.Call, Any, Any, bool]:
    """A call of the caller, the bound argument's type and value, and whether it is the last."""
    call = draw(signatures.calls())
    kind = draw(st.sampled_from(BINDABLE))
    return call, kind, draw(signatures.values(kind)), draw(st.booleans())


def source(call: signatures.Call, kind: Any, is_last: bool) -> str:
    """A function `target` of all arguments, which keeps them in `seen_…`, and returns `result`."""
    names = signatures.CallWriter([call])
    types = list(call.argument_types)
    types.insert(len(types) if is_last else 0, kind)
    result = names.declaration(call.result_type)
    lines = [f"#include <{name}.h>" for name in ("stddef", "stdint", "sys/types", "uchar")]
    lines += [signatures.PRELUDE, *names.definitions()]
    lines += [f"{names.declaration(type, f'seen_{i}')};" for i, type in enumerate(types)]
    if call.result_type:
        lines.append(f"{names.declaration(call.result_type, 'result')};")
    arguments = ", ".join(names.declaration(type, f"a{i}") for i, type in enumerate(types))
    lines += [f"{result} target({arguments})", "{"]
    lines += [f"    seen_{i} = a{i};" for i in range(len(types))]
    lines += ["    return result;" if call.result_type else "    return;", "}"]
    others = ", ".join(map(names.declaration, call.argument_types)) or "void"
    literals = ", ".join(map(names.literal, call.argument_types, call.arguments))
    assign = f"*({result} *)to = " if call.result_type else "(void)to; "
    lines += [f"void call({result} (*f)({others}), void *to)", "{"]
    lines += [f"    {assign}f({literals});", "}"]
    bound = names.literal(kind, 0)
    both = ", ".join(filter(None, [literals, "bound"] if is_last else ["bound", literals]))
    lines += [f"{names.declaration(kind, 'bound')} = {bound};", "void call_directly(void *to)", "{"]
    lines += [f"    {assign}target({both});", "}", ""]
    return "\n".join(lines)


def meaning(kind: Any, data: bytes) -> list[bytes]:
    """The bytes of a value that are no padding."""
    return [data[at : at + size] for at, size in c_types.placed_bytes(kind)]


@pytest.mark.needs_port_with("bind")
@settings(
    max_examples=scale.down("bound calls", 100, 10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(bound_calls())
def test_same_as_a_direct_call(drawn: tuple[signatures.Call, Any, Any, bool]) -> None:
    call, kind, value, is_last = drawn
    folder = core.new_folder()
    (folder / "target.c").write_text(source(call, kind, is_last))
    library = compiled(folder / "target.c", folder / "target.so", "-w")
    types = list(call.argument_types)
    types.insert(len(types) if is_last else 0, kind)
    library.target.argtypes = [ctypes_type(type) for type in types]
    library.target.restype = call.result_type and ctypes_type(call.result_type)
    if call.result_type:
        size, _ = c_types.size_and_alignment(call.result_type)
        given_result = bytes(i * 37 % 251 for i in range(size))
        ctypes.memmove(ctypes.addressof(c_int.in_dll(library, "result")), given_result, size)

    def run(caller: Any) -> list[list[bytes]]:
        """What the function saw, and what came back."""
        to = ctypes.create_string_buffer(80)
        caller(to)
        seen = []
        for i, type in enumerate(types):
            place = ctypes.c_char.in_dll(library, f"seen_{i}")
            size, _ = c_types.size_and_alignment(type)
            seen.append(meaning(type, ctypes.string_at(ctypes.addressof(place), size)))
            ctypes.memset(ctypes.addressof(place), 0xEE, size)
        if call.result_type:
            seen.append(meaning(call.result_type, to.raw))
        return seen

    try:
        bound = trampfd.bind(library.target, value, position="last" if is_last else "first")
    except NotImplementedError:
        assert any(map(abi.libffi_may_garble, call.argument_types))
        return
    ctypes_type(kind).in_dll(library, "bound").value = value
    directly = run(library.call_directly)
    assert run(lambda to: library.call(c_void_p(address(bound)), to)) == directly


# --- ctypes ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.memcmp.argtypes = [c_void_p, c_void_p, c_size_t]
    library.strlen.argtypes = [c_char_p]
    library.strlen.restype = c_size_t
    library.close.argtypes = [c_int]
    library.labs.argtypes = [c_long]
    library.labs.restype = c_long
    return library


Compare = CFUNCTYPE(c_int, c_void_p, c_void_p)


def test_sort_by_a_key_without_python(libc: ctypes.CDLL) -> None:
    records = ctypes.create_string_buffer(b"b2a9a1c0a5b0")
    by_letter = trampfd.bind(libc.memcmp, 1, position="last")
    whole = trampfd.bind(libc.memcmp, 2, position="last")
    qsort = ctypes.CDLL(None).qsort
    qsort.argtypes = [c_void_p, c_size_t, c_size_t, CFUNCTYPE(c_int, c_void_p, c_void_p)]
    assert by_letter(b"a1", b"a9") == 0 > by_letter(b"a1", b"b0")
    # The library's class has the flag of errno, so that its functions go into no other.
    qsort(records, 6, 2, ctypes.cast(whole, Compare))
    assert records.value == b"a1a5a9b0b2c0"


def test_result_type_is_cfunctype(libc: ctypes.CDLL) -> None:
    plain = ctypes.CDLL(None)
    plain.memcmp.argtypes = libc.memcmp.argtypes
    assert type(trampfd.bind(plain.memcmp, 1, position="last")) is Compare
    with_errno = CFUNCTYPE(c_int, c_void_p, c_void_p, use_errno=True)
    assert type(trampfd.bind(libc.memcmp, 1, position="last")) is with_errno
    python = ctypes.PyDLL(None).abs
    python.argtypes = [c_int]
    assert type(trampfd.bind(python, -3))._flags_ == type(python)._flags_
    assert trampfd.bind(python, -3)() == 3


def test_errno_of_ctypes(libc: ctypes.CDLL) -> None:
    ctypes.set_errno(0)
    assert trampfd.bind(libc.close, -1)() == -1
    assert ctypes.get_errno() == 9


def test_restype_and_errcheck_are_kept() -> None:
    labs = ctypes.CDLL(None).labs
    labs.argtypes, labs.restype = [c_long], hex
    assert trampfd.bind(labs, -16)() == "0x10"
    labs.restype = c_long
    labs.errcheck = lambda result, function, arguments: (result, arguments)
    assert trampfd.bind(labs, -16)() == (16, ())


def test_data_conversion_follows_ctypes(libc: ctypes.CDLL) -> None:
    class Counter:
        _as_parameter_ = -7

    class Pair(ctypes.Structure):
        _fields_ = (("a", c_int), ("b", c_int))

    assert trampfd.bind(libc.strlen, b"hello")() == 5
    assert [trampfd.bind(libc.labs, data)() for data in (-5, c_long(-6), Counter())] == [5, 6, 7]
    pair = Pair(1, 2)
    first = CFUNCTYPE(c_int, POINTER(Pair), c_int)(lambda pair, more: pair[0].a + more)
    for data in (pair, byref(pair), ctypes.pointer(pair)):
        assert trampfd.bind(first, data)(10) == 11
    name = CFUNCTYPE(c_int, ctypes.py_object)(lambda value: len(value))
    assert trampfd.bind(name, [1, 2, 3])() == 3


def test_structures_unknown_to_libffi_are_passed_as_words() -> None:
    class Number(ctypes.Union):
        _fields_ = (("i", c_long), ("d", c_double))

    @CFUNCTYPE(c_double, c_int, Number)
    def function(factor: int, number: Number) -> float:
        return float(factor * number.i)

    assert trampfd.bind(function, 3)(Number(i=5)) == 15.0


@pytest.mark.parametrize(
    ("function", "data", "position", "error", "words"),
    [
        ("labs", "x", "first", TypeError, "cannot convert 'x' to c_long: "),
        ("labs", 1, "middle", ValueError, 'position= is "first" or "last", not \'middle\''),
        ("strlen", 1, "first", TypeError, "cannot convert 1 to c_char_p: "),
        ("puts", b"", "first", TypeError, "the argument types of puts are not known: set its"),
        ("getpid", 1, "first", ValueError, "getpid takes no argument that could be bound"),
        ("fabs", 1, "first", TypeError, "only an integer, .* is of type c_double"),
        ("abs", 1, "first", TypeError, r"argtypes\[0\] is not a ctypes type: "),
    ],
)
def test_refusals_of_ctypes(
    libc: ctypes.CDLL, function: str, data: Any, position: str, error: type, words: str
) -> None:
    class Converter:
        from_param = staticmethod(int)

    libc.getpid.argtypes = []
    libc.fabs.argtypes = [c_double]
    libc.abs.argtypes = [Converter]
    used = used_slots()
    with pytest.raises(error, match=words):
        trampfd.bind(getattr(libc, function), data, position=position)
    assert used_slots() == used


def test_rejects_null_and_non_functions() -> None:
    with pytest.raises(ValueError, match="cannot bind a NULL pointer"):
        trampfd.bind(CFUNCTYPE(c_int, c_int)(), 1)
    for value in (len, 7, c_int(7), None):
        with pytest.raises(TypeError, match="only a ctypes function or a cdata of function type"):
            trampfd.bind(value, 1)


# --- cffi --------------------------------------------------------------------------------------

CDEF = """
size_t strlen(const char *);
int memcmp(const void *, const void *, size_t);
int printf(const char *, ...);
double ldexp(double, int);
int toupper(int);
int rand(void);
"""


@pytest.fixture
def ffi() -> Any:
    ffi = pytest.importorskip("cffi", reason="cffi: not installed").FFI()
    ffi.cdef(CDEF)
    return ffi


@pytest.fixture
def lib(ffi: Any) -> Any:
    return ffi.dlopen(None)


def test_cdata_type_lacks_the_bound_argument(ffi: Any, lib: Any) -> None:
    compare = trampfd.bind(lib.memcmp, 3, position="last")
    assert ffi.typeof(compare) is ffi.typeof("int(*)(const void *, const void *)")
    assert compare(b"abcd", b"abce") == 0 > compare(b"abc", b"abd")
    assert trampfd.bind(lib.ldexp, 3, position="last")(1.5) == 12.0


def test_data_conversion_follows_cffi(ffi: Any, lib: Any) -> None:
    class Object:
        pass

    function = trampfd.callback(
        "uintptr_t(void *, int)", lambda p, i: id(ffi.from_handle(p)) + i, ffi=ffi
    )
    value = Object()
    assert trampfd.bind(function, ffi.new_handle(value))(1) == id(value) + 1
    assert trampfd.bind(lib.strlen, b"hello")() == 5
    assert trampfd.bind(lib.strlen, ffi.new("char[]", b"four"))() == 4
    assert trampfd.bind(lib.toupper, -1)() == -1
    first = trampfd.callback("int(int *, char, bool)", lambda p, c, b: p[0] + ord(c) + b, ffi=ffi)
    number = ffi.new("int *", 1000)
    assert trampfd.bind(first, number)(b"\1", True) == 1002
    assert trampfd.bind(trampfd.bind(first, number), b"\2")(True) == 1003
    assert trampfd.bind(first, True, position="last")(number, b"\1") == 1002


def test_structures_of_cffi(ffi: Any) -> None:
    ffi.cdef("typedef struct { double a; long b; } pair; typedef struct { long a[4]; } large;")
    swap = trampfd.callback(
        "large(int, pair, long)", lambda i, p, j: [[i, int(p.a), p.b, j]], ffi=ffi
    )
    first = trampfd.bind(swap, 1)
    last = trampfd.bind(swap, 4, position="last")
    pair = ffi.new("pair *", (2.0, 3))[0]
    assert list(first(pair, 9).a) == [1, 2, 3, 9]
    assert list(last(9, pair).a) == [9, 2, 3, 4]


@pytest.mark.parametrize(
    ("function", "data", "error", "words"),
    [
        ("toupper", 1 << 40, OverflowError, "cannot convert 1099511627776 to 'int': "),
        ("toupper", "x", TypeError, "cannot convert 'x' to 'int': "),
        ("memcmp", 5, TypeError, r"cannot convert 5 to 'void \*': "),
        ("memcmp", None, TypeError, r"expected 'void \*', got None \(use ffi.NULL\)$"),
        ("ldexp", 1, TypeError, "only an integer, .* is of type 'double'"),
        ("printf", b"", NotImplementedError, "is variadic: cast it to the type of one call"),
        ("rand", 1, ValueError, "takes no argument that could be bound"),
    ],
)
def test_refusals_of_cffi(lib: Any, function: str, data: Any, error: type, words: str) -> None:
    used = used_slots()
    with pytest.raises(error, match=words):
        trampfd.bind(getattr(lib, function), data)
    assert used_slots() == used


def test_rejects_cdata_that_is_not_a_function(ffi: Any) -> None:
    with pytest.raises(TypeError, match="only a function can be bound, not a cdata of type 'int"):
        trampfd.bind(ffi.new("int *"), 1)
    with pytest.raises(ValueError, match="cannot bind a NULL pointer of type"):
        trampfd.bind(ffi.cast("int(*)(int)", 0), 1)


# --- Lifetime ----------------------------------------------------------------------------------


class Data(ctypes.Structure):
    """Something with an address that can be referred to weakly."""

    _fields_ = (("number", c_int),)


Function = CFUNCTYPE(c_int, POINTER(Data), c_int)


def test_function_and_data_live_as_long_as_the_result() -> None:
    used = used_slots()
    data = Data(5)
    function = Function(lambda data, more: data[0].number + more)
    alive = [weakref.ref(data), weakref.ref(function)]
    bound = trampfd.bind(function, byref(data))
    del data, function
    gc.collect()
    assert bound(1) == 6
    cast = ctypes.cast(bound, CFUNCTYPE(c_int, c_int))
    del bound
    gc.collect()
    assert cast(2) == 7
    del cast
    gc.collect()
    assert [reference() for reference in alive] == [None, None]
    assert used_slots() == used


def test_cycle_through_the_data_is_collected() -> None:
    class Node(ctypes.Structure):
        pass

    Node._fields_ = [("function", CFUNCTYPE(c_int, c_int))]
    used = used_slots()
    node = Node()
    function = CFUNCTYPE(c_int, POINTER(Node), c_int)(lambda node, number: number)
    node.function = trampfd.bind(function, byref(node))
    alive = weakref.ref(node)
    assert node.function(3) == 3
    del node, function
    gc.collect()
    assert alive() is None
    assert used_slots() == used


def test_release_of_cffi(ffi: Any, lib: Any) -> None:
    used = used_slots()
    bound = trampfd.bind(lib.strlen, b"hello")
    assert used_slots() == used + 1
    ffi.release(bound)
    assert used_slots() == used
    del bound
    assert used_slots() == used


KINDS = {
    "registers": "CFUNCTYPE(c_int, c_int, c_int)(lambda a, b: a + b)",
    "libffi": "CFUNCTYPE(c_int, *[c_int] * 9)(lambda *all: sum(all))",
}


@pytest.mark.parametrize("kind", KINDS)
def test_freed_means_dead(kind: str) -> None:
    code = f"""
import trampfd
from ctypes import *
bound = trampfd.bind({KINDS[kind]}, 1)
pointer = CFUNCTYPE(c_int)(c_void_p.from_buffer(bound).value)
del bound
pointer()
"""
    done = core.run(*core.python_command(code))
    assert done.returncode == -signal.SIGABRT
    assert re.search("trampfd: .*freed.*CFunctionType", done.stderr), done.stderr


def test_no_growth() -> None:
    function = Function(lambda data, more: more)
    data = Data(1)

    def blocks() -> int:
        for _ in range(1000):
            trampfd.bind(function, byref(data))
        gc.collect()
        return sys.getallocatedblocks()

    blocks()
    used = used_slots()
    assert min(blocks() - blocks() for _ in range(5)) <= 20
    assert used_slots() == used


@pytest.fixture(scope="module")
def at_exit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("c") / "libat_exit.so"
    compiled(core.PROGRAMS / "bind/at_exit.c", library)
    return library


@pytest.mark.parametrize("interface", ["ctypes", "cffi"])
def test_called_after_the_end_of_python(interface: str, at_exit: Path) -> None:
    code = {
        "ctypes": """
from ctypes import *
puts = CDLL(None).puts
puts.argtypes = [c_char_p]
at_exit = CDLL(sys.argv[1]).at_exit
at_exit.argtypes = [CFUNCTYPE(c_int)]
""",
        "cffi": """
import cffi
ffi = cffi.FFI()
ffi.cdef("int puts(const char *); int at_exit(int (*)(void));")
puts = ffi.dlopen(None).puts
at_exit = ffi.dlopen(sys.argv[1]).at_exit
""",
    }[interface]
    if interface == "cffi":
        pytest.importorskip("cffi", reason="cffi: not installed")
    code += """
import trampfd
bound = trampfd.bind(puts, b"the end, " + str(len(sys.argv)).encode())
at_exit(bound)
"""
    done = core.run(*core.python_command(code), at_exit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end, 2\n", "")


# --- Hardening ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["mdwe", "systemd_mdwe", "no_exec_maps"])
def test_works_under_hardening_policies(policy: str) -> None:
    code = f"""
import trampfd
from support import hardening
from ctypes import *
libc = CDLL(None)
libc.memcmp.argtypes = [c_void_p, c_void_p, c_size_t]
many = CFUNCTYPE(c_int, *[c_int] * 9)
trampfd.install, trampfd.bind  # loads the extension while code can be mapped
try:
    hardening.{policy}()
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({core.SKIPPED})
trampfd.install()
compare = [trampfd.bind(libc.memcmp, i, position="last") for i in range(1000)]
assert [c(b"aaaa", b"aabb") == 0 for c in compare[:4]] == [True, True, True, False]
function = many(lambda *all: sum(all))
assert trampfd.bind(function, 1)(*[1] * 8) == 9
assert not hardening.wx_mappings() and not hardening.aliased()
"""
    core.script(code)


def test_address_is_a_slot(libc: ctypes.CDLL) -> None:
    bound = trampfd.bind(libc.labs, 3)
    assert _native.find(address(bound)) is not None
