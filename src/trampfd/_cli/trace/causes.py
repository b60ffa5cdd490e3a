# SPDX-License-Identifier: MIT
"""What an attempt is for, whether trampfd serves it, and what to do otherwise.

Judged by the files of the native stack, the innermost first: the C library and the loader act for
others, and who calls libffi is whose closure it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..._system.maps import read_maps
from .. import compilers
from ..audit import rules
from ..audit.target import Target, command_of
from .calls import ALIAS, GAIN, Wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .stack import Frame

# What serves a cause; or that the program has to be started, built or updated in another way.
RUN = "trampfd run"
PRELOAD = "preload library"
LIBRARY = "libtrampfd"
SETTING = "setting"
HARMLESS = "not needed"
CHANGE = "change"
NOTHING = "nothing"

SERVED = (RUN, PRELOAD, LIBRARY)


@dataclass(frozen=True)
class Cause:
    """Why memory is asked for.

    Attributes:
        name: such as "cffi callback".
        served_by: `RUN`, `PRELOAD` or `LIBRARY`: trampfd serves it; `SETTING`: a setting of the
            program does without; `HARMLESS`: the program works when it is refused; `CHANGE`: a file
            has to be built anew or updated; `NOTHING`.
        advice: what to do, a clause.
        variable: "NAME=value", of the environment of a program that does without; or empty.
    """

    name: str
    served_by: str
    advice: str
    variable: str = ""


_BY_RUN = "`trampfd run` or `trampfd enable` serves it"
_BY_PRELOAD = "the preload library serves it: LD_PRELOAD=$(trampfd preload)"
_IS_JIT = "a JIT compiler: without it, or without hardening"


def _by_variable(name: str, variable: str) -> Cause:
    return Cause(name, SETTING, f"{variable} in the environment", variable)


CTYPES = Cause("ctypes callback", RUN, _BY_RUN)
CTYPES_BY_PRELOAD = Cause(CTYPES.name, PRELOAD, _BY_PRELOAD)
SHARED_LIBFFI = Cause("libffi closure", PRELOAD, _BY_PRELOAD)
CFFI = Cause("cffi callback", RUN, _BY_RUN)
_FUNCTION = Cause(
    "nested function of GCC",
    LIBRARY,
    "link the program with libtrampfd, see trampfd(3), or make no pointer to a nested function",
)
_PYTHON_JIT = _by_variable("CPython's JIT", "PYTHON_JIT=0")
_PYTHON_PERF = Cause(
    "CPython's perf trampolines", SETTING, "PYTHONPERFSUPPORT=0 in the environment, and no -X perf"
)

_ACTS_FOR_OTHERS = re.compile(r"/(libc|libpthread|libdl|ld-linux[^/]*|ld-musl[^/]*|ld)[.-][^/]*$")
_LIBFFI = re.compile(r"/libffi[^/]*\.so[^/]*$")
_PYTHON = re.compile(r"/(python3[0-9.]*t?d?|libpython3[^/]*\.so[^/]*)$")
# Functions of a libffi, where it is linked into another file.
_CLOSURE_FUNCTION = re.compile(r"^(ffi_closure_alloc|dlmmap|dlmalloc|ffi_prep_closure(_loc)?)$")

# The interfaces of Python, in front of a libffi or with one of their own.
_INTERFACES = [
    (re.compile(r"/_cffi_backend[^/]*\.so$"), CFFI),
    (re.compile(r"/_ctypes\.[^/]*\.so$"), CTYPES),
]
_GEM = Cause("Ruby's ffi gem", CHANGE, "it has pages of its own: upgrade the gem")
# By their names in `compilers`.
_COMPILERS = {
    "llvmlite": Cause("LLVM", NOTHING, _IS_JIT),
    "LLVM": Cause("LLVM", NOTHING, _IS_JIT),
    "LuaJIT": Cause("LuaJIT", NOTHING, _IS_JIT),
    "PCRE2": Cause("PCRE2's JIT", HARMLESS, "it interprets the expression when this is refused"),
    "V8": Cause("V8", SETTING, "its option --jitless"),
    "Java": Cause("Java", NOTHING, _IS_JIT),
    ".NET": Cause(".NET", NOTHING, _IS_JIT),
    "Mono": Cause("Mono", NOTHING, _IS_JIT),
    "PyPy": Cause("PyPy's JIT", SETTING, "its option --jit off"),
    "Guile": _by_variable("Guile's JIT", "GUILE_JIT_THRESHOLD=-1"),
    "Ruby": Cause("Ruby's JIT", SETTING, "no option --jit"),
    "QEMU": Cause("QEMU", NOTHING, _IS_JIT),
    "Wine": Cause("Wine", NOTHING, "it loads Windows programs"),
    "JavaScriptCore": _by_variable("JavaScriptCore", "JSC_useJIT=0"),
    "SpiderMonkey": Cause("SpiderMonkey", NOTHING, _IS_JIT),
    "PHP": Cause("PHP's JIT", SETTING, "opcache.jit=disable, pcre.jit=0"),
}
_OWN = [
    *_INTERFACES,
    (re.compile(r"/ffi_c[^/]*\.so$"), _GEM),
    *((compilers.FILES[name], cause) for name, cause in _COMPILERS.items()),
    (re.compile(r"/php[0-9.]*$"), _COMPILERS["PHP"]),
]

# Whose libffi closures these are, by the file that calls libffi.
_CALLERS = [
    (re.compile(pattern), name)
    for pattern, name in [
        (r"/(_gi\.[^/]*\.so|libgirepository[^/]*)$", "PyGObject closure"),
        (r"/fiddle\.so$", "Ruby's Fiddle closure"),
        (r"/ffi_c[^/]*\.so$", "closure of Ruby's ffi gem"),
        (r"/Platypus\.so$", "Perl's FFI::Platypus closure"),
        (r"/libguile[^/]*$", "Guile closure"),
        (r"/libjnidispatch[^/]*$", "JNA callback"),
    ]
]


def find(pid: int, wish: Wish, frames: Sequence[Frame]) -> Cause:
    """What the attempt of a process, which is stopped or may have ended, is for."""
    if wish.call == "personality":
        return Cause(
            "READ_IMPLIES_EXEC",
            CHANGE,
            "the program asks that all readable memory be executable: start it without setarch -X",
        )
    if wish.is_stack or _is_for_thread(wish, frames):
        return _of_stack(pid)
    if any(frame.function == "__gcc_nested_func_ptr_created" for frame in frames):
        return _FUNCTION
    callers = [frame for frame in frames if not _ACTS_FOR_OTHERS.search(frame.file)]
    # The loader itself; behind it is whoever loads the file.
    is_loader = bool(frames) and "/ld" in frames[0].file
    if is_loader and wish.call == "mprotect" and wish.path.startswith("/"):
        name = wish.path.rpartition("/")[2]
        return Cause(
            f"text relocations of {name}", CHANGE, f"build {name} as position-independent code"
        )
    if not callers:
        return _unknown(frames)
    return _of_callers(pid, callers, wish)


def _is_for_thread(wish: Wish, frames: Sequence[Frame]) -> bool:
    """Where stacks are executable, the C library lets those of new threads be so."""
    names = [frame.function or "" for frame in frames[:4]]
    is_wanted = wish.call == "mprotect" and wish.protection == "rwx" and not wish.path
    return is_wanted and any(name.startswith("pthread_create") for name in names)


def _of_callers(pid: int, callers: Sequence[Frame], wish: Wish) -> Cause:
    innermost = callers[0]
    if _LIBFFI.search(innermost.file) or _CLOSURE_FUNCTION.match(innermost.function or ""):
        return _of_closure(callers)
    for pattern, cause in _OWN:
        if pattern.search(innermost.file):
            return _with_numba(cause, callers)
    if _PYTHON.search(innermost.file):
        return _of_python(pid, callers)
    what = f"{innermost.name} ({innermost.function})" if innermost.function else innermost.name
    kind = " maps one object twice" if wish.kind == ALIAS else ""
    kind = " makes memory executable that it has not written" if wish.kind == GAIN else kind
    return Cause(f"{what}{kind}", NOTHING, "trampfd does not know it: ask its authors")


def _of_closure(callers: Sequence[Frame]) -> Cause:
    holder = callers[0].file
    others = [frame for frame in callers if frame.file != holder]
    user = others[0] if others else callers[0]
    for pattern, cause in _INTERFACES:
        if pattern.search(user.file) or pattern.search(holder):
            return cause
    if not _LIBFFI.search(holder):
        name = callers[0].name
        return Cause(
            f"closure of the libffi in {name}",
            RUN if _PYTHON.search(holder) else CHANGE,
            _BY_RUN if _PYTHON.search(holder) else f"build {name} with the shared libffi",
        )
    for pattern, name in _CALLERS:
        if pattern.search(user.file):
            return Cause(name, PRELOAD, _BY_PRELOAD)
    return Cause(f"libffi closure of {user.name}", PRELOAD, _BY_PRELOAD)


def _with_numba(cause: Cause, callers: Sequence[Frame]) -> Cause:
    if cause.name != "LLVM":
        return cause
    if not any("llvmlite" in frame.file or "/numba/" in frame.file for frame in callers):
        return cause
    return Cause(
        "LLVM through numba",
        NOTHING,
        "a JIT compiler, whose import fails where it is refused, also with NUMBA_DISABLE_JIT=1",
    )


def is_python(frames: Sequence[Frame]) -> bool:
    """Whether a Python interpreter is on the stack."""
    return any(_PYTHON.search(frame.file) for frame in frames)


def _of_python(pid: int, callers: Sequence[Frame]) -> Cause:
    """Its own code, or a libffi that is built in and has no names."""
    functions = " ".join(frame.function or "" for frame in callers[:6])
    for pattern, cause in _BY_FUNCTION:
        if pattern.search(functions):
            return cause
    target = Target(pid, _command(pid), [])
    if rules.perf_request(target) is not None:
        return _PYTHON_PERF
    if target.environment.get(b"PYTHON_JIT") == b"1":
        return _PYTHON_JIT
    return Cause("CPython itself", NOTHING, "look at the native stack: --json has all of it")


_BY_FUNCTION = [
    (re.compile("perf_|code_arena|PerfTrampoline"), _PYTHON_PERF),
    (re.compile("JIT|jit|executor|optimiz"), _PYTHON_JIT),
    (re.compile("CFuncPtr|closure|callback"), CTYPES),
]


def _command(pid: int) -> tuple[str, ...]:
    try:
        return command_of(pid)
    except OSError:
        return ()


def _of_stack(pid: int) -> Cause:
    try:
        makers = Target(pid, (), read_maps(pid)).stack_makers
    except OSError:
        makers = []
    names = ", ".join(path.rpartition("/")[2] for path in makers)
    return Cause(
        f"executable stack of {names}" if names else "executable stack",
        CHANGE,
        "build it with -z noexecstack (a nested function of GCC: -ftrampoline-impl=heap "
        "and libtrampfd), or run patchelf --clear-execstack",
    )


def _unknown(frames: Sequence[Frame]) -> Cause:
    where = frames[-1].name if frames else "an unknown place"
    return Cause(f"code of {where}", NOTHING, "look at the native stack: --json has all of it")


# Of files


def of_file(path: str) -> Cause | None:
    """What a program is for which such a file is mapped; None if the file tells nothing."""
    for pattern, name in _CALLERS:
        if pattern.search(path):
            return Cause(name, PRELOAD, _BY_PRELOAD)
    for pattern, cause in _OWN:
        if pattern.search(path):
            return cause
    if _LIBFFI.search(path):
        return SHARED_LIBFFI
    return None


_MAKERS = {
    **_COMPILERS,
    "ctypes (CFUNCTYPE)": CTYPES,
    "cffi (ffi.callback)": CFFI,
    "CPython JIT": _PYTHON_JIT,
    "CPython perf trampolines": _PYTHON_PERF,
    "Numba": Cause("LLVM through numba", NOTHING, _IS_JIT),
    "llvmlite": Cause("LLVM through numba", NOTHING, _IS_JIT),
}


def of_maker(maker: str) -> Cause:
    """What memory is for whose maker `trampfd audit` names so."""
    known = _MAKERS.get(maker)
    if known is not None:
        return known
    if maker.startswith("GCC nested function"):
        return _FUNCTION
    if maker.startswith("libffi"):
        for pattern, name in _CALLERS:
            if pattern.search("/" + maker.partition("(")[2].rstrip(")")):
                return Cause(name, PRELOAD, _BY_PRELOAD)
        return Cause(f"closure of {maker}", PRELOAD, _BY_PRELOAD)
    if maker.startswith(("executable stack", "text relocations")):
        return Cause(maker, CHANGE, "build the file that `trampfd audit` names anew")
    return Cause(maker, NOTHING, "trampfd does not know it: `trampfd trace` tells more")
