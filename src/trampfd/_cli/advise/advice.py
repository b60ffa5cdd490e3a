# SPDX-License-Identifier: MIT
"""What to do so that a service can be hardened, and the drop-in that does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._system import preload_library
from ..trace import causes, verdict
from ..trace.causes import Cause
from ..trace.verdict import Verdict
from .evidence import Evidence
from .units import Unit

# What is not known is neither yes nor no.
UNKNOWN = "unknown"
HARDENED = "hardened"


@dataclass(frozen=True)
class Advice:
    """What is known of one service, image or program, and what to do.

    Attributes:
        name: of the service, the folder, or the words of the command.
        hardenable: `HARDENED` already; `verdict.YES`, `YES_WITH` or `NO`; or `UNKNOWN`.
        needs, obstacles: as those of `Verdict`.
        evidence: what that was concluded from.
        steps: what has to be done before the drop-in, in order; texts.
        drop_in: the content of a drop-in; None if it would break the service, or none is needed.
    """

    name: str
    hardenable: str
    needs: tuple[str, ...]
    obstacles: tuple[str, ...]
    evidence: Evidence
    steps: tuple[str, ...] = ()
    drop_in: str | None = None


def of_unit(unit: Unit, found: Evidence) -> Advice:
    """What to do for a service of systemd."""
    needs = _simplest(found.needs, found.enabled)
    judged = verdict.judge(needs)
    steps = tuple(_steps(needs, found))
    if unit.hardened:
        return _advice(unit.name, HARDENED, judged, found)
    if judged.hardenable == verdict.NO:
        return _advice(unit.name, verdict.NO, judged, found)
    if not unit.pids or found.notes:
        return _advice(unit.name, UNKNOWN, judged, found)
    text = drop_in(unit, needs, found)
    return _advice(unit.name, judged.hardenable, judged, found, steps, text)


def of_image(name: str, found: Evidence) -> Advice:
    """What is installed may be used or not: only what would be needed is known."""
    needs = _simplest(found.possible, found.enabled)
    judged = verdict.judge(needs)
    hardenable = UNKNOWN if judged.hardenable == verdict.NO else judged.hardenable
    return _advice(name, hardenable, judged, found, tuple(_steps(needs, found)))


def of_command(name: str, found: Evidence) -> Advice:
    """What a trace of a command has seen."""
    needs = _simplest(found.needs, found.enabled)
    judged = verdict.judge(needs)
    return _advice(name, judged.hardenable, judged, found, tuple(_steps(needs, found)))


def _advice(
    name: str,
    hardenable: str,
    judged: Verdict,
    found: Evidence,
    steps: tuple[str, ...] = (),
    text: str | None = None,
) -> Advice:
    return Advice(name, hardenable, judged.needs, judged.obstacles, found, steps, text)


def _simplest(found: dict[Cause, str], is_enabled: bool) -> dict[Cause, str]:
    """Of a shared libffi the preload library serves ctypes too, without a change to the Python; its
    own cause says nothing more where another one comes from it."""
    is_shared = causes.SHARED_LIBFFI in found
    if is_shared and not is_enabled and causes.CFFI not in found:
        found = {_by_preload(cause): why for cause, why in found.items()}
    is_named = any(c.served_by in causes.SERVED and c != causes.SHARED_LIBFFI for c in found)
    return {c: why for c, why in found.items() if not (is_named and c == causes.SHARED_LIBFFI)}


def _by_preload(cause: Cause) -> Cause:
    return causes.CTYPES_BY_PRELOAD if cause == causes.CTYPES else cause


def _serves(needs: dict[Cause, str], what: str) -> bool:
    return any(cause.served_by == what for cause in needs)


def _steps(needs: dict[Cause, str], found: Evidence) -> Iterator[str]:
    if _serves(needs, causes.RUN) and not found.enabled:
        for python in found.pythons or {"python3": None}:
            yield f"{python} -m pip install trampfd && {python} -m trampfd enable"
    for cause in needs:
        if cause.served_by == causes.LIBRARY:
            yield cause.advice


def drop_in(unit: Unit, needs: dict[Cause, str], found: Evidence) -> str:
    """The file that hardens the service and lets trampfd serve it."""
    lines = ["[Service]", "MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native"]
    if _serves(needs, causes.PRELOAD):
        lines.append(
            f'Environment="LD_PRELOAD={" ".join(filter(None, [_library(), unit.preload]))}"'
        )
    if found.pythons:
        lines.append("UnsetEnvironment=PYTHONPERFSUPPORT PYTHON_PERF_JIT_SUPPORT")
    variables = [cause.variable for cause in needs if cause.variable]
    variables += ["PYTHON_JIT=0"] if found.pythons else []
    lines += [f"Environment={variable}" for variable in dict.fromkeys(variables)]
    if _serves(needs, causes.RUN):
        lines += [f"ExecStartPre={python} -m trampfd enable --status" for python in found.pythons]
    return "\n".join([MARK, *lines, ""])


MARK = "# Made by `trampfd advise`, which replaces this file; remove it to undo that."


def _library() -> str:
    """As the loader of the service finds it, or its path."""
    path = preload_library.find()
    if path is None or path.name == preload_library.SONAME:
        return preload_library.SONAME
    return str(path)


def path_of(unit: str, folder: Path) -> Path:
    return folder / f"{unit}.d" / "trampfd.conf"


def to_json(advice: Advice) -> dict[str, Any]:
    """The form is described in docs/formats.md."""
    found = advice.evidence
    return {
        "name": advice.name,
        "hardenable": advice.hardenable,
        "needs": list(advice.needs),
        "obstacles": list(advice.obstacles),
        "causes": [
            {
                "name": cause.name,
                "served_by": cause.served_by,
                "advice": cause.advice,
                "seen": seen,
                "evidence": why,
            }
            for seen, part in ((True, found.needs), (False, found.possible))
            for cause, why in part.items()
        ],
        "steps": list(advice.steps),
        "notes": found.notes,
        "drop_in": advice.drop_in,
    }
