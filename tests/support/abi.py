# SPDX-License-Identifier: MIT
"""How this CPU's calling convention, libffi and the port's plans relate: abi_<cpu>.py.

CPUs for which there are no plans share abi_without_plans.py.

Each such file has

    ENTRIES, RESULTS   how many of them plans have, see cbackend/arch/<cpu>
    TAILS              names of their tails
    COMPLEX_NUMBERS_KNOWN  does libffi know them?
    EMPTY_STRUCTURES   does libffi know structures without members, as members of others?
    TAIL_WORD          the number of the word of a record that holds the tail
    WITHOUT_PLAN       a `struct odd` for cffi, and whether it is packed, that only libffi returns
    PACKED_HAVE_PLANS  have structures that are packed, but not of floats?
    libffi_agrees      (type, is_result): does libffi pass this as compilers do?
    libffi_may_garble  (type): may ffi_call() pass it wrongly, see tfd_port_libffi_miscalls()?
"""

from __future__ import annotations

import importlib

from support import cpu

_WITH_PLANS = ("x86_64", "aarch64", "riscv64")

_name = cpu.NAME if cpu.NAME in _WITH_PLANS else "without_plans"
_cpu = importlib.import_module(f"support.abi_{_name}")

ENTRIES: int = _cpu.ENTRIES
RESULTS: int = _cpu.RESULTS
TAILS: set[str] = _cpu.TAILS
COMPLEX_NUMBERS_KNOWN: bool = _cpu.COMPLEX_NUMBERS_KNOWN
EMPTY_STRUCTURES: bool = _cpu.EMPTY_STRUCTURES
TAIL_WORD: int = _cpu.TAIL_WORD
WITHOUT_PLAN: tuple[str, bool] = _cpu.WITHOUT_PLAN
PACKED_HAVE_PLANS: bool = _cpu.PACKED_HAVE_PLANS
libffi_agrees = _cpu.libffi_agrees
libffi_may_garble = _cpu.libffi_may_garble
