# SPDX-License-Identifier: MIT
"""libtrampfd-ffi.so in front of libffi: what programs that know libffi only get from it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import core, cpu, library, preload

from trampfd._cli.audit.inspect import Process, inspect
from trampfd._system import ffi_origin

# Programs that check one behaviour each, with no memory writable and executable at their end.
PROGRAMS = (
    "preload/code_address",
    "preload/early",
    "preload/fork",
    "preload/raw",
    "preload/sizes",
    "preload/threads",
    "preload/writable",
)

HANDLED = "instead of the writable one; they are"


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    done = preload.run(name, policies=preload.HARDENED)
    if done.returncode == core.SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr


def test_stock_maps_a_file_twice_under_that_policy() -> None:
    """Or these tests would show little."""
    one = preload.program("preload/one")
    if core.check(one) == "clean\n":
        pytest.skip("this libffi has static trampolines, and needs no such memory either")
    assert core.check(*preload.under(preload.HARDENED, one)) == "wx\n"
    assert preload.run("preload/one", policies=preload.HARDENED).stdout == "clean\n"


# Addresses, and their use.


def test_memory_of_the_program_is_left_to_libffi() -> None:
    name = "preload/own_memory"
    assert core.run(preload.program(name)).returncode == 0
    done = preload.run(name, environment={"TRAMPFD_REPORT": "1"})
    assert done.returncode == 0, done.stderr
    text = "uses memory that is not from trampfd; libffi serves it (2 times)"
    assert f"{preload.program(name)} {text}\n" in done.stderr
    assert "makes closures" not in done.stderr


def test_use_of_the_code_address_is_reported_once_and_handled() -> None:
    done = preload.run("preload/code_address")
    assert done.returncode == 0
    path = re.escape(str(preload.program("preload/code_address")))
    verbs = ("prepares", "prepared"), ("frees", "freed")
    lines = [
        f"trampfd: {path} {verb} closures by their code address {HANDLED} {participle}"
        for verb, participle in verbs
    ]
    assert re.fullmatch("\n".join(lines) + "\n", done.stderr)


def test_each_object_file_that_uses_the_code_address_is_named() -> None:
    """A second object file is said too, and the report counts both."""
    script = """
import ctypes, sys
for path in sys.argv[1:]:
    library = ctypes.CDLL(path)
    library.plugin_make.restype = library.plugin_free.argtypes = None
    code = ctypes.c_void_p()
    library.plugin_make(1, ctypes.byref(code))
    library.plugin_free(code)
"""
    plugins = [core.copy_of(preload.plugin()) for _ in range(2)]
    environment = {**preload.preloaded(), "TRAMPFD_REPORT": "1"}
    done = core.run(sys.executable, "-c", script, *plugins, *plugins, environment=environment)
    assert done.returncode == 0, done.stderr
    said = f"frees closures by their code address {HANDLED} freed"
    for plugin in plugins:
        assert done.stderr.count(f"trampfd: {plugin} {said}\n") == 1
        assert done.stderr.count(f"trampfd: {plugin} {said} (2 times)\n") == 1


@pytest.mark.skipif(cpu.NAME == "i386", reason="a function that needs ebx ends in no jump")
def test_a_function_that_ends_in_a_jump_to_us_is_named() -> None:
    """The call returns to the program then, which has nothing to do with libffi."""
    output = core.new_folder() / "program"
    source = """
void *plugin_make(int, void **);
void plugin_free_by_jump(void *);
int main(void) { void *code; plugin_make(1, &code); plugin_free_by_jump(code); return 0; }
"""
    output.with_suffix(".c").write_text(source)
    plugin = preload.plugin()
    core.compiler_run(
        ["cc", "-o", str(output), f"{output}.c", str(plugin), f"-Wl,-rpath,{plugin.parent}"],
        output.parent,
    )
    done = core.run(output, environment=preload.preloaded())
    assert done.returncode == 0, done.stderr
    said = f"frees closures by their code address {HANDLED} freed"
    assert done.stderr == f"trampfd: {plugin} (called by {output}) {said}\n"


def test_writable_address_as_code_is_in_the_report() -> None:
    done = preload.run("preload/writable", environment={"TRAMPFD_REPORT": "1"})
    assert done.returncode == 0, done.stderr
    assert "prepares closures to be called at their writable address; such a call" in done.stderr


# Bytes of a closure: the record itself; memory apart from it, which malloc keeps or gives back.
SIZES = ["56", "200", "200000"]


@pytest.mark.only_table
@pytest.mark.parametrize("size", SIZES)
def test_stores_into_a_prepared_closure_count_as_on_stock(size: str) -> None:
    assert core.run(preload.program("preload/stores"), size).stderr == ""
    done = preload.run("preload/stores", size)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.only_table
def test_a_cif_of_another_signature_is_named_at_the_call() -> None:
    done = preload.run("preload/stores", "200", "signature")
    assert done.returncode == -signal.SIGABRT
    text = "call of a closure whose cif was replaced by one of another signature"
    assert re.fullmatch(rf"trampfd: {text} \(closure 0x[0-9a-f]+\)\n", done.stderr)


MISTAKES = {
    "inside the code": "it is the code of one, or inside it",
    "twice": "it was freed before",
    "long ago": "it was freed before",
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_free_is_named(mistake: str, size: str) -> None:
    done = preload.run("preload/free_wrong", mistake, size)
    assert done.returncode == -signal.SIGABRT
    text = f"free of an address that is not a live closure: {MISTAKES[mistake]}"
    assert re.fullmatch(rf"trampfd: {text} \(closure 0x[0-9a-f]+\)\n", done.stderr)


@pytest.mark.parametrize("addresses", ["ww", "wc", "cw", "cc"])
def test_freeing_twice_ends_the_process(addresses: str) -> None:
    done = preload.run("preload/free_twice", addresses)
    assert done.returncode == -signal.SIGABRT
    assert "free of an address that is not a live closure" in done.stderr


@pytest.mark.skipif(
    cpu.NAME not in ("aarch64", "x86_64"), reason="one function cannot be called by all its ABIs"
)
def test_every_abi_of_stock() -> None:
    stock = core.check(preload.program("preload/abi"))
    done = preload.run("preload/abi", policies=preload.HARDENED)
    assert (done.returncode, done.stdout) == (0, stock), done.stderr


# Several libffis, and ways to be loaded.


@pytest.mark.needs_port_with("stock_code")
def test_closures_of_a_second_libffi_are_handed_to_it() -> None:
    copy = core.copy_of(preload.libffi())
    done = preload.run("preload/second_copy", copy)
    if done.returncode == core.SKIPPED:
        pytest.skip("this libffi writes no code into a closure, which would tell whose it is")
    assert done.returncode == 0, done.stderr
    program = preload.program("preload/second_copy")
    text = "frees closures that another copy of libffi made; they are handed to that copy"
    assert done.stderr == f"trampfd: {program} {text}\n"


@pytest.mark.needs_port_with("stock_code")
def test_closures_that_a_second_libffi_prepares() -> None:
    copy = core.copy_of(preload.libffi())
    stock = core.run(preload.program("preload/foreign"), copy)
    if stock.returncode:
        pytest.skip("this libffi prepares none but its own closures, on stock too")
    done = preload.run("preload/foreign", copy)
    assert (done.returncode, done.stderr) == (0, "")


def test_in_a_namespace_of_its_own() -> None:
    """Both namespaces have a copy of the library."""
    main = preload.program("preload/load", *preload.linked())
    assert core.check(main, "dlmopen", preload.plugin(*preload.linked())) == "clean\n"


def test_opened_later() -> None:
    main = preload.program("preload/load", *preload.linked())
    assert core.check(main, "dlopen", preload.plugin()) == "clean\n"


def test_deepbind_is_out_of_reach_and_works_as_on_stock() -> None:
    stock = core.check(preload.program("preload/load"), "deepbind", preload.plugin())
    assert preload.run("preload/load", "deepbind", preload.plugin()).stdout == stock


def test_linked_before_libffi() -> None:
    program = preload.program("preload/one", *preload.linked())
    assert core.check(*preload.under(preload.HARDENED, program)) == "clean\n"


def test_a_program_without_libffi_gets_none() -> None:
    done = core.run("cat", "/proc/self/maps", environment=preload.preloaded())
    assert done.returncode == 0
    assert not done.stderr
    assert preload.FFI in done.stdout
    assert "libffi.so" not in done.stdout


def test_message_when_no_libffi_is_found() -> None:
    source = core.PROGRAMS / "preload/no_libffi.c"
    command = ["cc", *core.compile_flags(), "-o", "program", source, *preload.linked()]
    program = core.compiled(*command) / "program"
    done = core.run(program)
    assert done.returncode == 0
    assert done.stderr == f"trampfd: {program} needs libffi itself, and none was found for it\n"


def test_a_static_libffi_goes_on_serving_its_own_memory() -> None:
    """cffi's wheel: it must not come to use another libffi than its own."""
    backend = pytest.importorskip("_cffi_backend").__file__
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
import cffi
callbacks = [cffi.FFI().callback("int(int)", lambda x, i=i: x + i) for i in range(100)]
assert [callback(1) for callback in callbacks] == list(range(1, 101))
print(open("/proc/self/maps").read())
"""
    environment = {**preload.preloaded(), "TRAMPFD_REPORT": "1"}
    command = [sys.executable, "-c", script]
    stock = core.check(*command)
    done = core.run(*command, environment=environment)
    assert done.returncode == 0, done.stderr
    assert ("libffi.so" in done.stdout) == ("libffi.so" in stock)
    assert "makes closures" not in done.stderr
    if "uses memory" in done.stderr:
        assert f"{backend} uses memory that is not from trampfd" in done.stderr


@pytest.mark.parametrize("report", ["", "1"], ids=["", "report"])
@pytest.mark.parametrize("entry", ["plan", "libffi"])
@pytest.mark.parametrize("link", ["-Wl,--no-as-needed", "-Wl,--as-needed"])
def test_first_closure_while_a_constructor_waits_for_it(link: str, entry: str, report: str) -> None:
    """The loader's lock is held then; libffi comes with the program, or with what is loaded."""
    program = preload.program("preload/constructor", link)
    define = ["-DLIBFFI"] if entry == "libffi" else []
    plugin = preload.program("preload/constructor_plugin", "-shared", "-fPIC", *define)
    environment = {**preload.preloaded(), "TRAMPFD_REPORT": report}
    done = core.run(program, plugin, environment=environment)
    assert done.returncode == 0, done.stderr
    assert bool(report) == (f"trampfd: {plugin} makes closures (1 times)\n" in done.stderr)
    assert core.run(program, plugin).returncode == 0, "on stock"


@pytest.mark.only_table
@pytest.mark.parametrize("size", SIZES)
def test_threads_seldom_lock(size: str) -> None:
    environment = preload.preloaded()
    counts = core.check(
        preload.program("preload/locks", "-rdynamic"), size, environment=environment
    )
    # Hundredths of a lock: one visit to the pool is for dozens of closures.
    allocation, preparation, freeing = map(int, counts.split())
    assert 0 < allocation + freeing <= 8, counts
    assert preparation <= 4, counts


# Settings.


@pytest.mark.parametrize("value", ["1", "yes"])
def test_disable_leaves_everything_to_libffi(value: str) -> None:
    stock = core.check(preload.program("preload/one"))
    environment = {"TRAMPFD_DISABLE": value, "TRAMPFD_REPORT": "1"}
    done = preload.run("preload/one", environment=environment)
    assert done.stdout == stock
    assert "uses memory that is not from trampfd; libffi serves it (3 times)" in done.stderr
    assert "makes closures" not in done.stderr


@pytest.mark.parametrize("value", ["", "0"])
def test_empty_and_zero_do_not_disable(value: str) -> None:
    assert preload.run("preload/one", environment={"TRAMPFD_DISABLE": value}).stdout == "clean\n"


@pytest.mark.parametrize("name", ["preload/own_memory", "preload/raw", "preload/second_copy"])
def test_disabled_is_as_on_stock(name: str) -> None:
    arguments = [core.copy_of(preload.libffi())] if name == "preload/second_copy" else []
    stock = core.run(preload.program(name), *arguments)
    done = preload.run(name, *arguments, environment={"TRAMPFD_DISABLE": "1"})
    if name != "preload/second_copy":
        assert (done.returncode, done.stdout) == (stock.returncode, stock.stdout), done.stderr


def test_no_output_without_report() -> None:
    assert preload.run("preload/one").stderr == ""


def test_report_on_standard_error() -> None:
    done = preload.run("preload/threads", environment={"TRAMPFD_REPORT": "1"})
    program = preload.program("preload/threads")
    assert re.search(rf"^trampfd: report of process \d+ \({program}\)$", done.stderr, re.M)
    assert f"trampfd: {program} makes closures (72000 times)\n" in done.stderr
    said = f"trampfd: {program} frees closures by their code address {HANDLED} freed"
    assert f"{said} (24000 times)\n" in done.stderr


def test_report_to_a_file() -> None:
    file = core.new_folder() / "report"
    for _ in range(2):
        done = preload.run("preload/one", environment={"TRAMPFD_REPORT": str(file)})
        assert (done.returncode, done.stderr) == (0, "")
    reports = file.read_text()
    assert reports.count("trampfd: report of process") == 2
    assert reports.count("makes closures (1 times)\n") == 2


def test_report_to_a_file_that_cannot_be_written() -> None:
    done = preload.run("preload/one", environment={"TRAMPFD_REPORT": "/nowhere/report"})
    assert done.returncode == 0
    text = "trampfd: cannot open TRAMPFD_REPORT=/nowhere/report: No such file or directory\n"
    assert done.stderr == text


@pytest.mark.only_table
@pytest.mark.parametrize("debug", ["", "1"])
def test_exhausted_sources_give_null_and_a_reason(debug: str) -> None:
    done = preload.run("preload/exhaust", environment={"TRAMPFD_DEBUG": debug})
    assert (done.returncode, done.stdout) == (0, "4096\n"), done.stderr
    reason = r"trampfd: ffi_closure_alloc returns NULL: own file: .*; memfd: memfd_create: .*\n"
    assert re.fullmatch(reason if debug else "", done.stderr)


@pytest.mark.only_table
def test_report_of_what_could_not_be_made() -> None:
    done = preload.run("preload/exhaust", environment={"TRAMPFD_REPORT": "1"})
    program = preload.program("preload/exhaust")
    assert f"trampfd: {program} makes closures (4097 times)\n" in done.stderr
    assert f"trampfd: {program} asks for closures that cannot be made (2 times)\n" in done.stderr


def test_the_environment_does_not_count_in_a_set_user_id_program() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a set-user-ID program")
    folder = core.new_folder()
    for part in (folder, *folder.parents[:-1]):
        if not part.stat().st_mode & 0o001:
            part.chmod(part.stat().st_mode | 0o011)
    library_file = Path(shutil.copy(library.path(preload.FFI), folder))
    link = (f"-L{folder}", f"-Wl,-rpath,{folder}", f"-l:{library_file.name}")
    program = Path(shutil.copy(preload.program("preload/one", *link), folder))
    library_file.chmod(0o755)
    report = folder / "report"
    environment = {"TRAMPFD_DISABLE": "1", "TRAMPFD_REPORT": str(report), "TRAMPFD_DEBUG": "1"}
    nobody = [core.need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]

    program.chmod(0o4755)
    assert core.check(*nobody, program, environment=environment) == "clean\n"
    assert not report.exists()
    # The same program without the bit obeys.
    program.chmod(0o755)
    stock = core.check(preload.program("preload/one"))
    assert core.check(program, environment=environment) == stock
    assert report.exists()


# What audit says of processes that have the library.

WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


def audited(*command: object, environment: dict[str, str]) -> Process:
    process = subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin and process.stdout
    with process:
        try:
            assert process.stdout.readline() == b"ready\n"
            return inspect(process.pid)
        finally:
            process.stdin.close()


def test_audit_says_that_the_library_was_not_asked() -> None:
    """cffi has memory of its own."""
    pytest.importorskip("_cffi_backend")
    make = "import cffi; keep = cffi.FFI().callback('int(int)', lambda x: x)\n"
    paths = f"import sys; sys.path[:0] = {sys.path!r}\n"
    command = [sys.executable, "-c", paths + make + WAIT]
    for environment, asked in (({}, True), (preload.preloaded(), False)):
        (finding,) = audited(*command, environment=environment).findings
        said = f"; {library.path(preload.FFI)} was not asked"
        assert finding.reason.endswith(said) == (not asked)


def test_audit_lists_a_libffi_that_is_linked_in() -> None:
    backend = pytest.importorskip("_cffi_backend").__file__
    if ffi_origin.of_file(backend).linkage.value != ffi_origin.STATIC:
        pytest.skip("_cffi_backend uses a shared libffi here")
    code = f"import sys; sys.path[:0] = {sys.path!r}; import _cffi_backend\n{WAIT}"
    command = [sys.executable, "-c", code]
    assert audited(*command, environment=preload.preloaded()).unreached == (backend,)
    assert audited(*command, environment={}).unreached == ()


def test_audit_lists_nothing_where_all_is_reached() -> None:
    command = ["/usr/bin/python3", "-I", "-c", f"import ctypes\n{WAIT}"]
    if not Path(command[0]).exists():
        pytest.skip(f"{command[0]} is not installed")
    process = audited(*command, environment=preload.preloaded())
    assert (process.unreached, process.findings) == ((), ())
