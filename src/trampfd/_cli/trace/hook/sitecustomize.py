# SPDX-License-Identifier: MIT
"""Run by `site` at the start of a Python that is traced, see ../python_line.py.

It must work in every version of Python, and leaves sys.path and the site's own sitecustomize as
they would be without it.
"""

import faulthandler
import fcntl
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _start() -> None:
    """The file stays open as long as the process runs; the handler is given its number."""
    signal, wanted = map(int, os.environ["TRAMPFD_TRACE"].split(","))
    null = os.open(os.devnull, os.O_WRONLY)
    number = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, wanted)
    os.close(null)
    if number == wanted:
        faulthandler.register(signal, number, all_threads=False)
    else:
        os.close(number)


sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _FOLDER]
try:
    _start()
except Exception as error:
    sys.stderr.write(f"trampfd trace: no lines of this Python: {type(error).__name__}: {error}\n")
del sys.modules["sitecustomize"]
# The site's own; `site` knows that there may be none.
import sitecustomize  # type: ignore[import-not-found]  # noqa: E402, F401
