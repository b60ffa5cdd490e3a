# SPDX-License-Identifier: MIT
"""Tests that cannot work where QEMU emulates each program by itself, and why.

tools/test-emulated sets TRAMPFD_EMULATED.
"""

from __future__ import annotations

import os
import re

IS_ON = "TRAMPFD_EMULATED" in os.environ

_OWN_MEMORY = "the size of a process is that of the emulator, which grows"

_OWN_FILES = "the emulator writes files of its own, for what /proc says of a program"
_ADDRESS_SPACE = "sanitizers map more address space than the emulator has"
_NO_FILTERS = "the emulator has no seccomp filters and no limits of address space"
_NO_SECOND_MAPPING = "the emulator refuses mremap(2) of no bytes, so that blocks are unmapped"

_UNFIT = {
    r"test_core.py::test_program_for_the_table\[core/(growth|limit_memory|spans)": _OWN_MEMORY,
    r"test_core.py::test_linked_into_a_program": _OWN_MEMORY,
    r"test_core.py::test_reserved_closures_need_no_system_call": _NO_FILTERS,
    r"test_core.py::test_call_into_a_block_that_was_given_back": _NO_SECOND_MAPPING,
    r"test_core.py::test_program_for_the_table\[core/limit_file_size": _OWN_FILES,
    r"sanitizer": _ADDRESS_SPACE,
}


def without_its_words(errors: str) -> str:
    """What a program wrote to standard error, without what the emulator says of its end there."""
    return (
        re.sub(r"^qemu: uncaught target signal .*\n", "", errors, flags=re.M) if IS_ON else errors
    )


def reason_to_skip(node: str) -> str | None:
    """For the test with this node id."""
    if not IS_ON:
        return None
    return next((why for pattern, why in _UNFIT.items() if re.search(pattern, node)), None)
