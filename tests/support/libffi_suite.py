# SPDX-License-Identifier: MIT
"""libffi's own test programs, of Debian's source package, compiled unchanged and run.

`main()`, for a child process: run the compiled programs that a file names (JSON: name to path) and
write what came of each to standard output. $PRELOAD is what is preloaded into them, and $FOLDER,
if set, where they look for libraries first.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from debian import cache
from debian.apt import Apt, AptError, release

from support import core, scale

FOLDERS = ("closures", "go", "complex", "call", "threads")
OPTIMIZATIONS = ("-O0", "-O2")

# As libffi's own test driver: programs that name ABI_NUM are for each of these.
ABIS = {"": (), " GNUW64": ("-DABI_NUM=FFI_GNUW64", "-DABI_ATTR=__MSABI__")}

# What the programs ask of libffi's configuration. As where libffi has static trampolines, a code
# address is not a second address of the closure; one program looks.
CONFIGURATION = """
#define FFI_EXEC_STATIC_TRAMP 1
#define FFI_HIDDEN __attribute__((visibility("hidden")))
#define HAVE_ALLOCA_H 1
#define HAVE_INTTYPES_H 1
#define HAVE_MEMCPY 1
#define HAVE_MMAP_ANON 1
#define HAVE_STDINT_H 1
"""

# What `watch_wx` logs of a program that has no memory that is writable and executable.
CLEAN = ["end"]

TARGET = "x86_64-pc-linux-gnu"
JOBS = os.cpu_count() or 1


class Unavailable(Exception):
    """What is absent, so that the source package cannot be had."""


def source() -> Path:
    """The unpacked source of the libffi that is installed; kept for the next time."""
    version = _installed_version()
    folder = cache.folder() / f"libffi-{version}"
    if not (folder / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _download(folder, version)
        (folder / ".complete").touch()
    (unpacked,) = folder.glob("libffi-*/")
    return unpacked


def _checked(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _installed_version() -> str:
    query = ["dpkg-query", "-W", "-f", "${source:Version}", "libffi-dev"]
    try:
        return _checked(query, Path("/"))
    except (OSError, RuntimeError):
        raise Unavailable("libffi-dev as a Debian package") from None


def _download(folder: Path, version: str) -> None:
    try:
        suite = release()
    except AptError:
        raise Unavailable("Debian") from None
    apt = Apt(folder, [f"debian {suite} main"], sources=True)
    apt.update()
    archive = apt.download_source("libffi", version)
    _checked(["tar", "-xf", str(archive)], folder)


@dataclass(frozen=True)
class Program:
    """One file of the test-suite with one set of options."""

    name: str
    file: Path
    options: tuple[str, ...]


def programs(root: Path) -> Iterator[Program]:
    """Every program that the test-suite has for this machine, with every set of options."""
    for folder in FOLDERS:
        for file in sorted((root / "testsuite" / f"libffi.{folder}").glob("*.c*")):
            text = file.read_text(errors="replace")
            if not _is_for_this_target(text):
                continue
            for optimization in OPTIMIZATIONS:
                for abi, options in ABIS.items():
                    if not abi or "ABI_NUM" in text:
                        yield Program(
                            f"{folder}/{file.name} {optimization}{abi}",
                            file,
                            (optimization, *options, *_own_options(text)),
                        )


def _directives(text: str, name: str) -> list[str]:
    return re.findall(rf"\{{\s*dg-{name}\s+(.*)\}}", text)


def _targets(directive: str) -> list[str]:
    """The targets that a directive is for; none when it is for all."""
    found = re.search(r"\{\s*target\s+([^}]*)\}", directive)
    return found[1].split() if found else []


def _applies(directive: str) -> bool:
    targets = _targets(directive)
    return not targets or any(fnmatch.fnmatch(TARGET, target) for target in targets)


def _is_for_this_target(text: str) -> bool:
    return all(map(_applies, _directives(text, "do")))


def _own_options(text: str) -> list[str]:
    """What a program's own header lines ask for."""
    return [
        option
        for directive in _directives(text, "(?:additional-)?options")
        if _applies(directive)
        for option in re.sub(r"\{.*", "", directive).replace('"', " ").split()
    ]


@functools.cache
def all_programs() -> tuple[Program, ...]:
    """Those of the source of the installed libffi; skips the test where it cannot be had."""
    try:
        return tuple(programs(source()))
    except Unavailable as absent:
        pytest.skip(f"needs {absent}")


@functools.cache
def _compiled() -> Path:
    """A file that names the compiled programs."""
    folder = core.new_folder()
    file = folder / "paths.json"
    file.write_text(json.dumps(compile_all(source(), all_programs(), folder)))
    return file


@functools.cache
def outcomes(
    *before: object, libraries: tuple[Path, ...], folder: Path | None = None
) -> dict[str, Outcome]:
    """Of all programs, run by a command that has the words `before` in front.

    libraries: what is preloaded. folder: where libraries are looked for first.
    """
    environment = {"PRELOAD": " ".join(map(str, libraries)), "FOLDER": str(folder or "")}
    code = "from support.libffi_suite import main; main(*sys.argv[1:])"
    command = [*before, *core.python_command(code), _compiled()]
    written = json.loads(core.check(*command, environment=environment))
    return {name: Outcome(**outcome) for name, outcome in written.items()}


def compile_all(root: Path, selected: list[Program], folder: Path) -> dict[str, str]:
    """Compile programs into a folder, and return the path of each, by its name.

    Raises RuntimeError with the compiler's messages.
    """
    (folder / "fficonfig.h").write_text(CONFIGURATION)

    def compile_one(numbered: tuple[int, Program]) -> tuple[str, str]:
        number, program = numbered
        output = str(folder / str(number))
        compiler = "c++" if program.file.suffix == ".cc" else "cc"
        command = [compiler, "-w", *program.options, f"-I{folder}", f"-I{root}/include"]
        _checked([*command, "-o", output, str(program.file), "-lffi", "-lpthread", "-lm"], folder)
        return program.name, output

    with ThreadPoolExecutor(JOBS) as pool:
        return dict(pool.map(compile_one, enumerate(selected)))


@dataclass(frozen=True)
class Outcome:
    """Of one run: exit status, what it wrote, and the lines that `watch_wx` logged."""

    status: int
    output: str
    watched: list[str]


def run_all(paths: dict[str, str]) -> dict[str, Outcome]:
    """Run compiled programs, with the environment of this process."""

    def run_one(item: tuple[str, str]) -> tuple[str, Outcome]:
        name, path = item
        with tempfile.NamedTemporaryFile("r") as log:
            done = subprocess.run(
                [path],
                env={
                    **os.environ,
                    "WATCH_WX": log.name,
                    "LD_PRELOAD": os.environ["PRELOAD"],
                    "LD_LIBRARY_PATH": os.environ["FOLDER"],
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                errors="replace",
                timeout=scale.seconds(100),
                check=False,
            )
            return name, Outcome(done.returncode, done.stdout, log.read().splitlines())

    with ThreadPoolExecutor(JOBS) as pool:
        return dict(pool.map(run_one, paths.items()))


def main(file: str) -> None:
    """Run the compiled programs that a file names, and write what came of each."""
    outcomes = run_all(json.loads(Path(file).read_text()))
    json.dump({name: asdict(outcome) for name, outcome in outcomes.items()}, sys.stdout)
