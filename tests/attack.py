# SPDX-License-Identifier: MIT
"""Plays an attacker who can store anything anywhere, and wants a callback to go elsewhere.

``python attack.py ctypes|cffi record|callable`` makes two callbacks with the provider of
TRAMPFD_PROVIDER and writes over all writable memory that mentions the first one's record or code
address, or holds a copy of its record, or that mentions its Python function, so that it says what
the second one's does.  It prints what a call of the first one gives, 2 (its own result) or 666 (the
attacker's), and how often it stored what.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
import struct
import sys
from collections.abc import Iterator
from typing import Any, Callable

import trampfd
from trampfd import _native
from trampfd._system.maps import read_maps

RECORD = 64
STATE = 56  # the library's own last word


def make(interface: str, function: Callable[[int], int]) -> tuple[Any, int]:
    if interface == "cffi":
        import cffi

        ffi = cffi.FFI()
        callback = trampfd.callback("int(int)", function, ffi=ffi)
        return callback, int(ffi.cast("uintptr_t", callback))
    callback = trampfd.callback(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int), function)
    return callback, ctypes.cast(callback, ctypes.c_void_p).value


def readable_record(address: int, provider: str) -> tuple[int, bytes]:
    slot = _native.find(address)
    assert slot is not None and slot["provider"] == provider, slot
    return slot["record"], ctypes.string_at(slot["record"], RECORD)


Place = tuple[int, int, bytes]  # code address, record address, record


def patterns(victim: Place, evil: Place) -> Iterator[tuple[bytes, bytes]]:
    """What to look for, and what to put there."""
    (code, record, data), (evil_code, evil_record, evil_data) = victim, evil
    yield data[:STATE], evil_data[:STATE]
    yield struct.pack("<Q", record), struct.pack("<Q", evil_record)
    yield struct.pack("<Q", code), struct.pack("<Q", evil_code)


def overwrite(find: bytes, replace: bytes) -> int:
    """Store `replace` over every `find` in writable memory; returns how many there were."""
    pattern = re.compile(re.escape(find))  # `find` itself is going to be stored over
    count = 0
    for mapping in read_maps(os.getpid()):
        if not mapping.writable or "r" not in mapping.perms:
            continue
        memory = ctypes.string_at(mapping.start, mapping.size)
        for match in pattern.finditer(memory):
            ctypes.memmove(mapping.start + match.start(), replace, len(replace))
            count += 1
        del memory
    return count


def main() -> None:
    interface, what, provider = sys.argv[1], sys.argv[2], os.environ["TRAMPFD_PROVIDER"]
    own, attackers = (lambda number: number + 1), (lambda number: 666)
    _victim, code = make(interface, own)
    _evil, evil_code = make(interface, attackers)
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(code)
    assert call(1) == 2
    del call
    old = (code, *readable_record(code, provider))
    new = (evil_code, *readable_record(evil_code, provider))
    gc.disable()
    if what == "callable":
        pairs = [(struct.pack("<Q", id(own)), struct.pack("<Q", id(attackers)))]
    else:
        pairs = list(patterns(old, new))
    stores = [overwrite(find, replace) for find, replace in pairs]
    result = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(code)(1)
    print(result, *stores)
    sys.stdout.flush()
    os._exit(0)  # what the objects say of their closures is no longer true


if __name__ == "__main__":
    main()
