# SPDX-License-Identifier: MIT
"""What trampfd promises, and whether a run showed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lib.names import (
    AS_IT_IS,
    BY_CTYPE,
    BY_DECLARATION,
    C_HANDLER,
    CALLBACK,
    CREATE_FREE,
    CTYPES,
    DIRECT,
    ENABLED,
    EXTERN,
    FILL,
    FIRST,
    HAND,
    HELD,
    INSTALL,
    KINDS,
    MAKE,
    MANY_LIVE,
    MEMORY,
    NO_ARGUMENTS,
    NOT_HELD,
    OF_CTYPES,
    PLAIN,
    PLAN,
    PRELOAD,
    PRELOADED,
    PYTHON_CALLBACK,
    PYTHON_KIND,
    RUN_BY_MODULE,
    SIGNATURES,
    START,
    STATIC,
    STOCK,
    THREAD,
    THREADS,
    TRAMPFD_CFFI,
    TRAMPFD_CTYPES,
    TRAMPFD_RUN,
    live_case,
    program_case,
    threads_case,
)
from lib.results import Results, Spread


@dataclass(frozen=True)
class Target:
    """A figure that must not be above its limit; measured is None where a rival is absent."""

    what: str
    limit: float
    measured: Spread | None
    unit: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.measured is None else self.measured.median <= self.limit


C_LIMITS = dict(zip(SIGNATURES, (0.35, 0.25, 0.45, 0.20)))

#: Through libffi's functions; without arguments the call itself counts, not what is above it.
PRELOAD_LIMITS = dict(zip(SIGNATURES, (0.33, 0.17, 0.25, 0.20)))
PRELOAD_NO_ARGUMENTS = 0.9

PYTHON_LIMITS = (
    (HELD, TRAMPFD_CFFI, CALLBACK, 0.30),
    (HELD, TRAMPFD_CFFI, EXTERN, 0.38),
    (HELD, TRAMPFD_CTYPES, CTYPES, 0.65),
    (HELD, TRAMPFD_CFFI, HAND, 1.20),
    (HELD, TRAMPFD_CTYPES, HAND, 1.20),
    (NOT_HELD, TRAMPFD_CFFI, CALLBACK, 0.45),
    (NOT_HELD, TRAMPFD_CFFI, EXTERN, 0.55),
    (NOT_HELD, TRAMPFD_CTYPES, CTYPES, 0.85),
    (THREAD, TRAMPFD_CFFI, CALLBACK, 0.50),
    (THREAD, TRAMPFD_CFFI, EXTERN, 0.60),
    (THREAD, TRAMPFD_CTYPES, CTYPES, 0.02),
)

#: Of stock.
MAKE_LIMITS = {
    OF_CTYPES: 0.7,
    BY_CTYPE: 0.9,
    BY_DECLARATION: 0.9,
    f"{OF_CTYPES}, {MANY_LIVE}": 0.7,
    f"{BY_CTYPE}, {MANY_LIVE}": 0.9,
    f"{BY_DECLARATION}, {MANY_LIVE}": 0.9,
    f"{OF_CTYPES}, {FIRST}": 1.5,
    f"{BY_CTYPE}, {FIRST}": 1.5,
}

#: Of stock.
MEMORY_LIMITS = {OF_CTYPES: 0.7, BY_CTYPE: 1.0}

#: Of stock, for any kind of argument.
KIND_LIMITS = ((TRAMPFD_CTYPES, CTYPES, 0.6), (TRAMPFD_CFFI, CALLBACK, 0.45))

INSTALL_LIMITS = {"ctypes": 1.0, "cffi": 0.5}

# Milliseconds more than plain Python needs.
START_LIMITS = (
    ("no import", ENABLED, 0.3),
    ("import ctypes", ENABLED, 3),
    ("import cffi", ENABLED, 3),
    ("no import", TRAMPFD_RUN, 20),
    ("no import", RUN_BY_MODULE, 20),
)

CREATE_FREE_LIMIT = 60  # nanoseconds
FLAT_LIMIT = 1.5
BYTES_LIMIT = 80
#: So many from nothing, where the kernel's fresh memory counts; the same limit.
FILLED = (10**6, 10**7)
#: From so few closures on, to so many, the cost is to be flat.
FLAT = (10**3, 10**7)
#: With fewer closures the pages that the first one touches count.
BYTES_FROM = 10**5


def _worst(spreads: dict[str, Spread]) -> tuple[str, Spread | None]:
    """The one with the highest median, and its name."""
    if not spreads:
        return "", None
    name = max(spreads, key=lambda each: spreads[each].median)
    return name, spreads[name]


def _c_handler(results: Results) -> Iterator[Target]:
    for signature, limit in C_LIMITS.items():
        ratio = results.ratio(C_HANDLER, signature, PLAN, STOCK, DIRECT)
        yield Target(f"C handler, {signature}: above an indirect call, of {STOCK}", limit, ratio)
    for rival in (STOCK, STATIC):
        ratios = {
            signature: ratio
            for signature in SIGNATURES
            if (ratio := results.ratio(C_HANDLER, signature, PLAN, rival, DIRECT))
        }
        name, worst = _worst(ratios)
        yield Target(f"C handler, any signature (worst: {name}): the same, of {rival}", 1, worst)


def _preload(results: Results) -> Iterator[Target]:
    for signature, limit in PRELOAD_LIMITS.items():
        ratio = results.ratio(PRELOAD, signature, PRELOADED, STOCK, DIRECT)
        yield Target(f"{PRELOAD}, {signature}: above an indirect call, of {STOCK}", limit, ratio)
    ratio = results.ratio(PRELOAD, NO_ARGUMENTS, PRELOADED, STOCK)
    yield Target(f"{PRELOAD}, {NO_ARGUMENTS}: {PRELOADED}, of {STOCK}", PRELOAD_NO_ARGUMENTS, ratio)


def _python_callback(results: Results) -> Iterator[Target]:
    for caller, ours, rival, limit in PYTHON_LIMITS:
        ratio = results.ratio(PYTHON_CALLBACK, caller, ours, rival)
        yield Target(f"Python callback, {caller}: {ours}, of {rival}", limit, ratio)


def _kinds(results: Results) -> Iterator[Target]:
    for ours, rival, limit in KIND_LIMITS:
        for kind in results.cases(PYTHON_KIND):
            ratio = results.ratio(PYTHON_KIND, kind, ours, rival)
            if ratio is not None:
                yield Target(f"Python callback, {kind}: {ours}, of {rival}", limit, ratio)


def _make(results: Results) -> Iterator[Target]:
    for question, limits in ((MAKE, MAKE_LIMITS), (MEMORY, MEMORY_LIMITS)):
        for case, limit in limits.items():
            of_ctypes = case.startswith(OF_CTYPES)
            ours, stock = (TRAMPFD_CTYPES, CTYPES) if of_ctypes else (TRAMPFD_CFFI, CALLBACK)
            ratio = results.ratio(question, case, ours, stock)
            yield Target(f"{question}, {case}: {ours}, of {stock}", limit, ratio)


def _install(results: Results) -> Iterator[Target]:
    for program, limit in INSTALL_LIMITS.items():
        for kind in KINDS:
            case = program_case(program, kind)
            ratio = results.ratio(INSTALL, case, TRAMPFD_RUN, AS_IT_IS)
            yield Target(f"{case}: {TRAMPFD_RUN}, of the program as it is", limit, ratio)


def _start(results: Results) -> Iterator[Target]:
    for case, ours, limit in START_LIMITS:
        more = results.difference(START, case, ours, PLAIN)
        yield Target(f"start, {case}: {ours}, more than {PLAIN}", limit, more, " ms")


def _create_free(results: Results) -> Iterator[Target]:
    figures = {
        figure.more["count"]: figure
        for figure in results
        if figure.question == CREATE_FREE and figure.rival == PLAN
    }
    times = {live_case(n): f.spread for n, f in figures.items() if FLAT[0] <= n <= FLAT[1]}
    name, worst = _worst(times)
    yield Target(f"create and free (worst: {name})", CREATE_FREE_LIMIT, worst, " ns")
    ratios = {
        case: ratio for case in times if (ratio := results.ratio(CREATE_FREE, case, PLAN, STOCK))
    }
    name, worst = _worst(ratios)
    yield Target(f"create and free (worst: {name}), of {STOCK}", 1, worst)
    yield Target(
        f"create and free, flat: {live_case(FLAT[1])}, of {live_case(FLAT[0])}",
        FLAT_LIMIT,
        _flat(*(figures[n].spread for n in FLAT)) if set(FLAT) <= set(figures) else None,
    )
    sizes = {
        live_case(n): Spread.of([f.more["bytes"]]) for n, f in figures.items() if n >= BYTES_FROM
    }
    name, worst = _worst(sizes)
    yield Target(f"memory of a closure (worst: {name})", BYTES_LIMIT, worst, " bytes")
    cases = [(THREADS, threads_case(threads)) for threads in (1, 2)]
    cases += [(FILL, live_case(count)) for count in FILLED]
    for question, case in cases:
        figure = results.find(question, case, PLAN)
        spread = figure.spread if figure else None
        yield Target(f"{question}, {case}", CREATE_FREE_LIMIT, spread, " ns")


def _flat(few: Spread, many: Spread) -> Spread:
    """Processes of their own, so that no round of one belongs to a round of the other."""
    return Spread(many.median / few.median, many.low / few.high, many.high / few.low)


def targets(results: Results) -> list[Target]:
    """All of them, in the order of the questions."""
    return [
        *_c_handler(results),
        *_preload(results),
        *_python_callback(results),
        *_kinds(results),
        *_make(results),
        *_install(results),
        *_start(results),
        *_create_free(results),
    ]
