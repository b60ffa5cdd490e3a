# SPDX-License-Identifier: MIT
"""What SELinux denies, from the kernel's log."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

# Without an audit daemon, the kernel logs each denial, and as many as there are.
RATE_LIMIT = Path("/proc/sys/kernel/printk_ratelimit")
LOST = re.compile(r"audit: .*(?:lost|exceeded|overflow)")
DENIED = re.compile(
    r"avc:  denied  \{ (?P<permissions>[^}]*) \} .*"
    r"scontext=\S+:(?P<source>\w+):s\d\S* tcontext=\S+:(?P<target>\w+):s\d\S* tclass=(?P<kind>\w+)"
)


@dataclass(frozen=True, order=True)
class Denial:
    """That a domain may not do something to something."""

    domain: str
    text: str


def parsed(line: str) -> list[Denial]:
    """A permission for each; none if the line tells of something else."""
    match = DENIED.search(line)
    if not match:
        return []
    domain, target, kind = match["source"], match["target"], match["kind"]
    on = kind if target == domain else f"{kind} {target}"
    return [Denial(domain, f"{permission} {on}") for permission in match["permissions"].split()]


class Log:
    """The kernel's log from now on."""

    def __init__(self) -> None:
        RATE_LIMIT.write_text("0")
        self.descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.descriptor, 0, os.SEEK_END)

    def lines(self) -> list[str]:
        """New ones. OSError if some were overwritten before they were read."""
        time.sleep(1)  # a thread of the kernel writes what was denied
        lines = []
        while True:
            try:
                lines.append(os.read(self.descriptor, 8192).decode(errors="replace"))
            except BlockingIOError:
                return lines

    def denials(self) -> list[Denial]:
        """New ones, each once. OSError if the kernel dropped some."""
        lines = self.lines()
        lost = [line for line in lines if LOST.search(line)]
        if lost:
            raise OSError(f"the kernel does not tell all: {lost[0].strip()}")
        return sorted({denial for line in lines for denial in parsed(line)})
