# SPDX-License-Identifier: MIT
"""How this CPU's calling convention, libffi and the port's plans relate: abi_<cpu>.py.

Each such file has

    ENTRIES, RESULTS   how many of them plans have, see cbackend/arch/<cpu>
    TAILS              names of their tails
    EMPTY_STRUCTURES   does libffi know structures without members, as members of others?
    libffi_agrees      (type, is_result): does libffi pass this as compilers do?
"""

from __future__ import annotations

import importlib
import platform

_cpu = importlib.import_module(f"support.abi_{platform.machine()}")

ENTRIES: int = _cpu.ENTRIES
RESULTS: int = _cpu.RESULTS
TAILS: set[str] = _cpu.TAILS
EMPTY_STRUCTURES: bool = _cpu.EMPTY_STRUCTURES
libffi_agrees = _cpu.libffi_agrees
