# SPDX-License-Identifier: MIT
"""The fuzz targets of ``c/fuzz``, which libFuzzer drives under sanitizers.

``make fuzz`` runs this file, which goes through all of them::

    python tests/fuzz.py --seconds 600 [TARGET ...]

What a target has found interesting is kept in build/fuzz, for the next time.  What made one fail
is written there, too; once that is mended, it belongs into c/fuzz/inputs/TARGET.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from support import core

TARGETS = {
    "elf": (),
    "maps": ("-Wl,--wrap=fopen",),
    "plan": (),
    "plan_key": (),
    "settings": ("-Wl,--wrap=secure_getenv,--wrap=tfd_pool_reserve_locked",),
}
SANITIZE = (
    "-fsanitize=fuzzer-no-link,address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-sanitize=function",  # see test_sanitizers.py
    "-fno-omit-frame-pointer",
)
FLAGS = ("-error_exitcode=1", "-timeout=60")  # its own status is that of a test that skips itself
KEPT = core.BACKEND.parent / "build" / "fuzz"


def target(name: str) -> Path:
    link = ("-fsanitize=fuzzer", *TARGETS[name])
    return core.executable(f"fuzz/{name}", *SANITIZE, link=link, compiler="clang")


def inputs(name: str) -> list[Path]:
    """What a target once failed with."""
    return sorted((core.PROGRAMS / "fuzz" / "inputs" / name).glob("*"))


def _fuzz(name: str, seconds: int) -> None:
    corpus = KEPT / name
    corpus.mkdir(parents=True, exist_ok=True)
    flags = [f"-max_total_time={seconds}", "-verbosity=0", "-print_final_stats=1"]
    command = [target(name), *FLAGS, *flags, f"-artifact_prefix={KEPT}/{name}-", corpus]
    print(f"{name}: {seconds} seconds", flush=True)
    status = subprocess.run(command).returncode
    if status:
        sys.exit(f"{name} failed with status {status}; the input is in {KEPT}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz the core, until something fails.")
    parser.add_argument("--seconds", type=int, default=600, help="for each (default: 600)")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    options = parser.parse_args()
    for name in options.targets or TARGETS:
        _fuzz(name, options.seconds)


if __name__ == "__main__":
    main()
