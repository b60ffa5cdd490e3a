# SPDX-License-Identifier: MIT
"""Millions of closures that live, and rounds of others beside them, watched from outside.

``c/soak/soak.c`` says what it does and compares; `trampfd audit` looks at the process between its
phases and during them.  ``make soak`` runs this file::

    python tests/soak.py --live 10000000 --rounds 1000000 --forks 1000
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support import core

from trampfd._cli.audit.inspect import audit

COLUMNS = ("", "live", "resident KiB", "mappings", "descriptors", "blocks", "rounds")
MAPPINGS_MAX = Path("/proc/sys/vm/max_map_count")
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass
class Watch:
    """How often the process was looked at, and what was found the first time there was anything."""

    looks: int = 0
    found: list[str] = field(default_factory=list)

    def look(self, pid: int) -> None:
        try:
            self.found = self.found or [f"{one.kind}: {one}" for one in audit([pid])]
            self.looks += 1
        except ProcessLookupError:
            pass


@contextmanager
def _looking(watch: Watch, pid: int) -> Iterator[None]:
    """From another thread, again and again."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            watch.look(pid)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def soak(live: int, rounds: int, forks: int, watch: Watch) -> Iterator[list[str]]:
    """The cells of a row for each phase; raises AssertionError for what is wrong in one of them."""
    program = core.executable("soak/soak")
    command = [str(word) for word in (program, live, rounds, forks)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout and process.stderr
    with process, _looking(watch, process.pid):
        for line in process.stdout:
            watch.look(process.pid)
            assert not watch.found, f"{line}{watch.found}"
            yield line.rstrip("\n").split("\t")
            process.stdin.write("\n")
            process.stdin.flush()
        errors = process.stderr.read()
    assert process.returncode == 0, f"status {process.returncode}\n{errors}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Many closures, for long.")
    parser.add_argument("--live", type=int, default=10_000_000, help="default: 10000000")
    parser.add_argument("--rounds", type=int, default=1_000_000, help="at least; default: 1000000")
    parser.add_argument("--forks", type=int, default=1000, help="default: 1000")
    options = parser.parse_args()
    watch = Watch()
    mappings = 0
    print(f"{COLUMNS[0]:20}" + "".join(f"{name:>14}" for name in COLUMNS[1:]))
    try:
        for name, *cells in soak(options.live, options.rounds, options.forks, watch):
            print(f"{name:20}" + "".join(f"{cell:>14}" for cell in cells), flush=True)
            mappings = max(mappings, int(cells[2]))
    except AssertionError as error:
        sys.exit(f"\n{error}")
    print(
        "\nNo wrong result, and nothing grew.\n"
        f"{watch.looks} audits found no memory that is writable and executable.\n"
        f"At most {mappings} mappings at the end of a phase; vm.max_map_count is "
        f"{MAPPINGS_MAX.read_text().strip()}."
    )


if __name__ == "__main__":
    main()
