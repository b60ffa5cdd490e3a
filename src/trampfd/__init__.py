# SPDX-License-Identifier: MIT
"""Callbacks for ctypes and cffi without memory that is writable and executable.

>>> import trampfd
>>> trampfd.install()      # every ffi.callback() and CFUNCTYPE(...)(...) from now on

or, one callback at a time, ``trampfd.callback(type, function)``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._bind import bind
    from ._callback import callback
    from ._install import install, installed, is_installed, uninstall
    from ._native import ClosureError
    from ._report import Difference, Report, Verification
    from ._reserve import reserve
    from ._status import Status, status
    from ._trampoline import Trampoline, TrampolineContext
    from ._verify import verify
    from ._version import __version__ as __version__

__all__ = [
    "ClosureError",
    "Difference",
    "Report",
    "Status",
    "Trampoline",
    "TrampolineContext",
    "Verification",
    "bind",
    "callback",
    "install",
    "installed",
    "is_installed",
    "reserve",
    "status",
    "uninstall",
    "verify",
]

# Where each name is.  They are imported when they are first used: the commands that have to work
# when the extension does not, and programs of an enabled Python, import this file too.
_MODULES = {
    "ClosureError": "_native",
    "Difference": "_report",
    "Report": "_report",
    "Status": "_status",
    "Trampoline": "_trampoline",
    "TrampolineContext": "_trampoline",
    "Verification": "_report",
    "__version__": "_version",
    "bind": "_bind",
    "callback": "_callback",
    "install": "_install",
    "installed": "_install",
    "is_installed": "_install",
    "reserve": "_reserve",
    "status": "_status",
    "uninstall": "_install",
    "verify": "_verify",
}


if not TYPE_CHECKING:  # which knows all of them, and is to refuse others

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(__import__(f"{__name__}.{module}", fromlist=[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*_MODULES, *(name for name in globals() if name.startswith("__"))})
