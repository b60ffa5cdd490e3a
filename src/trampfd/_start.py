# SPDX-License-Identifier: MIT
"""What `trampfd enable` lets Python run at each start.

`trampfd enable` copies this text into a .pth file, so it must work when the package has changed or
is gone.  It must be cheap: no module is imported that is not loaded anyway (``__future__`` is not),
and nothing changed but ``sys.meta_path``, until a program imports ctypes or cffi.  Whatever goes
wrong then, the program gets the stock ones.
"""

import os
import sys

_MODULES = ("_ctypes", "_cffi_backend")


def _report(error: Exception) -> None:
    if isinstance(error, ImportError) and error.name == "trampfd":
        return  # uninstalled, or a subinterpreter
    print(
        "trampfd: ctypes and cffi callbacks are not redirected: "
        f"{type(error).__name__}: {error} (`trampfd disable` ends this message)",
        file=sys.stderr,
    )


def _install() -> None:
    try:
        from trampfd._install import install_at_start

        install_at_start()
    except Exception as error:
        _report(error)
    waiting: object = _Waiting
    sys.meta_path = [finder for finder in sys.meta_path if finder is not waiting]


class _Waiting:
    """A finder that waits for the modules."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        if name not in _MODULES:
            return None
        _install()
        from importlib.util import find_spec

        return find_spec(name)


def _start() -> None:
    if os.environ.get("TRAMPFD_DISABLE", "0") not in ("", "0"):
        return
    if any(name in sys.modules for name in _MODULES):
        _install()
    # In a virtual environment, site runs each .pth file twice.
    elif not any(getattr(finder, "__module__", "") == __name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _Waiting)  # type: ignore[arg-type]


_start()
