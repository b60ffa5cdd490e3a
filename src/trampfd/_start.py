# SPDX-License-Identifier: MIT
# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined,comparison-overlap,arg-type"
# ruff: noqa: F821
"""What `trampfd enable` lets Python run at each start.

`trampfd enable` copies this text, with those of _hook.py and _hook_rare.py as strings, into a file
that Python runs at its start; it is not imported.  It must work when the package has changed or is
gone.  It must be cheap: no module is imported that is not loaded anyway (``__future__`` is not),
little is compiled, and nothing is changed but ``sys.meta_path``, until a program imports ctypes or
cffi.
"""

import os
import sys


class _Waiting:
    """A finder that waits for the modules."""

    first_folder = sys.path[:1]  # before Python puts that of the program's script there

    def find_spec(name, *more):
        if name in ("_ctypes", "_cffi_backend"):
            exec(_HOOK, globals())
            return find_spec(_Waiting, name, *more)
        return None


if "TRAMPFD_DISABLE" in os.environ or "_ctypes" in sys.modules or "_cffi_backend" in sys.modules:
    exec(_HOOK)
    exec(_HOOK_RARE)
    start(_Waiting)
else:
    sys.meta_path.insert(0, _Waiting)
