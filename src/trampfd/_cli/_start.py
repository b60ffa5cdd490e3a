# SPDX-License-Identifier: MIT
"""What an enabled Python runs at its start; the module is a finder itself.

`trampfd enable` copies it and _hook.py, as a package, beside a .pth file that calls start().  They
must work when trampfd has changed or is gone.  Until a program imports ctypes or cffi they must
cost next to nothing: no module is imported that is not loaded anyway (``__future__`` is not),
nothing changes but ``sys.meta_path``, and there is no class, as to make one takes longer than the
rest.
"""

import os
import sys

_MODULES = ("_ctypes", "_cffi_backend")  # whose callbacks trampfd makes

is_needed = False  # a hardened process above this one says whether it may stay silent

first_folder = sys.path[:1]  # before Python puts that of the program's script there


def find_spec(name: str, path: object = None, target: object = None) -> object:
    if name not in _MODULES:
        return None
    from . import _hook

    return _hook.find_spec(sys.modules[__name__], name, path, target)


def start_on_request() -> None:
    """For `trampfd enable --on-request`."""
    if os.environ.get("TRAMPFD_ENABLE", "0") not in ("", "0"):
        start()


def start() -> None:
    """Once, although `site` runs each .pth file of a virtual environment twice."""
    finder = sys.modules[__name__]
    if finder in sys.meta_path:
        return
    if "TRAMPFD_DISABLE" in os.environ or any(name in sys.modules for name in _MODULES):
        from . import _hook

        _hook.start(finder, _MODULES)
    else:
        sys.meta_path.insert(0, finder)
