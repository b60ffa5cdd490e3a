# SPDX-License-Identifier: MIT
"""Start the services of this folder in each state, use them, and write what came of it.

observe.py FILE [UNIT...], as root of the system of tests/vm/make-services-root: all services, or
those that are named. The states are: stock; stock with MemoryDenyWriteExecute=yes; and with the
drop-in that `trampfd advise` makes of the stock one.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNITS = Path("/run/systemd/system")
HARDENED = "[Service]\nMemoryDenyWriteExecute=yes\nSystemCallArchitectures=native\n"
SECONDS = 240.0  # of an emulated machine, for all services together
KEY = "/srv/services/key.pem"
CERTIFICATE = "/srv/services/certificate.pem"
TRAMPFD = (sys.executable, "-m", "trampfd")


class Wrong(Exception):
    """A service answered, but not as it should."""


@dataclass(frozen=True)
class Service:
    """How one is called, started and used; `use` returns its answer."""

    title: str
    unit: str
    use: Callable[[], str]
    answer: str


def over_tcp(port: int) -> Callable[[], str]:
    def use() -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            return connection.makefile().read()

    return use


def over_http(*urls: str) -> Callable[[], str]:
    def use() -> str:
        answers = []
        for url in urls:
            with urllib.request.urlopen(f"http://127.0.0.1{url}", timeout=60) as answer:
                answers.append(answer.read().decode())
        return "; ".join(answers)

    return use


def over_tls() -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(CERTIFICATE, KEY)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", 8000), timeout=60) as connection,
        context.wrap_socket(connection, server_hostname="name.test") as secure,
    ):
        return f"{secure.read().decode()} selected={secure.selected_alpn_protocol()}"


def over_dbus() -> str:
    name = "org.example.Reverser"
    words = ["busctl", "call", name, "/org/example/Reverser", name, "Reverse", "s", "callback"]
    return run(words).stdout.strip()


def manages_bluetooth() -> str:
    """The interfaces that an object of the mechanism has."""
    words = ["busctl", "introspect", "--list", "org.blueman.Mechanism", "/org/blueman/mechanism"]
    return " ".join(word for word in run(words).stdout.split() if word == "org.blueman.Mechanism")


def inhibits() -> str:
    """Who waits for a shutdown, which a service of the system bus is told."""
    lines = run(["systemd-inhibit", "--list", "--no-legend", "--no-pager"]).stdout
    if "Unattended Upgrades" not in lines:
        raise Wrong(f"it does not wait for a shutdown: {lines.strip()!r}")
    return "waits"


SERVICES = (
    Service(
        "pyOpenSSL server: verify, ALPN and SNI callbacks",
        "services-pyopenssl.service",
        over_tls,
        "client=services.test name=name.test protocols=h2,http/1.1 selected=h2",
    ),
    Service(
        "dasbus and PyGObject on the system bus",
        "services-dasbus.service",
        over_dbus,
        's "kcabllac"',
    ),
    Service(
        "gunicorn, application with a callback of ctypes",
        "services-gunicorn.service",
        over_http(":8001/"),
        "1 2 3 4",
    ),
    Service(
        "uvicorn, application with a callback of ctypes",
        "services-uvicorn.service",
        over_http(":8006/"),
        "1 2 3 4",
    ),
    Service(
        "Apache with mod_wsgi, application with a callback of ctypes",
        "apache2.service",
        over_http("/sort"),
        "1 2 3 4",
    ),
    Service("Ruby with Fiddle", "services-ruby.service", over_tcp(8003), "1 2 3 4"),
    Service("Guile", "services-guile.service", over_tcp(8004), "1 2 3 4"),
    Service("sqlite by ctypes", "services-sqlite.service", over_tcp(8005), "8 9 10"),
    Service(
        "uWSGI with two applications with a callback of ctypes",
        "services-uwsgi.service",
        over_http(":8002/one", ":8002/two"),
        "1 2 3 4; 1 2 3 4",
    ),
    Service(
        "soundfile, sound in memory by callbacks of cffi",
        "services-soundfile.service",
        over_tcp(8007),
        "[1, 2, 3] at 8000",
    ),
    Service(
        "blueman-mechanism on the system bus",
        "blueman-mechanism.service",
        manages_bluetooth,
        "org.blueman.Mechanism",
    ),
    Service(
        "matrix-synapse",
        "services-synapse.service",
        over_http(":8008/health"),
        "OK",
    ),
    Service(
        "unattended-upgrades, which waits for a shutdown",
        "unattended-upgrades.service",
        inhibits,
        "waits",
    ),
)


def chosen(units: Sequence[str]) -> list[Service]:
    """The services with these units; all if none is named. SystemExit for an unknown one."""
    known = [service.unit for service in SERVICES]
    for unit in units:
        if unit not in known:
            sys.exit(f"{sys.argv[0]}: {unit} is none of {', '.join(known)}")
    return [service for service in SERVICES if not units or service.unit in units]


def run(words: Sequence[str], *good: int) -> subprocess.CompletedProcess[str]:
    """Raises Wrong if the status is neither 0 nor a good one."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode not in (0, *good):
        raise Wrong(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done


def say(text: str) -> None:
    print(f"{time.monotonic():7.1f} {text}", flush=True)


# One state of all services


def start(services: Sequence[Service], drop_ins: dict[str, str]) -> None:
    """With a drop-in where there is one for the unit."""
    for unit, text in drop_ins.items():
        folder = UNITS / f"{unit}.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trampfd.conf").write_text(text)
    run(["systemctl", "daemon-reload"])
    run(["systemctl", "start", "--no-block", *(service.unit for service in services)])


def stop(services: Sequence[Service]) -> None:
    units = [service.unit for service in services]
    run(["systemctl", "stop", *units])
    run(["systemctl", "reset-failed", *units], 1)


def show(unit: str, name: str) -> str:
    return run(["systemctl", "show", "--value", f"--property={name}", unit]).stdout.strip()


def work(service: Service, end: float) -> str:
    """ "works", or why it does not; an answer may take until `end`."""
    while True:
        try:
            answer = service.use()
            return "works" if answer == service.answer else f"fails: answers {answer!r}"
        except (OSError, Wrong) as error:
            why = getattr(error, "reason", error)  # urllib has it inside
            if not isinstance(why, (ConnectionRefusedError, Wrong)):
                return f"fails: {error}"
            if show(service.unit, "ActiveState") == "failed":
                return f"fails: {last_words(service.unit)}"
            if time.monotonic() > end:
                return f"fails: {error}"
            time.sleep(2)


def last_words(unit: str) -> str:
    """Of a service that has ended."""
    match = f"_SYSTEMD_INVOCATION_ID={show(unit, 'InvocationID')}"
    lines = run(["journalctl", "--output=cat", "--no-pager", match]).stdout.splitlines()
    errors = [line for line in lines if re.match(r"\w*Error\b", line)]
    if errors:
        return errors[-1].partition(". ")[0]
    if show(unit, "Result") in ("signal", "core-dump"):
        return f"ends with {signal.Signals(int(show(unit, 'ExecMainStatus'))).name}"
    return f"ends with {show(unit, 'Result')}"


def pids(unit: str) -> list[int]:
    group = show(unit, "ControlGroup")
    if not group:
        return []
    try:
        text = Path(f"/sys/fs/cgroup{group}/cgroup.procs").read_text()
    except OSError:  # the service has ended, maybe while this was read
        return []
    return [int(pid) for pid in text.split()]


def audit(of: dict[str, list[int]]) -> dict[str, list[str]]:
    """The kinds of memory that was found in the processes of each unit."""
    every = [str(pid) for found in of.values() for pid in found]
    if not every:
        return {}
    reports = json.loads(run([*TRAMPFD, "audit", "--json", *every], 1).stdout)
    kinds = {report["pid"]: [f["kind"] for f in report["findings"]] for report in reports}
    return {unit: sorted({k for pid in found for k in kinds[pid]}) for unit, found in of.items()}


def take(steps: Sequence[str]) -> None:
    """Do what `trampfd advise` asks for besides the drop-in; trampfd is installed already."""
    for step in steps:
        say(run(["sh", "-c", step.rpartition("&& ")[2]]).stdout.strip())


def state(
    name: str, services: Sequence[Service], drop_ins: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """What became of each unit; the services go on."""
    say(f"{name}: start")
    start(services, drop_ins)
    end = time.monotonic() + SECONDS
    outcomes = {}
    for service in services:
        outcomes[service.unit] = work(service, end)
        say(f"{name}: {service.unit}: {outcomes[service.unit]}")
    memory = audit({service.unit: pids(service.unit) for service in services})
    say(f"{name}: {memory}")
    return {unit: {"outcome": o, "memory": memory.get(unit, [])} for unit, o in outcomes.items()}


# All of them


def observe(services: Sequence[Service]) -> dict[str, Any]:
    stock = state("stock", services, {})
    every = json.loads(run([*TRAMPFD, "advise", "--all", "--json"], 1, 3).stdout)["advice"]
    for item in every:
        say(f"advise: {item['name']}: {item['hardenable']} {item['needs'] or item['obstacles']}")
    advice = {item["name"]: item for item in every}
    stop(services)
    alone = state("hardened", services, {service.unit: HARDENED for service in services})
    stop(services)
    served = {}
    for is_enabled in (False, True):
        group = [s for s in services if bool(advice.get(s.unit, {}).get("steps")) == is_enabled]
        for service in group:
            take(advice.get(service.unit, {}).get("steps") or [])
        made = {s.unit: advice.get(s.unit, {}).get("drop_in") or HARDENED for s in group}
        served |= state("enabled" if is_enabled else "served", group, made)
        stop(group)
    return {
        service.title: {
            "stock": stock[service.unit],
            "hardened": alone[service.unit],
            "trampfd": served[service.unit],
            "advice": {
                key: advice.get(service.unit, {}).get(key)
                for key in ("hardenable", "needs", "obstacles", "steps", "drop_in")
            },
        }
        for service in services
    }


if __name__ == "__main__":
    file, *units = sys.argv[1:]
    outcomes = observe(chosen(units))
    Path(file).write_text(json.dumps(outcomes, indent=1) + "\n")
