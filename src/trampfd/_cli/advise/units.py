# SPDX-License-Identifier: MIT
"""What systemd knows of its services, by systemctl(1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import process

_SECONDS = 60
_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "MainPID",
    "ControlGroup",
    "ExecStart",
    "Environment",
    "MemoryDenyWriteExecute",
)


@dataclass(frozen=True)
class Unit:
    """A service.

    Attributes:
        name: such as "sorter.service".
        load, active: its states, as systemd calls them: "loaded", "not-found"; "active", ...
        hardened: MemoryDenyWriteExecute= is on.
        programs: the paths of what it starts.
        preload: LD_PRELOAD in its environment, or empty.
        pids: its processes now.
    """

    name: str
    load: str
    active: str
    hardened: bool
    programs: tuple[str, ...]
    preload: str
    pids: tuple[int, ...]


def names() -> list[str]:
    """The services that are active; raises process.Failure."""
    text = _systemctl("list-units", "--type=service", "--no-legend", "--plain", "--no-pager")
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def show(wanted: Sequence[str]) -> list[Unit]:
    """Services by their names, to which ".service" is added; raises process.Failure."""
    full = [name if "." in name else f"{name}.service" for name in wanted]
    properties = ",".join(_PROPERTIES)
    text = _systemctl("show", "--no-pager", f"--property={properties}", "--", *full)
    return [parse(block) for block in re.split(r"\n\n+", text.strip("\n")) if block]


def _systemctl(*words: str) -> str:
    done = process.run(["systemctl", *words], timeout=_SECONDS)
    if done.returncode:
        why = process.last_line(done.stderr) or f"exit status {done.returncode}"
        raise process.Failure(f"systemctl {words[0]} failed: {why}")
    return done.stdout


_PROGRAM = re.compile(r"\{ path=(\S+) ;")
# systemctl quotes an assignment that has spaces in it.
_PRELOAD = re.compile(r'(?:^|\s)(?:"LD_PRELOAD=([^"]*)"|LD_PRELOAD=(\S*))')


def parse(text: str) -> Unit:
    """What `systemctl show` prints of one service; a property that it does not have is left out."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        # ExecStart= has a line for each of its commands.
        values[key] = f"{values[key]}\n{value}" if key in values else value
    main = int(values.get("MainPID") or 0)
    preload = _PRELOAD.search(values.get("Environment", ""))
    return Unit(
        name=values.get("Id", ""),
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        hardened=values.get("MemoryDenyWriteExecute") == "yes",
        programs=tuple(_PROGRAM.findall(values.get("ExecStart", ""))),
        preload=(preload[1] or preload[2] or "") if preload else "",
        pids=_pids(values.get("ControlGroup", ""), main),
    )


CONTROL_GROUPS = Path("/sys/fs/cgroup")


def _pids(group: str, main: int) -> tuple[int, ...]:
    """All of the control group and of those below it; the main one where there is no such group."""
    found = {main} - {0}
    if group:
        for hierarchy in ("", "systemd"):
            folder = CONTROL_GROUPS / hierarchy / group.lstrip("/")
            for file in [folder / "cgroup.procs", *folder.glob("**/cgroup.procs")]:
                found |= _read_pids(file)
    return tuple(sorted(found))


def _read_pids(file: Path) -> set[int]:
    try:
        return set(map(int, file.read_text().split()))
    except OSError:
        return set()
