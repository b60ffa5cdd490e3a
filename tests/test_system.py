# SPDX-License-Identifier: MIT
"""What ``trampfd doctor`` knows of the system: against the real one, and against made-up ones."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import core, scale

import trampfd
from trampfd._cli.doctor import facts as doctor
from trampfd._system import hardening, selinux
from trampfd._system.fact import ABSENT, KNOWN, UNKNOWN, Fact, absent, unknown

pytestmark = pytest.mark.any_provider

HERE = Path(__file__).parent


def run(code: str) -> object:
    """What a child process prints as JSON."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)]),
    }
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=scale.seconds(60),
    )
    if "needs Linux" in child.stderr or "no filter is known" in child.stderr:
        pytest.skip(child.stderr.splitlines()[-1])
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (Fact("3.4"), "3.4"),
        (Fact("3.4", "a guess"), "3.4 (a guess)"),
        (Fact(True), "yes"),
        (Fact(False, "off"), "no (off)"),
        (Fact(("yama", "selinux")), "yama, selinux"),
        (absent("no file"), "not present: no file"),
        (unknown("no right"), "unknown: no right"),
    ],
)
def test_facts_are_formatted(fact: Fact[object], text: str) -> None:
    assert str(fact) == text


# The real system


def test_kernel_and_python_are_the_running_ones() -> None:
    system = doctor.look()
    assert system.kernel == doctor.Kernel(platform.release(), platform.machine())
    assert system.python.version == platform.python_version()
    assert system.python.implementation == platform.python_implementation()
    assert system.python.executable == sys.executable


def test_the_gil_is_on_unless_this_python_says_otherwise() -> None:
    gil = doctor.python().gil
    assert gil.value == getattr(sys, "_is_gil_enabled", lambda: True)()
    assert ("free-threaded" in gil.note) == ("free-threading" in sys.version)


def test_every_fact_has_a_row() -> None:
    module = "/no/such/module.so"
    rows = dict(doctor.rows(doctor.look([module])))
    for prefix in ("kernel", "python", "hardening", "hardening: selinux", "cffi"):
        assert any(name.startswith(f"{prefix}: ") for name in rows)
    for consumer in ("_ctypes", "_cffi_backend", module):
        assert f"libffi of {consumer}: linkage" in rows
    assert rows["kernel: release"] == platform.release()
    assert "No such file" in rows[f"libffi of {module}: linkage"]
    assert all(rows.values())


def test_looking_loads_neither_ctypes_nor_cffi() -> None:
    code = """
import json, sys
from trampfd._cli.doctor import facts as doctor
before = set(sys.modules)
doctor.look()
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    loaded = run(code)
    assert isinstance(loaded, list)
    assert not {"ctypes", "_ctypes", "cffi", "_cffi_backend"} & set(loaded)


def test_the_version_of_cffi_is_the_same_before_and_after_its_import() -> None:
    cffi = pytest.importorskip("cffi", reason="cffi is not installed")
    code = """
import json
from trampfd._cli.doctor import facts as doctor
before = doctor.cffi()
import _cffi_backend
after = doctor.cffi()
print(json.dumps([before.version.value, after.version.value, before.backend.value,
                  after.backend.value, _cffi_backend.__file__]))
"""
    before, after, *backends = run(code)  # type: ignore[misc]
    assert before == after == cffi.__version__
    assert len(set(backends)) == 1


def test_a_cffi_that_is_not_installed_is_absent() -> None:
    code = """
import importlib.metadata, json, sys
from trampfd._cli.doctor import facts as doctor
sys.path[:] = [path for path in sys.path if not path.endswith(("site-packages", "dist-packages"))]
facts = doctor.cffi()
print(json.dumps([facts.version.state, facts.backend.state]))
"""
    assert run(code) == [ABSENT, ABSENT]


def hardening_under(policies: str, *names: str) -> object:
    return run(
        "import json\nfrom support import hardening\n"
        f"{policies}\n"
        "from trampfd._system.hardening import look\n"
        "facts = look()\n"
        f"print(json.dumps([getattr(facts, name).value for name in {names!r}]))\n"
    )


def test_a_seccomp_filter_is_seen() -> None:
    names = ("seccomp", "seccomp_filters", "no_new_privs")
    mode, filters, _ = hardening_under("", *names)  # type: ignore[misc]
    assert mode == ("filter" if filters else "off")
    expected = ["filter", filters + 2, True]
    assert hardening_under("hardening.no_memfd(); hardening.systemd_mdwe()", *names) == expected


def test_mdwe_is_seen() -> None:
    core.need_policy("mdwe")
    assert hardening_under("hardening.mdwe()", "mdwe") == [True]


def test_limits_are_those_of_the_kernel() -> None:
    path = Path("/proc/sys/vm/max_map_count")
    assert hardening.look().max_map_count.value == int(path.read_text())


# What prctl may say


def prctl_gives(monkeypatch: pytest.MonkeyPatch, result: int | OSError) -> list[tuple[int, ...]]:
    calls = []

    def prctl(*arguments: int) -> int:
        calls.append(arguments)
        if isinstance(result, OSError):
            raise result
        return result

    monkeypatch.setattr(trampfd, "_native", SimpleNamespace(prctl=prctl), raising=False)
    return calls


@pytest.mark.parametrize(
    ("bits", "value", "note"),
    [(0, False, ""), (1, True, "inherited by"), (3, True, "not inherited by")],
)
def test_mdwe_bits_are_decoded(
    bits: int, value: bool, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = prctl_gives(monkeypatch, bits)
    mdwe = hardening.look().mdwe
    assert mdwe.value is value
    assert mdwe.note.startswith(note)
    assert calls == [(66,)]


@pytest.mark.parametrize(
    ("number", "state", "note"),
    [
        (errno.EINVAL, ABSENT, "not supported by this kernel"),
        (errno.EPERM, UNKNOWN, "not permitted"),
    ],
)
def test_mdwe_when_the_kernel_refuses_to_tell(
    number: int, state: str, note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prctl_gives(monkeypatch, OSError(number, os.strerror(number)))
    mdwe = hardening.look().mdwe
    assert mdwe.state == state
    assert note in mdwe.note


def test_mdwe_without_the_compiled_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(trampfd, "_native", raising=False)
    monkeypatch.setitem(sys.modules, "trampfd._native", None)
    mdwe = hardening.look().mdwe
    assert mdwe.state == UNKNOWN
    assert "compiled part" in mdwe.note


# Made-up systems


def write(root: Path, **files: str) -> None:
    """Write files below ``root``; in their names ``__`` stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def facts_of(hardening: hardening.Hardening) -> dict[str, Fact[object]]:
    selinux = vars(hardening.selinux)
    return {**vars(hardening), **{f"selinux_{name}": fact for name, fact in selinux.items()}}


def test_an_empty_system_gives_reasons_and_no_errors(tmp_path: Path) -> None:
    facts = facts_of(hardening.look(tmp_path))
    del facts["mdwe"], facts["selinux"]
    for name, fact in facts.items():
        assert fact.value is None, name
        assert str(tmp_path) in fact.note, name
    assert facts["seccomp"].state == ABSENT
    assert facts["ipe"].state == UNKNOWN, "securityfs may just not be mounted"


def test_malformed_files_give_unknown(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"proc__thread-self__status": "Seccomp:\tx\nSeccomp_filters:\t\nNoNewPrivs:\tx\n"},
        proc__sys__vm__memfd_noexec="7",
        proc__sys__vm__max_map_count="many",
        sys__kernel__security__lsm="yama",
        sys__kernel__security__lockdown="none",
        sys__kernel__security__ipe__enforce="x",
        sys__fs__selinux__enforce="x",
    )
    facts = facts_of(hardening.look(tmp_path))
    for name in (
        "seccomp",
        "seccomp_filters",
        "no_new_privs",
        "memfd_noexec",
        "max_map_count",
        "lockdown",
        "ipe",
        "selinux_mode",
        "selinux_execmem",
    ):
        assert facts[name].state == UNKNOWN, name
        assert "cannot make sense of" in facts[name].note, name


def test_a_file_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "proc/sys/vm/memfd_noexec").mkdir(parents=True)
    fact = hardening.look(tmp_path).memfd_noexec
    assert fact.state == UNKNOWN
    assert "Is a directory" in fact.note


def test_a_hardened_system(tmp_path: Path) -> None:
    status = "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\nPaX:\tPeMRs\n"
    write(
        tmp_path,
        **{"proc__thread-self__status": status},
        proc__sys__vm__memfd_noexec="2\n",
        proc__sys__vm__max_map_count="1048576\n",
        sys__kernel__security__lsm="lockdown,capability,selinux,ima,ipe",
        sys__kernel__security__lockdown="none [integrity] confidentiality\n",
        sys__kernel__security__ipe__enforce="1",
        sys__kernel__security__ima__violations="0",
    )
    facts = hardening.look(tmp_path)
    assert facts.seccomp.value == "filter"
    assert facts.seccomp_filters.value == 3
    assert facts.no_new_privs.value is True
    assert facts.pax.value == "PeMRs"
    assert facts.memfd_noexec == Fact(2, "a memfd with MFD_EXEC is refused")
    assert facts.max_map_count.value == 1048576
    assert facts.security_modules.value == ("lockdown", "capability", "selinux", "ima", "ipe")
    assert facts.lockdown.value == "integrity"
    assert facts.ipe.value is True
    assert facts.ima.value is True


def test_a_system_without_ipe_and_ima(tmp_path: Path) -> None:
    write(tmp_path, sys__kernel__security__lsm="capability")
    facts = hardening.look(tmp_path)
    assert facts.ipe.state == ABSENT
    assert facts.ima.state == ABSENT


# SELinux

CONTEXT = "system_u:system_r:httpd_t:s0"
PROCESS_CLASS = 2
EXECMEM = 26


def write_selinux(root: Path, *, enforce: str = "1", allowed: int = 0, flags: int = 0) -> None:
    """An SELinux that answers one question, whatever it is, for the process class."""
    question = f"{CONTEXT} {CONTEXT} {PROCESS_CLASS}"
    answer = f"{allowed:x} ffffffff 0 ffffffff 7 {flags:x}"
    write(
        root,
        **{"proc__thread-self__attr__current": f"{CONTEXT}\0"},
        sys__fs__selinux__enforce=enforce,
        sys__fs__selinux__class__process__index=f"{PROCESS_CLASS}\n",
        sys__fs__selinux__class__process__perms__execmem=f"{EXECMEM}\n",
        # In a plain file the answer is found where the question ends.
        sys__fs__selinux__access="?" * len(question) + answer,
    )


def asked(root: Path) -> str:
    return (root / "sys/fs/selinux/access").read_text()


@pytest.mark.parametrize(
    ("enforce", "allowed", "flags", "execmem", "note"),
    [
        ("1", 1 << (EXECMEM - 1), 0, True, "allows"),
        ("1", ~(1 << (EXECMEM - 1)) & 0xFFFFFFFF, 0, False, "denies"),
        ("1", 0, 1, True, "domain is permissive"),
        ("0", 0, 0, True, "SELinux is permissive"),
    ],
)
def test_selinux_is_asked_for_execmem(
    enforce: str, allowed: int, flags: int, execmem: bool, note: str, tmp_path: Path
) -> None:
    write_selinux(tmp_path, enforce=enforce, allowed=allowed, flags=flags)
    found = selinux.look(tmp_path)
    assert found.mode.value == {"0": "permissive", "1": "enforcing"}[enforce]
    assert found.context.value == CONTEXT
    assert found.execmem.value is execmem
    assert note in found.execmem.note
    if enforce == "1":
        assert asked(tmp_path).startswith(f"{CONTEXT} {CONTEXT} {PROCESS_CLASS}")


@pytest.mark.parametrize(
    ("boolean", "value", "state"),
    [("1 1", False, KNOWN), ("0 0", None, UNKNOWN), (None, None, UNKNOWN)],
)
def test_selinux_that_cannot_be_asked(
    boolean: str | None, value: bool | None, state: str, tmp_path: Path
) -> None:
    write_selinux(tmp_path)
    (tmp_path / "sys/fs/selinux/access").unlink()
    if boolean is not None:
        write(tmp_path, sys__fs__selinux__booleans__deny_execmem=boolean)
    execmem = selinux.look(tmp_path).execmem
    assert (execmem.value, execmem.state) == (value, state)
    assert "deny_execmem" in execmem.note


def test_selinux_that_gives_an_odd_answer(tmp_path: Path) -> None:
    write_selinux(tmp_path)
    write(tmp_path, sys__fs__selinux__access="")
    execmem = selinux.look(tmp_path).execmem
    assert execmem.state == UNKNOWN
    assert "answered" in execmem.note


def test_selinux_without_its_filesystem(tmp_path: Path) -> None:
    write(tmp_path, proc__filesystems="nodev\tsysfs\nnodev\tselinuxfs\n\text4\n")
    found = selinux.look(tmp_path)
    assert found.mode.state == UNKNOWN
    assert "not mounted" in found.mode.note
    assert found.execmem.state == UNKNOWN


def test_a_system_without_selinux(tmp_path: Path) -> None:
    write(tmp_path, proc__filesystems="nodev\tsysfs\n\text4\n")
    found = selinux.look(tmp_path)
    assert found.mode.value == "disabled"
    assert found.context.state == ABSENT
    assert found.execmem.value is True
