# SPDX-License-Identifier: MIT
"""The jobs of `trampfd demo`: C libraries that call Python functions back.

``python -m trampfd._cli.demo.jobs JOB [POLICY]`` does one of them with stock closures and prints a
Report as JSON; ``trampfd run -m trampfd._cli.demo.jobs JOB`` does the same with trampfd.

Nothing in the jobs knows of trampfd.  They import what they need themselves: where closures are
refused, some versions of ctypes cannot even be imported.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import os
import random
import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Callable

from ..._system.maps import aliases, read_maps, writable_executable
from . import policies

# A job calls this while its callbacks exist.
Look = Callable[[], None]


class Missing(Exception):
    """A library that a job needs is not installed; says what to install."""


def flac(look: Look) -> str:
    """A second of sound to a FLAC in memory and back; libsndfile reads and writes by callbacks."""
    try:
        soundfile = importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        raise Missing(f"soundfile is missing ({error}): pip install soundfile") from error

    rate = 44100
    tone = [math.sin(2 * math.pi * 440 * i / rate) for i in range(rate)]
    samples = array("h", (round(20000 * value) for value in tone))
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", samplerate=rate, channels=1, format="FLAC", subtype="PCM_16"
    ) as sound:
        sound.buffer_write(samples, dtype="int16")
        look()
    file.seek(0)
    with soundfile.SoundFile(file) as sound:
        heard = array("h", bytes(sound.buffer_read(dtype="int16")))
        look()
    if heard != samples:
        raise ValueError("the samples read back are not those written")
    return f"{len(heard)} samples read back"


def _clock(seconds: int) -> bytes:
    """61 seconds are 1:01."""
    return b"%d:%02d" % divmod(seconds, 60)


def _compare_by_number(one: bytes, other: bytes) -> int:
    """Track 2 comes before Track 10: -1."""
    left, right = (
        [(word, int(number or 0)) for word, number in re.findall(rb"(\D*)(\d*)", text)]
        for text in (one, other)
    )
    return (left > right) - (left < right)


_ALBUM = b"""
    CREATE TABLE album (title TEXT, seconds INTEGER);
    INSERT INTO album
        WITH RECURSIVE track (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM track LIMIT 1000)
        SELECT 'Track ' || n, 7 * n FROM track ORDER BY random();
    SELECT title, clock(seconds) FROM album ORDER BY title COLLATE by_number;
"""
_UTF8 = 1  # SQLITE_UTF8
_TRANSIENT = -1  # SQLITE_TRANSIENT: SQLite copies the text


def _load_sqlite() -> Any:
    import ctypes

    try:
        library = ctypes.CDLL("libsqlite3.so.0")
    except OSError as error:
        raise Missing(
            f"SQLite is missing ({error}): install libsqlite3-0 (Debian, Ubuntu) or sqlite-libs"
        ) from error
    library.sqlite3_errmsg.restype = ctypes.c_char_p
    return library


def sqlite(look: Look) -> str:
    """A table sorted by a collation and printed with a function, both in Python."""
    import ctypes
    from ctypes import POINTER, c_char_p, c_int, c_void_p

    library = _load_sqlite()
    database = c_void_p()
    rows: list[tuple[bytes, ...]] = []

    def clock(context: int, _: int, values: Any) -> None:
        text = _clock(library.sqlite3_value_int(c_void_p(values[0])))
        library.sqlite3_result_text(c_void_p(context), text, len(text), c_void_p(_TRANSIENT))

    def by_number(_: Any, size: int, text: int, other_size: int, other_text: int) -> int:
        return _compare_by_number(
            ctypes.string_at(text, size), ctypes.string_at(other_text, other_size)
        )

    def keep_row(_: Any, count: int, values: Any, names: Any) -> int:
        rows.append(tuple(values[:count]))
        return 0

    def check(status: int) -> None:
        if status:
            raise RuntimeError(f"SQLite: {library.sqlite3_errmsg(database).decode()}")

    function = ctypes.CFUNCTYPE(None, c_void_p, c_int, POINTER(c_void_p))(clock)
    collation = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_void_p, c_int, c_void_p)(by_number)
    on_row = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), POINTER(c_char_p))(
        keep_row
    )
    check(library.sqlite3_open(b":memory:", ctypes.byref(database)))
    try:
        check(
            library.sqlite3_create_function(
                database, b"clock", 1, _UTF8, None, function, None, None
            )
        )
        check(library.sqlite3_create_collation(database, b"by_number", _UTF8, None, collation))
        check(library.sqlite3_exec(database, _ALBUM, on_row, None, None))
        look()
    finally:
        library.sqlite3_close(database)
    if rows != [(b"Track %d" % n, _clock(7 * n)) for n in range(1, 1001)]:
        raise ValueError(f"{len(rows)} rows, not those expected")
    return f"{len(rows)} rows in order"


def qsort(look: Look) -> str:
    """Numbers sorted by the C library with a comparison in Python."""
    import ctypes
    from ctypes import POINTER, c_int, c_size_t

    numbers = [random.Random(seed).randrange(-(10**9), 10**9) for seed in range(5000)]
    memory = (c_int * len(numbers))(*numbers)

    def compare(one: Any, other: Any) -> int:
        return int(one[0] - other[0])

    comparison = ctypes.CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))(compare)
    ctypes.CDLL(None).qsort(
        memory, c_size_t(len(numbers)), c_size_t(ctypes.sizeof(c_int)), comparison
    )
    look()
    if list(memory) != sorted(numbers):
        raise ValueError("the numbers are not in order")
    return f"{len(numbers)} numbers in order"


@dataclass(frozen=True)
class Job:
    """library: whose C code calls back; interface: who makes the callbacks."""

    library: str
    interface: str
    do: Callable[[Look], str]


JOBS = {
    "flac": Job("soundfile (FLAC)", "cffi", flac),
    "sqlite": Job("SQLite", "ctypes", sqlite),
    "qsort": Job("libc (qsort)", "ctypes", qsort),
}


@dataclass(frozen=True)
class Report:
    """What came of a job in a process of its own.

    ok: it was done, with the right result; outcome: that result, or the exception.
    missing: it was not tried, for lack of a library; outcome says what to install.
    refused: the kernel refused this process memory that is writable and executable.
    writable_executable, aliased: the most seen while the callbacks existed, of mappings that were
        both, and of pairs of one object, one writable and one executable.
    """

    ok: bool
    outcome: str
    missing: bool = False
    refused: bool = False
    writable_executable: int = 0
    aliased: int = 0

    @property
    def clean(self) -> bool:
        """Done, and nothing was writable and executable."""
        return self.ok and not self.writable_executable and not self.aliased


class _Watch:
    """The most that was writable and executable in this process at any look."""

    def __init__(self) -> None:
        self.writable_executable = self.aliased = 0

    def look(self) -> None:
        maps = read_maps(os.getpid())
        self.writable_executable = max(self.writable_executable, len(writable_executable(maps)))
        self.aliased = max(self.aliased, len(aliases(maps)))


def report(name: str, policy: str) -> Report:
    """Put this process under the policy, do the job and watch it."""
    watch = _Watch()
    refused = False
    try:
        policies.put_in_force(policy)
        refused = policies.is_refused()
        ok, outcome = True, JOBS[name].do(watch.look)
    except Missing as error:
        return Report(False, str(error), missing=True)
    except Exception as error:
        ok, outcome = False, f"{type(error).__name__}: {error}".rstrip(": ")
    watch.look()
    return Report(
        ok,
        outcome,
        refused=refused,
        writable_executable=watch.writable_executable,
        aliased=watch.aliased,
    )


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] not in JOBS or not {*arguments[1:]} <= {*policies.NAMES}:
        print(
            f"usage: python -m {__spec__.name} {{{','.join(JOBS)}}} [{'|'.join(policies.NAMES)}]",
            file=sys.stderr,
        )
        return 2
    result = report(arguments[0], arguments[1] if len(arguments) > 1 else "none")
    print(json.dumps(asdict(result)))
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
