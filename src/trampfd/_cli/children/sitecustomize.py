# SPDX-License-Identifier: MIT
"""Run by `site` at the start of a Python that a program of `trampfd run` started, see __init__.py.

It must work in every version of Python, also where trampfd cannot be imported, and leaves sys.path
and the site's own sitecustomize as they would be without it.
"""

import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _start() -> None:
    """As an enabled Python does, with the very same files."""
    package = os.path.dirname(_FOLDER)
    spec: Any = spec_from_file_location(
        "trampfd_children",
        os.path.join(package, "_start.py"),
        submodule_search_locations=[package],
    )
    module: Any = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.is_needed = os.environ.get("TRAMPFD_CHILDREN") == "harden"
    module.start()


sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _FOLDER]
try:
    _start()
except Exception as error:
    sys.stderr.write(f"trampfd: this Python is not served: {type(error).__name__}: {error}\n")
del sys.modules["sitecustomize"]
# The site's own; `site` knows that there may be none.
import sitecustomize  # type: ignore[import-not-found]  # noqa: E402, F401
