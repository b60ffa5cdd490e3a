# SPDX-License-Identifier: MIT
# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined,import-not-found"
# ruff: noqa: F821
"""What an enabled Python rarely has to do; copied like _hook.py, to be compiled only then."""

import os
import sys


def _is_privileged() -> bool:
    """As secure_getenv(3) decides it: by the word that the kernel gives each program."""
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return True
    try:
        with open("/proc/self/auxv", "rb") as file:
            words = memoryview(file.read()).cast("P").tolist()
    except PermissionError:
        return True  # it is root's in programs that gained rights
    except OSError:
        return False
    at_secure = 23
    return bool(dict(zip(words[::2], words[1::2])).get(at_secure))


def is_disabled() -> bool:
    """Is TRAMPFD_DISABLE set?  It does not count in privileged programs."""
    return os.environ.get("TRAMPFD_DISABLE", "0") not in ("", "0") and not _is_privileged()


def _is_main_interpreter():
    try:
        import _interpreters as interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            return True
    return interpreters.get_current() == interpreters.get_main()


def report(error):
    if isinstance(error, ModuleNotFoundError) and error.name == "trampfd":
        return  # uninstalled
    if sys.stderr is None or not _is_main_interpreter():
        return  # trampfd is for the main interpreter
    files = [os.path.join(folder, "trampfd-enable.pth") for folder in sys.path]
    files = [file for file in files if os.path.exists(file)]
    try:  # contextlib could be a file of the program's
        print(
            "trampfd: ctypes and cffi callbacks are not redirected: "
            f"{type(error).__name__}: {error} (`trampfd disable` ends this message"
            f"{', or remove ' * bool(files)}{' and '.join(files)})",
            file=sys.stderr,
        )
    except (OSError, ValueError):
        return  # closed: nobody to tell


def start(waiting):
    """At the start, where there is more to do than to wait."""
    if is_disabled():
        return
    if "_ctypes" in sys.modules or "_cffi_backend" in sys.modules:
        install(waiting)
    else:
        sys.meta_path.insert(0, waiting)
