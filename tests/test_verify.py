# SPDX-License-Identifier: MIT
"""trampfd.verify(), and what each provider protects a callback from."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from support import abi, core, providers

import trampfd

cffi = pytest.importorskip("cffi", reason="cffi is not installed")

TESTS = Path(__file__).parent
OWN_RESULT, ATTACKERS = "2", "666"
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


@pytest.mark.any_provider
@pytest.mark.parametrize("interface", ["ctypes", "cffi"])
@pytest.mark.parametrize("provider", providers.NAMES)
def test_arbitrary_writes_redirect_callbacks_of_the_table_only(
    provider: str, interface: str
) -> None:
    """The table's callback can be redirected; sealed ones and the kernel's cannot."""
    child = providers.run(providers.need(provider), str(TESTS / "attack.py"), interface, "record")
    assert child.returncode == 0, child.stderr
    result, copies, *_ = child.stdout.split()
    assert int(copies) >= 1, "the attack found no copy of the record: it attacked nothing"
    assert result == (ATTACKERS if provider == "table" else OWN_RESULT)


STORE = """
import ctypes, sys, trampfd
from trampfd import _native
f = trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int), lambda a: a)
report = trampfd.verify(f)
assert report and report.protected and report.provider == "trampfd", report
slot = _native.find(report.address)
ctypes.memset(slot["record"] if sys.argv[1] == "record" else report.address, 0, 8)
"""


@pytest.mark.any_provider
@pytest.mark.parametrize("target", ["record", "code"])
def test_stores_into_kernel_tables_end_the_process(target: str, tmp_path: Path) -> None:
    providers.need("trampfd")
    script = tmp_path / "store.py"
    script.write_text(STORE)
    assert providers.run("trampfd", str(script), target).returncode == -signal.SIGSEGV


FFI = cffi.FFI()
FFI.cdef("int memcmp(const void *, const void *, size_t);")


class Point(ctypes.Structure):
    _fields_: ClassVar[list[Any]] = [("x", ctypes.c_int)]


class Open(Point):
    """It may get fields yet."""


def made(interface: str) -> object:
    if interface == "cffi":
        return trampfd.callback("int(int)", lambda a: a, ffi=FFI)
    if interface == "ctypes":
        return trampfd.callback(FUNCTION, lambda a: a)
    if interface == "ctypes open":
        return trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, Open), lambda a: a)
    if interface == "bound cffi":
        return trampfd.bind(FFI.addressof(FFI.dlopen(None), "memcmp"), 8, position="last")
    memcmp = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(
        ("memcmp", ctypes.CDLL(None))
    )
    return trampfd.bind(memcmp, 8, position="last")


@pytest.mark.parametrize(
    "interface", ["ctypes", "ctypes open", "cffi", "bound ctypes", "bound cffi"]
)
def test_a_new_callback_is_unchanged(interface: str) -> None:
    report = trampfd.verify(made(interface))
    assert report and not report.differences
    assert report.provider == providers.current()
    assert report.protected == (report.provider != "table")
    assert str(report).startswith("unchanged (")


OVERWRITE = """
import ctypes, sys, cffi, trampfd
from trampfd import _native
interface, word, structure, packed = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
ffi = cffi.FFI()
ffi.cdef(structure, packed=bool(packed))
before = trampfd.status().without_plan
if interface == "cffi":
    callback = trampfd.callback("int(int)", lambda a: a, ffi=ffi)
elif interface == "ctypes":
    callback = trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int), lambda a: a)
elif interface == "open":
    class Point(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int)]
    class Open(Point):
        pass
    callback = trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, Open), lambda a: a)
elif interface == "bound":
    c_abs = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(("abs", ctypes.CDLL(None)))
    callback = trampfd.bind(c_abs, 3)
else:
    callback = trampfd.callback("struct odd(int)", lambda a: {"x": a}, ffi=ffi)
assert trampfd.status().without_plan - before == (interface == "no plan")
assert trampfd.verify(callback)
address = _native.find(trampfd.verify(callback).address)["record"] + 8 * word
kept = ctypes.string_at(address, 8)
ctypes.memmove(address, (1234).to_bytes(8, "little"), 8)
report = trampfd.verify(callback)
everything = trampfd.verify()
ctypes.memmove(address, kept, 8)
assert not report
assert not everything and everything.changed == (report,), everything
assert str(everything).endswith(f"{report.address:#x}: {report}")
(difference,) = report.differences
assert difference.found == 1234 and difference.wanted == int.from_bytes(kept, "little")
assert f"{difference.what} is 0x4d2" in str(report)
assert trampfd.verify(callback)
print(difference.what)
"""

WITH_PLAN = ["entry", "plan", "dispatch", "cif", "fun", "user_data"]
WITH_PLAN.insert(abi.TAIL_WORD, "tail")
BOUND = {0: "entry", 1: "function", WITH_PLAN.index("user_data"): "data"}
WITHOUT_PLAN = {
    **{0: "entry", 1: "cif of libffi", 2: "handler"},
    **{WITH_PLAN.index(name): name for name in ("cif", "fun", "user_data")},
}


@pytest.mark.needs_port_with("plan")
@pytest.mark.parametrize(
    "interface, word, name",
    [
        *(("ctypes", word, name) for word, name in enumerate(WITH_PLAN)),
        *(("open", word, name) for word, name in enumerate(WITH_PLAN)),
        *(("cffi", word, name) for word, name in enumerate(WITH_PLAN)),
        *(("no plan", word, name) for word, name in WITHOUT_PLAN.items()),
        *(("bound", word, name) for word, name in BOUND.items()),
    ],
)
def test_every_word_that_was_stored_over_is_named(
    interface: str, word: int, name: str, tmp_path: Path
) -> None:
    script = tmp_path / "overwrite.py"
    script.write_text(OVERWRITE)
    structure, is_packed = abi.WITHOUT_PLAN
    words = [interface, str(word), structure, *["packed"] * is_packed]
    child = providers.run("table", str(script), *words)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == name


CHANGE_PLAN = """
import ctypes, sys, cffi, trampfd
from mmap import PAGESIZE
from trampfd import _native
interface, before = sys.argv[1:]
ffi = cffi.FFI()
function = lambda number, other: number
if interface == "cffi":
    made = [trampfd.callback("int(int, short)", function, ffi=ffi) for _ in range(2)]
else:
    cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_short)
    made = [trampfd.callback(cls, function) for _ in range(2)]
other = trampfd.callback("long(long, long)", function, ffi=ffi)
record = _native.find(trampfd.verify(made[0]).address)["record"]
plan = int.from_bytes(ctypes.string_at(record + 8, 8), "little")
at = plan + int(before)
page = at // PAGESIZE * PAGESIZE  # plans are in memory that cannot be written
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGESIZE), 3) == 0
kept = ctypes.string_at(at, 4)
ctypes.memmove(at, (4000).to_bytes(4, "little"), 4)
reports = [trampfd.verify(callback) for callback in made]
everything = trampfd.verify()
assert trampfd.verify(other)
ctypes.memmove(at, kept, 4)
assert all(map(trampfd.verify, made))
assert sorted(map(str, everything.changed)) == sorted(map(str, reports))
for report in reports:
    assert not report
    (difference,) = report.differences
    assert difference.what == "plan: argument" and difference.index == 1, difference
    assert difference.found == 4000 and difference.wanted == int.from_bytes(kept, "little")
    assert str(report).startswith(f"plan differs: argument 1 is 0xfa0, should be ")
"""


@pytest.mark.needs_port_with("plan")
@pytest.mark.parametrize("interface", ["ctypes", "cffi"])
def test_a_changed_plan_is_named_by_all_callbacks_of_its_signature(interface: str) -> None:
    """The plan's offsets are its last member, of which the second one is changed."""
    offset = core.check(core.executable("plan/verify"), "offset of the second argument")
    core.script(CHANGE_PLAN, interface, offset.strip())


def test_signatures_without_a_plan_are_compared_too() -> None:
    ffi = cffi.FFI()
    structure, is_packed = abi.WITHOUT_PLAN
    ffi.cdef(structure, packed=is_packed)
    before = trampfd.status().without_plan
    callback = trampfd.callback("struct odd(int)", lambda a: {"x": a}, ffi=ffi)
    assert trampfd.status().without_plan == before + 1, "it has a plan now: choose another"
    report = trampfd.verify(callback)
    assert report and report.provider == providers.current()
    assert report.protected == (report.provider in ("sealed", "trampfd"))


def test_a_bound_function_that_libffi_calls() -> None:
    nine = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int] * 9)(lambda *numbers: sum(numbers))
    bound = trampfd.bind(nine, 1000)
    assert bound(1, 2, 3, 4, 5, 6, 7, 8) == 1036
    report = trampfd.verify(bound)
    assert report and report.provider == providers.current()


@pytest.mark.parametrize("wrong", [3, None, len, FUNCTION(), ctypes.c_int(3)])
def test_rejects_other_callbacks(wrong: object) -> None:
    with pytest.raises(ValueError, match="no callback that trampfd made"):
        trampfd.verify(wrong)


def test_a_released_callback_cannot_be_verified() -> None:
    ffi = cffi.FFI()
    callback = trampfd.callback("int(int)", lambda a: a, ffi=ffi)
    ffi.release(callback)
    with pytest.raises(ValueError, match=r"freed|no callback that trampfd made"):
        trampfd.verify(callback)


ALL = """
import ctypes, gc, os, sys, cffi, trampfd
from trampfd import _native

class Hostile:
    @property
    def __class__(self):
        raise AssertionError

cls = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
ffi = cffi.FFI()
hostile = Hostile()
nothing = trampfd.verify()
assert nothing and (nothing.checked, nothing.compared, nothing.changed) == (0, 0, ())
kept = [trampfd.callback(cls, abs) for _ in range(5000)]
kept += [trampfd.callback("int(int)", abs, ffi=ffi) for _ in range(100)]
kept += [trampfd.bind(cls(("abs", ctypes.CDLL(None))), 3)]
released = trampfd.callback("int(int)", abs, ffi=ffi)
ffi.release(released)


def check(count, compared):
    everything = trampfd.verify()
    assert everything and str(everything) == f"0 of {count} changed"
    assert (everything.checked, everything.compared) == (count, compared), everything


check(5101, 5101)
if os.fork() == 0:
    check(5101, 5101)
    os._exit(0)
assert os.wait()[1] == 0
del kept[:1000]
check(4101, 4101)
address = trampfd.verify(kept[0]).address
gc.freeze()
check(4101, 0)
if sys.argv[1] == "table":
    record = _native.find(address)["record"]
    size = ctypes.sizeof(ctypes.c_void_p)
    entry = ctypes.string_at(record, size)
    ctypes.memset(record, 1, size)
    everything = trampfd.verify()
    ctypes.memmove(record, entry, size)
    (report,) = everything.changed
    assert report.address == address and not everything
    words = f"entry is 0x{'01' * size}, should be absent (".replace("0x0", "0x")
    assert str(report).startswith(words), report
gc.unfreeze()
check(4101, 4101)
"""


def test_all_callbacks_are_verified_without_an_argument() -> None:
    """Those that the collector does not know, as far as that is possible."""
    core.script(ALL, providers.current())


@pytest.mark.needs_port_with("plan")
@pytest.mark.any_provider
def test_doctor_verifies_every_provider() -> None:
    child = providers.run("auto", "-m", "trampfd", "doctor", "--verify", "--json")
    assert child.returncode == 0, child.stdout + child.stderr
    findings = {one["provider"]: one for one in json.loads(child.stdout)["findings"]}
    assert tuple(findings) == providers.NAMES
    table = findings["table"]
    assert table["available"] and table["intact"] and table["seen"] and not table["guarded"]
    sealed = findings["sealed"]
    assert sealed["available"] and sealed["intact"] and sealed["guarded"]
    refused = "support for this CPU" if core.port_lacks("kernel") else "open /dev/trampfd"
    for name in providers.KERNEL:
        one = findings[name]
        if os.path.exists(providers.DEVICE):
            assert one["available"] and one["intact"] and one["guarded"], one
        else:
            assert not one["available"] and refused in one["outcome"], one
