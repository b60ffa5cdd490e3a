# SPDX-License-Identifier: MIT
"""trampfd.Trampoline: a code address with a register and stack context."""

from __future__ import annotations

import errno
import operator
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from . import _native
from ._report import Report, report_of

BACKENDS = ("auto", "trampfd-user", "context")

_WHY = {
    errno.EXDEV: "the child of a fork does not inherit trampolines that the kernel made: make a "
    "new one in this process",
    errno.ESTALE: "some other code in this process closed the trampoline's file descriptor, by "
    "which the kernel's context is read",
    errno.EBADMSG: "the trampoline's context was overwritten and cannot be read any more: verify() "
    "reports what changed",
}


@dataclass(frozen=True)
class TrampolineContext:
    """What a call of a trampoline does; the arguments of Trampoline()."""

    pc: int
    registers: dict[str, int]
    stack: bytes
    stack_offset: int
    set_sp: bool


def _integer(what: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an int, not {value!r}") from None


def _address(what: str, value: Any) -> int:
    try:
        address = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{what} must be an address, an int, not {value!r}; a function's is "
            "ctypes.cast(function, ctypes.c_void_p).value or int(ffi.cast('intptr_t', function))"
        ) from None
    if not 0 < address < 1 << 64:
        raise ValueError(f"{what} must be a non-zero address of 64 bits, not {address:#x}")
    return address


def _registers(registers: Mapping[str, int] | None) -> tuple[tuple[str, int], ...]:
    if registers is None:
        return ()
    if not isinstance(registers, Mapping):
        raise TypeError(f"registers must be a mapping of names to ints, not {registers!r}")
    known = _native.register_names()
    for name in registers:
        if name not in known:
            raise ValueError(
                f"no register {name!r} can be given here: choose from {', '.join(known)}; the "
                "address to jump to is the argument pc, and set_sp=True moves the stack pointer"
            )
    return tuple((name, _word(name, value)) for name, value in registers.items())


def _word(name: str, value: Any) -> int:
    number = _integer(f"register {name}", value)
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError(f"register {name}: {number:#x} does not fit 64 bits")
    return number % (1 << 64)


def _stack(stack: Any, offset: Any, set_sp: Any) -> tuple[int, int, bytes]:
    if not isinstance(stack, (bytes, bytearray, memoryview)):
        raise TypeError(f"stack must be bytes, not {stack!r}")
    data = bytes(stack)
    if len(data) > _native.MAX_DATA_SIZE:
        raise ValueError(f"stack may have {_native.MAX_DATA_SIZE} bytes at most, not {len(data)}")
    offset = _integer("stack_offset", offset)
    if not 0 <= offset <= _native.MAX_STACK_OFFSET:
        raise ValueError(f"stack_offset must be 0 to {_native.MAX_STACK_OFFSET}, not {offset}")
    if not data and (offset or set_sp):
        raise ValueError("stack_offset and set_sp say how to place stack data: give stack=, too")
    return (_native.SET_SP if set_sp else 0, offset, data)


def _allowed(allowed: Iterable[int], pc: int) -> tuple[int, ...]:
    if not isinstance(allowed, Iterable):
        raise TypeError(f"allowed must be a list of addresses, not {allowed!r}")
    pcs = tuple(_address("each address in allowed", value) for value in allowed)
    if len(pcs) > _native.MAX_PCS:
        raise ValueError(f"allowed may have {_native.MAX_PCS} addresses at most, not {len(pcs)}")
    if pcs and pc not in pcs:
        raise ValueError(f"pc {pc:#x} is not in allowed: {', '.join(map(hex, pcs))}")
    return pcs


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _WHY:
            raise OSError(error.errno, _WHY[error.errno]) from None
        raise


class Trampoline:
    """A code address; calling it loads registers and jumps to another address.

    This is the low-level object of the trampfd proposal. A call loads the registers that the
    context names, stores bytes on the stack if the context has any, and jumps to `pc`; everything
    else is preserved. Call it through its address, for example
    ``ctypes.CFUNCTYPE(ctypes.c_long)(trampoline.address)()``.

    pc
        The address to jump to.
    registers
        Values by name: ``{"rdi": 1, "r10": 2}``, from -2**63 to 2**64 - 1. Do not name registers
        that a callee must preserve (on x86-64 rbx, rbp, r12 to r15) unless code at `pc` restores
        them.
    stack, stack_offset, set_sp
        Up to 64 bytes, stored `stack_offset` (0 to 256) bytes below the stack pointer. With
        ``set_sp=True`` the stack pointer is then lowered to them, aligned as on entry of a
        function, and the return address of the caller is above them: code at `pc` must expect that.
    allowed
        Up to 16 addresses, of which `pc` must be one. With the kernel's backend the list is
        locked in the descriptor: no other address can be put into this trampoline.
    backend
        "trampfd-user": the kernel keeps the context, on kernels with trampfd. "context": it is
        applied in user space; nothing protects it from being overwritten, and r10 does not keep
        the caller's value (trampfd.h has the whole list). "auto" is the first of these that
        works.

    It is destroyed by close(), at the end of a ``with`` block or with its last reference; a later
    call of the address ends the process. It may be called from any thread. After a fork,
    trampolines of "context" work in the child; those of "trampfd-user" do not (a call is a
    segmentation fault, read() and verify() raise OSError).

    Raises TypeError and ValueError for wrong arguments, and
    ClosureError (an OSError), which names every attempt, when none works.
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        pc: int,
        registers: Mapping[str, int] | None = None,
        stack: bytes = b"",
        *,
        stack_offset: int = 0,
        set_sp: bool = False,
        allowed: Iterable[int] = (),
        backend: str = "auto",
    ) -> None:
        pc = _address("pc", pc)
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
        self._native = _native.Trampoline(
            pc,
            _registers(registers),
            _stack(stack, stack_offset, set_sp),
            _allowed(allowed, pc),
            backend,
        )

    @property
    def address(self) -> int:
        """The address to call."""
        return self._native.address

    @property
    def backend(self) -> str:
        """What keeps the context: "trampfd-user" or "context"."""
        return self._native.backend

    @property
    def descriptor(self) -> int | None:
        """The trampoline's file descriptor, for "trampfd-user"; only close() may close it."""
        descriptor = self._native.descriptor
        return None if descriptor < 0 else descriptor

    @property
    def closed(self) -> bool:
        """Whether close() was called. Everything except close() then raises ValueError."""
        return self._native.closed

    def read(self) -> TrampolineContext:
        """The context, read from the place where calls take it.

        Raises OSError in the child of a fork ("trampfd-user"), and if the memory there was
        overwritten and is not a context any more.
        """
        with _explained():
            pc, registers, (flags, offset, data) = self._native.read()
        return TrampolineContext(pc, registers, data, offset, bool(flags & _native.SET_SP))

    def verify(self) -> Report:
        """Compare what calls take with what was asked for.

        Raises OSError in the child of a fork ("trampfd-user").
        """
        with _explained():
            return report_of(self._native.verify())

    def close(self) -> None:
        """Destroy the trampoline, unless it was. Must not run while another thread calls it."""
        self._native.close()

    def __enter__(self) -> Trampoline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<trampfd.Trampoline, closed>"
        return f"<trampfd.Trampoline at {self.address:#x}, {self.backend}>"
