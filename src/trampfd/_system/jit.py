# SPDX-License-Identifier: MIT
"""Code that CPython itself writes at run time: by its JIT compiler, and for perf(1).

Both make memory executable after they have written to it.  Where the kernel refuses that, the
process ends with a fatal error at any moment, so they have to be off before.
"""

import os
import sys

# What switches them off, for this Python and for those that it starts.
_OFF = {
    "jit": ("PYTHON_JIT",),
    "perf": ("PYTHONPERFSUPPORT", "PYTHON_PERF_JIT_SUPPORT"),
}


def jit() -> "bool | None":
    """Is the JIT compiler on?  None where it is not compiled in."""
    module = getattr(sys, "_jit", None)
    return bool(module.is_enabled()) if module is not None and module.is_available() else None


def perf() -> "bool | None":
    """Does Python write trampolines for perf(1)?  None where it cannot."""
    is_active = getattr(sys, "is_stack_trampoline_active", None)
    return None if is_active is None else bool(is_active())


def active() -> list[str]:
    """The names of those that are on."""
    found = {"jit": jit(), "perf": perf()}
    return [name for name, is_on in found.items() if is_on]


def _is_set(name: str) -> bool:
    return os.environ.get(name, "0") not in ("", "0")


def switch_off() -> bool:
    """In the environment, so that Pythons started from now on have them off; True if that was news.

    What is on in this process stays on.
    """
    on = active()
    names = [
        name
        for part, variables in _OFF.items()
        for name in variables
        if _is_set(name) or (part in on and name == variables[0] and os.environ.get(name) != "0")
    ]
    os.environ.update(dict.fromkeys(names, "0"))
    return bool(names)
