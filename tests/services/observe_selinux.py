# SPDX-License-Identifier: MIT
"""Start the services of this folder where SELinux is enforcing, and write what came of it.

observe_selinux.py FILE [UNIT...], as root of the system of tests/vm/make-services-disk: all
services, or those that are named, stock and with the drop-in that docs/services.json has for them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import observe
from denials import Log

SELINUX = Path("/sys/fs/selinux")
OFF = ("allow_execmem", "allow_execmod", "allow_execstack", "allow_execheap", "httpd_execmem")
KEPT = Path(__file__).resolve().parents[2] / "docs" / "services.json"
# Of the reference policy; the other units ask for the domain of this folder.
DOMAINS = {
    "apache2.service": "httpd_t",
    "blueman-mechanism.service": "blueman_t",
    "unattended-upgrades.service": "apt_t",
}
OWN_DOMAIN = "trampfd_test_t"


def domain_of(pid: int) -> str:
    return Path(f"/proc/{pid}/attr/current").read_text().split(":")[2]


def require_enforcing() -> None:
    """SystemExit if programs may have writable and executable memory after all."""
    if (SELINUX / "enforce").read_text() != "1":
        sys.exit("observe_selinux: SELinux is not enforcing")
    for name in OFF:
        if (SELINUX / "booleans" / name).read_text() != "0 0":
            sys.exit(f"observe_selinux: the boolean {name} is on")


def tried(service: observe.Service, drop_in: str, log: Log) -> dict[str, Any]:
    """One service, alone: what came of it, and what was denied to its domain."""
    domain = DOMAINS.get(service.unit, OWN_DOMAIN)
    log.denials()
    observe.start([service], {service.unit: drop_in} if drop_in else {})
    outcome = observe.work(service, time.monotonic() + observe.SECONDS)
    pids = observe.pids(service.unit)
    memory = observe.audit({service.unit: pids})[service.unit] if pids else []
    others = {domain_of(pid) for pid in pids} - {domain}
    if others:
        raise observe.Wrong(f"{service.unit} runs as {', '.join(sorted(others))}, not as {domain}")
    observe.stop([service])
    denied = [denial.text for denial in log.denials() if denial.domain == domain]
    observe.say(f"{service.unit}: {outcome} {memory} {denied}")
    return {"outcome": outcome, "memory": memory, "denied": denied, "domain": domain}


def seen(services: Sequence[observe.Service]) -> dict[str, Any]:
    advice = {title: row["advice"] for title, row in json.loads(KEPT.read_text()).items()}
    log = Log()
    stock = {service.title: tried(service, "", log) for service in services}
    served = {}
    # What steps do is for all programs of an interpreter, so they come last.
    for service in sorted(services, key=lambda service: bool(advice[service.title]["steps"])):
        observe.take(advice[service.title]["steps"])
        served[service.title] = tried(service, advice[service.title]["drop_in"], log)
    return {title: {"stock": stock[title], "trampfd": served[title]} for title in stock}


if __name__ == "__main__":
    require_enforcing()
    file, *units = sys.argv[1:]
    outcomes = seen(observe.chosen(units))
    Path(file).write_text(json.dumps(outcomes, indent=1) + "\n")
