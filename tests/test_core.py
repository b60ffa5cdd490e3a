# SPDX-License-Identifier: MIT
"""The C core by itself: programs of ``tests/c`` that are linked with it."""

from __future__ import annotations

import itertools
import random
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import core_sources
import pytest
from support import build_cache, core, cpu, landing_pads, providers

COMPILERS = ("cc", "clang")

# Programs that check one behaviour each, and the argument that they need, if any: those that hold
# for every provider run with the current one.
PROGRAMS = (
    ("core/abi", ""),
    ("core/arguments", ""),
    ("core/churn", ""),
    ("core/dl_iterate", ""),
    ("core/free_in_call", ""),
    ("core/lookup_race", ""),
    ("core/permanent", ""),
    ("core/prep_errors", ""),
    ("core/read_back", ""),
    ("core/registers", ""),
    ("core/reprep", ""),
    ("core/sizes", ""),
    ("core/thousand", ""),
    ("core/threads", ""),
)

# Those that look at the blocks of the table.
TABLE_PROGRAMS = (
    ("core/all_slots", ""),
    ("core/backtrace", ""),
    ("core/border", ""),
    ("core/growth", "own file"),
    ("core/growth", "memfd"),
    ("core/landing_pads", ""),
    ("core/limit_file_size", ""),
    ("core/limit_memory", ""),
    ("core/lookup", ""),
    ("core/probe", ""),
    ("core/spans", ""),
    ("core/status", ""),
    ("core/trail", ""),
    ("core/verify_all", ""),
)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("name", "argument"), PROGRAMS)
def test_program(name: str, argument: str, compiler: str) -> None:
    program = core.executable(name, compiler=compiler)
    core.check(core.copy_of(program), *filter(None, [argument]))


@pytest.mark.only_table
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("name", "argument"), TABLE_PROGRAMS)
def test_program_for_the_table(name: str, argument: str, compiler: str) -> None:
    program = core.executable(name, compiler=compiler)
    core.check(core.copy_of(program), *filter(None, [argument]))


@pytest.mark.parametrize("marshalled_by", ["plan", "libffi", "bound"])
def test_free_at_each_instruction_of_a_call(marshalled_by: str) -> None:
    """The right result or the message that names the closure, never anything else."""
    core.check(core.executable("core/free_stepped"), marshalled_by)


def test_free_races_with_calls() -> None:
    core.check(core.executable("core/free_race"))


@pytest.mark.only_table
def test_threads_seldom_lock() -> None:
    core.check(core.executable("core/lock_count", link=("-Wl,--wrap=pthread_mutex_lock",)))


@pytest.mark.only_table
@pytest.mark.parametrize("way", ["end", "fork", "rest", "shrink", "race"])
def test_magazines(way: str) -> None:
    core.check(core.executable("core/magazines"), way)


@pytest.mark.only_table
@pytest.mark.parametrize("way", ["alone", "threads", "fork", "end", "race", "refused", "idle"])
def test_reserved_closures_need_no_system_call(way: str) -> None:
    core.check(core.executable("core/reserve"), way)


@pytest.mark.only_table
def test_without_a_reservation_the_filter_strikes() -> None:
    done = core.run(core.executable("core/reserve"), "without")
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == -signal.SIGSYS, done.stderr


ADDRESS = "0x[0-9a-f]+"
NOT_LIVE = "free of an address that is not a live closure: {} (closure {{}})"
FREED = NOT_LIVE.format("it was freed before")
INSIDE = NOT_LIVE.format("it is the code of one, or inside it")
NEVER = NOT_LIVE.format("it was never allocated here")
PERMANENT = NOT_LIVE.format("it is permanent")
CALL = "call of a closure that was {}: {{}}{} (slot SLOT of the block at BLOCK)"

# What is misused, and the message, where {} is the address that the program announces.
ABORTS = {
    "free twice": FREED,
    "free a large one twice": FREED,
    "free the code": INSIDE,
    "free the middle": INSIDE,
    "free stack": NEVER,
    "free heap": NEVER,
    "free a small number": NEVER,
    "free a permanent one": PERMANENT,
    "call freed": CALL.format("freed", ""),
    "call freed by name": CALL.format("freed", " (on_click)"),
    "call freed by long name": CALL.format("freed", " (012345678901234567890123456789012345678)"),
    "call the last of a block": CALL.format("freed", ""),
    "call unprepared": CALL.format("allocated but not prepared", ""),
    "call large unprepared": CALL.format("allocated but not prepared", ""),
    "write to freed": "the record of a free closure was overwritten (closure {})",
}


# Not for those that count blocks: a few slots, and so a block, are in the thread's magazine.
AMONG_THREADS = [way for way in ABORTS if way != "call the last of a block"]


@pytest.mark.parametrize(
    ("way", "threads"),
    [
        *((way, ()) for way in ABORTS),
        *((way, ("among threads",)) for way in AMONG_THREADS),
    ],
)
def test_misuse_aborts_and_says_why(way: str, threads: tuple[str, ...]) -> None:
    done = core.run(core.executable("core/abort"), way, *threads)
    assert done.returncode == -signal.SIGABRT, done.stderr
    message = "trampfd: " + ABORTS[way].format(done.stdout.strip()) + "\n"
    pattern = re.escape(message).replace("SLOT", r"\d+").replace("BLOCK", ADDRESS)
    assert re.fullmatch(pattern, done.stderr)


def test_call_into_a_block_that_was_given_back_is_reported() -> None:
    done = core.run(core.executable("core/abort"), "call into a block that was given back")
    if providers.current() in providers.KERNEL:  # its code is unmapped
        assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), done.stderr
        return
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert re.fullmatch(
        rf"trampfd: call of a closure that was freed, as all of its block: record {ADDRESS}\n",
        done.stderr,
    )


@pytest.mark.any_provider
@pytest.mark.parametrize("name", ["", "auto", "table"])
def test_provider_of_the_variable_is_used(name: str) -> None:
    provider = "table" if name == "table" else providers.of_auto()
    environment = {"TRAMPFD_PROVIDER": name}
    core.check(core.executable("core/backend"), provider, environment=environment)


@pytest.mark.any_provider
@pytest.mark.parametrize("name", ["nonsense", "Table", "table ", "tables"])
def test_unknown_provider_is_refused(name: str) -> None:
    environment = {"TRAMPFD_PROVIDER": name}
    core.check(core.executable("core/backend"), "none", environment=environment)


@pytest.mark.any_provider
@pytest.mark.parametrize(
    ("name", "older", "provider"),
    [
        (None, "table", "table"),
        (None, "nonsense", "none"),
        ("", "nonsense", "none"),
        ("table", "nonsense", "table"),
        ("nonsense", "table", "none"),
    ],
)
def test_older_name_of_the_variable_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str | None, older: str, provider: str
) -> None:
    monkeypatch.delenv("TRAMPFD_PROVIDER", raising=False)
    environment = {"TRAMPFD_BACKEND": older, **({} if name is None else {"TRAMPFD_PROVIDER": name})}
    core.check(core.executable("core/backend"), provider, environment=environment)


# What core/inject.c replaces by functions that can fail.
WRAPPED = (
    "calloc", "fcntl", "fopen", "getline", "__getdelim", "memfd_create", "mmap", "open",
    "pread", "pthread_atfork", "strdup", "write",
)  # fmt: skip


@pytest.mark.only_table
def test_every_call_may_fail() -> None:
    # Fortified headers would call other names.
    flags = ("-U_FORTIFY_SOURCE",)
    wraps = tuple(f"-Wl,--wrap={name}" for name in WRAPPED)
    core.check(core.copy_of(core.executable("core/inject", *flags, link=wraps)))


# Ways to link a program with the core, as flags.
LINKED = {
    "position independent": ("-fPIE", "-pie"),
    "fixed position": ("-fno-pie", "-no-pie"),
    "static": ("-fno-pie", "-static"),
    "static, position independent": ("-fPIE", "-static-pie"),
    "large": ("-fPIE", "-pie", "-Wl,-z,max-page-size=65536"),
    "separate code": ("-fPIE", "-pie", "-Wl,-z,separate-code,-z,relro,-z,now"),
}


@pytest.mark.only_table
@pytest.mark.parametrize("way", LINKED)
@pytest.mark.parametrize("argument", ["own file", "memfd"])
def test_linked_into_a_program(way: str, argument: str) -> None:
    core.check(core.copy_of(core.executable("core/growth", *LINKED[way])), argument)


@pytest.mark.only_table
@pytest.mark.parametrize("way", ["copies", "namespaces", "closed"])
def test_shared_library(way: str) -> None:
    library = core.shared_library()
    core.check(core.executable("core/dlopen"), way, library, core.copy_of(library))


@pytest.mark.only_table
def test_a_thousand_closures_take_no_system_call() -> None:
    assert core.traced("all", [core.executable("core/thousand")]) == []


@pytest.mark.only_table
def test_block_boundary_does_not_map() -> None:
    calls = "mmap,munmap,mprotect,mremap,madvise"
    assert core.traced(calls, [core.executable("core/border")]) == []


# Scalars in C, and their ffi_type.
SCALARS = {
    "signed char": "sint8",
    "unsigned char": "uint8",
    "short": "sint16",
    "unsigned short": "uint16",
    "int": "sint32",
    "unsigned": "uint32",
    "long": "slong",
    "unsigned long": "ulong",
    "float": "float",
    "double": "double",
    "long double": "longdouble",
    "void *": "pointer",
}
COMPLEX = {
    "float _Complex": "complex_float",
    "double _Complex": "complex_double",
    "long double _Complex": "complex_longdouble",
}


class Signatures:
    """C text with functions of random signatures, see ``core/signatures.h``."""

    def __init__(self, seed: int, count: int) -> None:
        self._random = random.Random(seed)
        self._lines = ["#include <stddef.h>", '#include "core/signatures.h"']
        self._numbers = itertools.count()
        self._scalars = {**SCALARS, **(COMPLEX if core.libffi_has("COMPLEX_TYPE") else {})}
        # Structures of nothing but one long double, which libffi 3.4 returns the wrong way.
        self._lone = {"long double"}
        names = [self._function(number) for number in range(count)]
        names.append("NULL")
        self._lines.append(f"void (*const signatures[])(void) = {{{', '.join(names)}}};")
        self.text = "\n".join(self._lines) + "\n"

    def _type(self, depth: int = 0) -> tuple[str, str]:
        """The name of a random type in C, and the address of its ffi_type."""
        if depth == 3 or self._random.random() < 0.7:
            name = self._random.choice(list(self._scalars))
            return name, f"&ffi_type_{self._scalars[name]}"
        members = [self._type(depth + 1) for _ in range(self._random.randint(1, 4))]
        name = f"s{next(self._numbers)}"
        fields = " ".join(f"{member} f{i};" for i, (member, _) in enumerate(members))
        elements = ", ".join(element for _, element in members)
        self._lines += [
            f"struct {name} {{ {fields} }};",
            f"static ffi_type *{name}_elements[] = {{{elements}, NULL}};",
            f"static ffi_type {name} = {{.type = FFI_TYPE_STRUCT, .elements = {name}_elements}};",
        ]
        if len(members) == 1 and members[0][0] in self._lone:
            self._lone.add(f"struct {name}")
        return f"struct {name}", f"&{name}"

    def _result(self) -> tuple[str, str]:
        if self._random.random() < 0.1:
            return "void", "&ffi_type_void"
        name, address = self._type()
        while name.startswith("struct") and name in self._lone:
            name, address = self._type()
        return name, address

    def _function(self, number: int) -> str:
        result, result_type = self._result()
        arguments = [self._type() for _ in range(self._random.choice([0, 1, 2, 3, 5, 8, 12, 20]))]
        types = ", ".join(name for name, _ in arguments) or "void"
        names = [f"a{i}" for i in range(len(arguments))]
        call = f"code({', '.join(names)})"
        self._lines += [
            f"static void signature{number}(void)",
            "{",
            *(f"    {type} {name};" for (type, _), name in zip(arguments, names)),
            f"    static ffi_type *types[] = {{{''.join(a + ', ' for _, a in arguments)}NULL}};",
            f"    void *addresses[] = {{{''.join(f'&{name}, ' for name in names)}NULL}};",
            f'    {result} (*code)({types}) = prepare("{result} ({types})", {result_type},'
            f" {len(arguments)}, types, addresses);",
        ]
        if result == "void":
            self._lines += [f"    {call};", "    check_result(NULL);", "}"]
        else:
            self._lines += [f"    {result} result = {call};", "    check_result(&result);", "}"]
        return f"signature{number}"


@pytest.mark.skipif(
    cpu.NAME in ("arm", "ppc64le", "s390x"), reason="closures of stock libffi fail there, too"
)
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_signatures(seed: int, compiler: str) -> None:
    text = Signatures(seed, 400).text
    folder = build_cache.folder(text, lambda folder: (folder / "signatures.c").write_text(text))
    flags = ("-O1", "-Wno-psabi", "-Wno-unused-variable")
    program = core.executable(
        "core/signatures", more=(str(folder / "signatures.c"),), link=flags, compiler=compiler
    )
    core.check(program)


def test_an_exception_passes_through() -> None:
    command = ["c++", "-Wall", "-Wextra", "-Werror", f"-I{core.BACKEND / 'include'}"]
    command += ["-o", "throw", str(core.PROGRAMS / "core/throw.cc"), *core.objects()]
    plans = ["no plans"] if core.port_lacks("plan") else []
    core.check(core.compiled(*command, *core.link_flags()) / "throw", *plans)


@pytest.mark.any_provider
@pytest.mark.parametrize(("compiler", "language"), [("cc", "c"), ("c++", "c++")])
def test_header_compiles_on_its_own(compiler: str, language: str) -> None:
    source = core.new_folder() / "header"
    source.write_text("#include <trampfd.h>\n#include <trampfd.h>\n")
    command = [core.need(compiler), "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    command += [f"-I{core.BACKEND / 'include'}", "-x", language, str(source)]
    core.compiler_run(command, source.parent)


def readelf(option: str, path: object) -> str:
    done = core.run(core.need("readelf"), "--wide", option, path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assembled() -> Iterator[Path]:
    sources = core_sources.of_architecture(core.architecture())
    stems = {source.stem for source in sources if source.suffix == ".S"}
    yield from (Path(path) for path in core.objects() if Path(path).stem in stems)


@pytest.mark.skipif(not landing_pads.EXIST, reason="the CPU has no landing pads")
def test_assembly_permits_control_flow_protection() -> None:
    paths = list(assembled())
    assert paths
    for path in paths:
        assert landing_pads.are_claimed(readelf("--notes", path)), path


def test_assembly_asks_for_no_executable_stack() -> None:
    for path in assembled():
        (stack,) = (
            line for line in readelf("--sections", path).splitlines() if ".note.GNU-stack" in line
        )
        assert "X" not in stack.split()[7], stack


def check_segments(path: object) -> None:
    """No segment is writable and executable, the stack is not executable, no code is relocated."""
    segments = re.findall(
        r"^ +(\w+) +(?:0x[0-9a-f]+ +){5}([R ][W ][E ])", readelf("--segments", path), re.MULTILINE
    )
    assert "LOAD" in dict(segments)
    assert dict(segments)["GNU_STACK"] == "RW "
    for kind, mode in segments:
        assert mode != "RWE", kind
    assert "TEXTREL" not in readelf("--dynamic", path)


def test_library_has_no_writable_code() -> None:
    check_segments(core.shared_library())


def test_extension_has_no_writable_code() -> None:
    from trampfd import _native

    check_segments(_native.__file__)
    assert "NODELETE" in readelf("--dynamic", _native.__file__)


def test_slots_have_unwind_information() -> None:
    done = core.run(core.need("readelf"), "--wide", "--symbols", core.shared_library())
    start, size = next(
        (int(words[1], 16), int(words[2], 0))
        for words in map(str.split, done.stdout.splitlines())
        if words[-1:] == ["tfd_slots"]
    )
    frames = readelf("--debug-dump=frames", core.shared_library())
    ranges = re.findall(r"FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)", frames)
    assert any(int(a, 16) <= start and int(b, 16) >= start + size for a, b in ranges)


def test_every_program_is_run() -> None:
    """By its name in one of the test files."""
    tests = "".join(path.read_text() for path in core.TESTS.glob("test_*.py"))
    names = core.programs("core")
    assert names == {name for name in names if f'"{name}' in tests}
