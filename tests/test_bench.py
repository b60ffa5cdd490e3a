# SPDX-License-Identifier: MIT
"""`trampfd bench` measures every rival there is, and what it writes can be read.

No time is asserted: only that everything runs, and that its arithmetic is right.
"""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest
from support import scale
from support.core import need, new_folder, run

for _module in ("pytest_benchmark", "matplotlib", "Cython"):
    pytest.importorskip(_module)

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

C_RIVALS = {"trampfd", "trampfd, libffi entry", "libffi", "libffi static", "indirect call"}
PROVIDERS = {"table", "sealed", "trampfd", "trampfd-user"}
PYTHON_RIVALS = {
    "trampfd (ctypes)",
    "trampfd (cffi)",
    "ctypes",
    "ffi.callback",
    'extern "Python"',
    "Cython",
}
RIVALS = {
    ("C handler", "2 ints"): C_RIVALS,
    ("C handler", "6 doubles"): C_RIVALS,
    ("C handler", "16-byte struct"): C_RIVALS,
    ("C handler", "10 mixed"): C_RIVALS,
    ("C handler, preload", "2 ints"): {"trampfd, LD_PRELOAD", "libffi", "indirect call"},
    ("C handler, preload", "no arguments"): {"trampfd, LD_PRELOAD", "libffi", "indirect call"},
    ("Python callback", "GIL held"): {*PYTHON_RIVALS, "hand-written C", "vectorcall alone"},
    ("Python callback", "GIL not held"): {*PYTHON_RIVALS, "hand-written C"},
    ("Python callback", "thread not made by Python"): {*PYTHON_RIVALS, "hand-written C"},
    ("install()", "ctypes program, integers"): {"as it is", "trampfd run"},
    ("install()", "cffi program, integers"): {"as it is", "trampfd run"},
    ("qsort", "1,000 ints"): PYTHON_RIVALS,
    ("create and free", "10 live"): {"trampfd", "libffi", "libffi static"},
    ("create and free", "100,000 live"): {"trampfd", "libffi", "libffi static"},
    ("create all, then free all", "10 live"): {"trampfd", "libffi", "libffi static"},
    ("create and free, by threads", "1 thread"): {"trampfd", "libffi", "libffi static"},
    ("create and free, by threads", "2 threads"): {"trampfd", "libffi", "libffi static"},
    ("provider, making", "make and free, 1,000 live"): PROVIDERS,
    ("provider, making", "fork, 1,000 live"): PROVIDERS,
    ("provider", "2 ints"): {*PROVIDERS, "indirect call"},
    ("Python callback, by kind of argument", "long double"): {
        "ctypes",
        "trampfd (ctypes)",
        "ffi.callback",
        "trampfd (cffi)",
    },
    ("Python callback, by kind of argument", "py_object"): {"ctypes", "trampfd (ctypes)"},
    ("make a Python callback", "ctypes"): {"ctypes", "trampfd (ctypes)"},
    ("make a Python callback", "cffi, ctype given"): {"ffi.callback", "trampfd (cffi)"},
    ("memory", "ctypes"): {"ctypes", "trampfd (ctypes)"},
    ("memory", "cffi, ctype given"): {"ffi.callback", "trampfd (cffi)"},
    ("instructions", "2 ints"): C_RIVALS,
    ("instructions", "create and free"): {"trampfd", "libffi", "libffi static"},
}

# Without a network, without the kernel module, or without valgrind.
MAY_BE_ABSENT = {
    "libffi static": "Debian's package cannot be fetched",
    "trampfd": "no /dev/trampfd",
    "trampfd-user": "no /dev/trampfd",
}


def bench(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trampfd", "bench", *arguments]
    environment["PYTEST_XDIST_WORKER"] = ""  # a worker's child would take itself for a worker
    return run(*command, environment=environment, timeout=scale.seconds(580))


@pytest.fixture(scope="module")
def quick() -> tuple[Path, str]:
    """The folder of a quick run, and what was printed."""
    need("valgrind")
    folder = new_folder()
    done = bench("--quick", "--output", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def names(entries: list[dict[str, Any]], question: str, case: str) -> set[str]:
    return {e["rival"] for e in entries if (e["question"], e["case"]) == (question, case)}


def test_every_rival_is_measured_or_named(quick: tuple[Path, str]) -> None:
    folder, printed = quick
    summary = json.loads((folder / "summary.json").read_text())
    for (question, case), rivals in RIVALS.items():
        measured = names(summary["figures"], question, case)
        absent = names(summary["absent"], question, case)
        assert measured | absent == rivals, (question, case)
        assert not measured & absent
    for absent in summary["absent"]:
        assert MAY_BE_ABSENT[absent["rival"]] in absent["reason"]
        assert f"Not measured: {absent['rival']}: " in printed


def test_figures_have_rounds_and_spread(quick: tuple[Path, str]) -> None:
    summary = json.loads((quick[0] / "summary.json").read_text())
    assert summary["quick"]
    for figure in summary["figures"]:
        assert 0 < figure["low"] <= figure["median"] <= figure["high"], figure
        assert figure["rounds"] == (1 if figure["question"] in ("instructions", "memory") else 3), (
            figure
        )
    assert {ratio["rival"] for ratio in summary["ratios"]} >= {"libffi", "ctypes", "ffi.callback"}
    for ratio in summary["ratios"]:
        assert ratio["low"] <= ratio["median"] <= ratio["high"]


def test_tables_and_pictures_are_written(quick: tuple[Path, str]) -> None:
    folder, printed = quick
    report = (folder / "summary.md").read_text()
    assert "| target | at most | measured | met |" in report
    assert "A quick run" in report
    pictures = sorted(folder.glob("*.svg"))
    assert len(pictures) == len({question for question, _ in RIVALS} | {"import", "start"})
    for picture in pictures:
        assert xml.etree.ElementTree.parse(picture).getroot().tag.endswith("svg")
        assert picture.name in printed


def test_only_the_processor_names_the_machine(quick: tuple[Path, str]) -> None:
    summary = json.loads((quick[0] / "summary.json").read_text())
    versions = {"kernel", "Python", "libffi", "libffi static", "cffi", "Cython", "compiler"}
    assert set(summary["machine"]) == {"processor", *versions}


def test_comparison_with_an_earlier_run(quick: tuple[Path, str]) -> None:
    old = quick[0] / "summary.json"
    done = bench("--quick", "--only", "import", "--output", new_folder(), "--compare", old)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "now/then" in done.stdout
    assert "only then: C handler: 2 ints, libffi" in done.stdout


def test_without_a_network_the_rival_is_reported() -> None:
    folder, nowhere = new_folder(), "http://127.0.0.1:9"
    done = bench(
        *("--quick", "--only", "test_c_handler and ints", "--output", folder),
        http_proxy=nowhere,
        TRAMPFD_CACHE=str(new_folder()),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not measured: libffi static: Debian's package cannot be fetched: " in done.stdout
    summary = json.loads((folder / "summary.json").read_text())
    assert names(summary["figures"], "C handler", "2 ints") == C_RIVALS - {"libffi static"}
    assert names(summary["absent"], "C handler", "2 ints") == {"libffi static"}


@pytest.mark.parametrize("content", [None, "no JSON", "{}"])
def test_invalid_summary_is_refused_before_measuring(content: str | None) -> None:
    old = new_folder() / "old.json"
    if content is not None:
        old.write_text(content)
    done = bench("--compare", old)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(old) in done.stderr and "Traceback" not in done.stderr


def test_nothing_to_measure() -> None:
    done = bench("--quick", "--only", "no_such_benchmark", "--output", new_folder())
    assert done.returncode == 1
    assert "nothing was measured" in done.stderr and "Traceback" not in done.stderr


def benchmark(question: str, case: str, rival: str, rounds: list[float], **more: object) -> object:
    info = {"question": question, "case": case, "rival": rival, **more}
    return {"extra_info": info, "stats": {"data": [seconds / 1e9 for seconds in rounds]}}


def report(folder: Path, *benchmarks: object, load: float = 0.5) -> dict[str, Any]:
    """The summary of a run that measured this."""
    raw = {
        "machine_info": {"processor": "abacus"},
        "quick": False,
        "load": load,
        "absent": [],
        "counts": [],
        "benchmarks": benchmarks,
    }
    (folder / "benchmark.json").write_text(json.dumps(raw))
    done = run(sys.executable, BENCHMARKS / "report.py", folder)
    assert done.returncode == 0, done.stderr
    return dict(json.loads((folder / "summary.json").read_text()))


def test_ratios_are_taken_round_by_round_above_the_floor() -> None:
    # The second round was twice as slow for all.
    summary = report(
        new_folder(),
        benchmark("C handler", "2 ints", "trampfd", [3, 6, 4]),
        benchmark("C handler", "2 ints", "libffi", [11, 22, 11]),
        benchmark("C handler", "2 ints", "indirect call", [1, 2, 1]),
    )
    (ratio,) = summary["ratios"]
    assert (ratio["ours"], ratio["rival"], ratio["above"]) == ("trampfd", "libffi", "indirect call")
    assert [ratio[name] for name in ("low", "median", "high")] == pytest.approx([0.2, 0.2, 0.3])
    target = summary["targets"][0]
    assert target["what"].startswith("C handler, 2 ints")
    assert target["met"] and target["measured"]["median"] == pytest.approx(0.2)
    others = [target for target in summary["targets"] if target["measured"] is None]
    assert others and all(target["met"] is None for target in others)


def test_busy_machine_is_reported() -> None:
    folder = new_folder()
    report(folder, benchmark("import", "time", "import trampfd", [1]), load=16.25)
    assert "load average of 16.2" in (folder / "summary.md").read_text()
    report(folder, benchmark("import", "time", "import trampfd", [1]))
    assert "load average" not in (folder / "summary.md").read_text()


def test_missed_target_is_reported() -> None:
    folder = new_folder()
    summary = report(
        folder,
        benchmark("Python callback", "GIL held", "trampfd (cffi)", [31]),
        benchmark("Python callback", "GIL held", "ffi.callback", [100]),
    )
    (missed,) = [target for target in summary["targets"] if target["measured"]]
    assert missed["met"] is False
    assert "| 0.3 | 0.31 (0.31-0.31) | **no** |" in (folder / "summary.md").read_text()


def test_rival_that_stops_early_is_reported() -> None:
    folder = new_folder()
    more = {"count": 10_000_000, "bytes": 70, "mappings": 9}
    stopped = {**more, "stopped": 4_194_304, "reason": "Cannot allocate memory"}
    case = "10,000,000 live"
    summary = report(
        folder,
        benchmark("create and free", case, "trampfd", [50], **more),
        benchmark("create and free", case, "libffi static", [18_000], **stopped),
    )
    assert {f["rival"]: f.get("stopped") for f in summary["figures"]} == {
        "trampfd": None,
        "libffi static": 4_194_304,
    }
    assert "stops at 4,194,304: Cannot allocate memory" in (folder / "summary.md").read_text()
    met = {t["what"]: t["met"] for t in summary["targets"] if t["measured"]}
    assert met == {
        f"create and free (worst: {case})": True,
        f"memory of a closure (worst: {case})": True,
    }


def test_documentation_shows_the_committed_figures() -> None:
    if not (BENCHMARKS / "figures" / "summary.json").exists():
        pytest.skip("benchmarks/figures is absent: `make figures` makes it")
    code = (
        "import write_targets; from lib import page;"
        "print(page.PAGE.read_text() == write_targets.updated())"
    )
    done = run(sys.executable, "-c", code, environment={"PYTHONPATH": str(BENCHMARKS)})
    assert done.stdout == "True\n", f"{done.stderr}run benchmarks/write_targets.py"
