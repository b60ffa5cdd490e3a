# SPDX-License-Identifier: MIT
"""`trampfd advise`: which services can be hardened, and with what.

No systemd runs: a fake systemctl prints what the real one prints of such services, with the ids of
processes that the tests start.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import core, hardening, preload
from support.environment import Environment

from trampfd._cli.advise import advice, evidence, units
from trampfd._cli.trace import causes, verdict

pytestmark = pytest.mark.any_provider

PROGRAMS = core.TESTS / "programs"
COMMAND = (sys.executable, "-m", "trampfd", "advise")

# Of Debian 12's systemd 252.
SHOWN = """\
MainPID={pid}
ExecStart={{ path={program} ; argv[]={program} /usr/share/x/serve --wait ; ignore_errors=no ; \
start_time=[Mon 2026-11-30 09:12:01 UTC] ; stop_time=[n/a] ; pid=612 ; code=(null) ; status=0/0 }}
Environment={environment}
ControlGroup=
MemoryDenyWriteExecute={hardened}
Id={name}.service
LoadState={load}
ActiveState={active}
"""
LISTED = "{name}.service loaded active running Something that serves\n"


class Systemd:
    """A fake systemctl, and how `trampfd advise` asks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drop_ins = folder / "units"
        self.shown: dict[str, str] = {}
        (folder / "systemctl").write_text(
            f'#!/bin/sh\n[ -e {folder}/$1 ] || {{ echo "Failed to connect to bus" >&2; exit 1; }}\n'
            f'echo "$*" >> {folder}/calls\ncat {folder}/$1\n'
        )
        (folder / "systemctl").chmod(0o755)

    def add(
        self,
        name: str,
        pid: int = 0,
        program: str = "/usr/bin/python3",
        hardened: str = "no",
        load: str = "loaded",
        environment: str = "",
    ) -> None:
        text = SHOWN.format(
            name=name, pid=pid, program=program, hardened=hardened, load=load,
            environment=environment, active="active" if pid else "inactive",
        )  # fmt: skip
        self.shown[name] = text
        (self.folder / "show").write_text("\n".join(self.shown.values()))
        (self.folder / "list-units").write_text("".join(LISTED.format(name=n) for n in self.shown))

    def advise(self, *words: object) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}:{os.environ['PATH']}"
        more = ["--folder", self.drop_ins] if "--write" in words else []
        return core.run(*COMMAND, *more, *words, environment={"PATH": path})

    def one(self, name: str) -> dict[str, Any]:
        """What is said of one service, as JSON, with the exit status."""
        done = self.advise("--json", name)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        assert report["format"] == 1
        (found,) = (item for item in report["advice"] if item["name"] == f"{name}.service")
        assert isinstance(found, dict)
        return {**found, "status": done.returncode}

    @property
    def calls(self) -> list[list[str]]:
        return [line.split() for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


@contextlib.contextmanager
def service(*command: object) -> Iterator[int]:
    """A process that has printed "ready", and waits."""
    words = [str(word) for word in command]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child.pid
    finally:
        child.kill()
        child.communicate()


READY = "print('ready', flush=True); input()"
CFFI = "import cffi; f = cffi.FFI().callback('int(int)', abs); assert f(-1) == 1; "
CTYPES = "import ctypes; f = ctypes.CFUNCTYPE(ctypes.c_int)(int); assert f() == 0; "


def python_service(code: str, python: object = sys.executable) -> Any:
    return service(python, "-c", code + READY)


def names(found: dict[str, Any]) -> dict[str, str]:
    return {cause["name"]: cause["served_by"] for cause in found["causes"] if cause["seen"]}


# Verdicts


def test_a_python_that_uses_cffi_has_to_be_enabled_first(systemd: Systemd) -> None:
    with python_service(CFFI) as pid:
        systemd.add("sorter", pid)
        found = systemd.one("sorter")
        done = systemd.advise("--write", "sorter")
    assert (found["hardenable"], found["needs"]) == ("yes, with", ["trampfd run"])
    assert names(found)["cffi callback"] == "trampfd run"
    python = sys.executable
    assert found["steps"] == [f"{python} -m pip install trampfd && {python} -m trampfd enable"]
    assert found["status"] == done.returncode == 1
    assert f"first: {python} -m pip install" in done.stdout
    assert not systemd.drop_ins.exists()


def test_an_enabled_python_gets_a_drop_in(systemd: Systemd, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "venv")
    environment.trampfd("enable")
    with python_service(CFFI, environment.python) as pid:
        systemd.add("sorter", pid)
        found = systemd.one("sorter")
    assert (found["hardenable"], found["steps"]) == ("yes, with", [])
    lines = found["drop_in"].splitlines()
    assert f"ExecStartPre={environment.python} -m trampfd enable --status" in lines
    assert confirmed(found["drop_in"], environment.python, "-c", CFFI)


def confirmed(drop_in: str, *program: object) -> bool:
    """The program works with what the drop-in sets."""
    if not hardening.has_mdwe():
        pytest.skip("this kernel has no PR_SET_MDWE, which Linux has since 6.3")
    assert "\nMemoryDenyWriteExecute=yes\n" in drop_in
    assert "\nSystemCallArchitectures=native\n" in drop_in
    sets, before = [], []
    for line in drop_in.splitlines():
        key, _, value = line.partition("=")
        if key == "Environment":
            sets += shlex.split(value)
        elif key == "ExecStartPre":
            before.append(shlex.split(value))
    for command in before:
        core.check("env", "-u", "PYTHONPATH", *command)
    done = core.run(*preload.under("mdwe,no_memfd", "env", *sets, *program))
    assert done.returncode == 0, done.stderr
    return True


def test_a_shared_libffi_is_served_by_the_preload_library(systemd: Systemd) -> None:
    python = core.need("/usr/bin/python3")
    with python_service(CTYPES, python) as pid:
        systemd.add("ctl", pid, environment="LANG=C LD_PRELOAD=libfirst.so")
        found = systemd.one("ctl")
        done = systemd.advise("--write", "ctl")
    if "preload library" not in found["needs"]:
        pytest.skip("this Python's ctypes has no shared libffi")
    assert (found["hardenable"], found["needs"]) == ("yes, with", ["preload library"])
    assert done.returncode == 0, done.stderr
    file = systemd.drop_ins / "ctl.service.d/trampfd.conf"
    assert done.stdout.endswith(f"written: {file}\n")
    text = file.read_text()
    assert text == found["drop_in"]
    assert text.startswith(advice.MARK)
    assert " libfirst.so" in text
    assert file.stat().st_mode & 0o777 == 0o644
    assert confirmed(text.replace(" libfirst.so", ""), python, "-c", CTYPES)


def test_a_service_that_needs_nothing(systemd: Systemd) -> None:
    with service("sh", "-c", "echo ready; read line") as pid:
        systemd.add("plain", pid, program="/bin/sh")
        found = systemd.one("plain")
        dry = systemd.advise("--write", "--dry-run", "plain")
    assert (found["hardenable"], found["needs"], found["status"]) == ("yes", [], 0)
    assert confirmed(found["drop_in"], "sh", "-c", ":")
    assert dry.returncode == 0
    assert f"plain.service.d/trampfd.conf would be:\n\n{found['drop_in']}" in dry.stdout
    assert not systemd.drop_ins.exists()


def test_a_compiler_cannot_be_hardened(systemd: Systemd) -> None:
    luajit = core.need("luajit")
    code = "for i = 1, 1e6 do end print('ready') io.stdout:flush() io.read()"
    with service(luajit, "-e", code) as pid:
        systemd.add("jit", pid, program=luajit)
        found = systemd.one("jit")
        done = systemd.advise("--write", "jit")
    assert (found["hardenable"], found["obstacles"]) == ("no", ["LuaJIT"])
    assert (found["drop_in"], found["status"], done.returncode) == (None, 3, 3)
    assert not systemd.drop_ins.exists()


def test_guile_needs_a_variable_too(systemd: Systemd) -> None:
    """Its callbacks are served, and it ends with a signal when its own code is refused."""
    guile = core.need("guile")
    code = '(display "ready\\n") (force-output) (read-char)'
    with service(guile, "--no-auto-compile", "-c", code) as pid:
        systemd.add("scheme", pid, program=guile)
        found = systemd.one("scheme")
    assert found["needs"] == ["preload library", "GUILE_JIT_THRESHOLD=-1 in the environment"]
    assert "Environment=GUILE_JIT_THRESHOLD=-1\n" in found["drop_in"]


def test_a_service_that_is_hardened(systemd: Systemd) -> None:
    systemd.add("good", os.getpid(), hardened="yes")
    found = systemd.one("good")
    assert (found["hardenable"], found["drop_in"], found["status"]) == ("hardened", None, 0)


def test_a_service_that_does_not_run_is_not_known(systemd: Systemd, tmp_path: Path) -> None:
    script = tmp_path / "serve"
    script.write_text("#!/usr/bin/env python3\n")
    systemd.add("later", program=str(script))
    found = systemd.one("later")
    assert (found["hardenable"], found["drop_in"], found["status"]) == ("unknown", None, 1)
    (note,) = found["notes"]
    assert note.startswith(f"{script} is a Python program")


def test_a_process_that_cannot_be_inspected_leaves_it_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(pid: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(evidence.inspect, "inspect", refused)
    found = evidence.of_processes([7])
    assert found.notes == ["process 7 cannot be inspected: Permission denied; run as root"]
    unit = units.Unit("x.service", "loaded", "active", False, (), "", (7,))
    assert advice.of_unit(unit, found).hardenable == advice.UNKNOWN


# What is asked, and written


def test_all_services_in_one_table(systemd: Systemd) -> None:
    with service("sh", "-c", "echo ready; read line") as pid:
        systemd.add("plain", pid)
        systemd.add("good", pid, hardened="yes")
        done = systemd.advise("--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "NAME           VERDICT   WITH, OR BECAUSE OF",
        "plain.service  yes",
        "good.service   hardened",
    ]
    listed, shown = systemd.calls
    assert listed[0] == "list-units"
    assert shown[0] == "show"
    assert shown[-3:] == ["--", "plain.service", "good.service"]


def test_a_drop_in_of_somebody_else_is_left_alone(systemd: Systemd) -> None:
    file = systemd.drop_ins / "plain.service.d/trampfd.conf"
    file.parent.mkdir(parents=True)
    file.write_text("[Service]\n")
    with service("sh", "-c", "echo ready; read line") as pid:
        systemd.add("plain", pid)
        done = systemd.advise("--write", "plain")
        assert done.returncode == 2
        assert f"{file} was not made by `trampfd advise`" in done.stderr
        assert file.read_text() == "[Service]\n"
        file.write_text(advice.MARK + "\nold\n")
        assert systemd.advise("--write", "plain").returncode == 0
        assert "old" not in file.read_text()


def test_what_is_wrong_is_told(systemd: Systemd) -> None:
    def last_line(*words: str) -> str:
        done = systemd.advise(*words)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr.splitlines()[-1]

    assert last_line("x").endswith("show failed: Failed to connect to bus")
    systemd.add("x", load="not-found")
    assert last_line("x").endswith("there is no unit x.service")
    assert last_line("--root", "/nosuch").endswith("/nosuch is no folder")
    assert last_line("--", "nosuchcommand").endswith(
        "cannot run nosuchcommand: No such file or directory"
    )
    for words in ([], ["x", "--all"], ["x", "--dry-run"], ["--root", "/", "--write"]):
        assert ": error: " in last_line(*words)


def test_systemctl_that_is_not_there(tmp_path: Path) -> None:
    done = core.run(*COMMAND, "x", environment={"PATH": str(tmp_path)})
    assert done.returncode == 2
    assert "trampfd advise: cannot be started: " in done.stderr


# Parts


def test_what_systemctl_shows_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "system.slice/a.service"
    (group / "part").mkdir(parents=True)
    (group / "cgroup.procs").write_text("11\n12\n")
    (group / "part/cgroup.procs").write_text("13\n")
    monkeypatch.setattr(units, "CONTROL_GROUPS", tmp_path)
    text = SHOWN.format(
        pid=11, program="/usr/bin/a", environment='"LD_PRELOAD=one.so two.so" A=b',
        hardened="yes", name="a", load="loaded", active="active",
    ).replace("ControlGroup=", "ControlGroup=/system.slice/a.service")  # fmt: skip
    text += "ExecStart={ path=/usr/bin/second ; argv[]=/usr/bin/second }\n"
    assert units.parse(text) == units.Unit(
        name="a.service",
        load="loaded",
        active="active",
        hardened=True,
        programs=("/usr/bin/a", "/usr/bin/second"),
        preload="one.so two.so",
        pids=(11, 12, 13),
    )
    # Of a unit that is no service.
    assert units.parse("Id=a.socket\nLoadState=loaded").pids == ()


def test_an_image(tmp_path: Path) -> None:
    elf = Path(sys.executable).resolve()
    for path in ("usr/lib/libffi.so.8", "opt/v/site-packages/_cffi_backend.abi3.so"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(elf, tmp_path / path)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/bin/qemu-script").write_text("#!/bin/sh\n")
    done = core.run(*COMMAND, "--json", "--root", tmp_path)
    (found,) = json.loads(done.stdout)["advice"]
    assert {cause["name"] for cause in found["causes"]} == {"libffi closure", "cffi callback"}
    assert (found["hardenable"], found["needs"]) == ("yes, with", ["trampfd run"])
    assert found["steps"] == ["python3 -m pip install trampfd && python3 -m trampfd enable"]
    assert done.returncode == 1
    shutil.copy(elf, tmp_path / "usr/bin/luajit")
    assert core.run(*COMMAND, "--root", tmp_path).stdout.splitlines()[1].split()[1] == "unknown"


def test_a_command_is_traced() -> None:
    words = [sys.executable, PROGRAMS / "callbacks.py", "cffi"]
    done = core.run(*COMMAND, "--json", "--", *words)
    if "traced here" in done.stderr:
        pytest.skip(done.stderr.strip())
    (found,) = json.loads(done.stdout)["advice"]
    assert (found["hardenable"], found["needs"]) == ("yes, with", ["trampfd run"])
    (cause,) = found["causes"]
    assert "callbacks.py:" in cause["evidence"]
    assert found["steps"][0].startswith(f"{sys.executable} -m pip install")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("maker", "served_by"),
    [
        ("ctypes (CFUNCTYPE)", causes.RUN),
        ("cffi (ffi.callback)", causes.RUN),
        ("libffi (libgirepository-1.0.so.1)", causes.PRELOAD),
        ("libffi", causes.PRELOAD),
        ("GCC nested function (a.out)", causes.LIBRARY),
        ("CPython JIT", causes.SETTING),
        ("V8", causes.SETTING),
        ("Java", causes.NOTHING),
        ("PCRE2", causes.HARMLESS),
        ("executable stack", causes.CHANGE),
        ("unknown", causes.NOTHING),
    ],
)
def test_each_maker_of_the_audit_has_a_cause(maker: str, served_by: str) -> None:
    assert causes.of_maker(maker).served_by == served_by


def test_what_is_not_needed_is_no_obstacle() -> None:
    assert verdict.judge([causes.of_maker("PCRE2")]).hardenable == verdict.YES
    both = [causes.of_maker("CPython JIT"), causes.CFFI]
    assert verdict.judge(both).needs == ("PYTHON_JIT=0 in the environment", "trampfd run")
    assert str(verdict.judge([*both, causes.of_maker("Java")])) == "no, because of Java"
