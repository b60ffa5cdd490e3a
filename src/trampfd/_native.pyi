# SPDX-License-Identifier: MIT
from types import ModuleType
from typing import Any, Callable, TypedDict

# Provider, address, address of the record or 0; what, index, wanted and found of each difference.
_Report = tuple[str, int, int, list[tuple[str, int, int | None, int | None]]]

class ClosureError(OSError, MemoryError):
    attempts: list[tuple[str, str, int]]

class Parameter:
    def __new__(
        cls, frontend: str, type: Any, layout: Any, size: int, code: str, /
    ) -> Parameter: ...

class Signature:
    def __new__(
        cls,
        abi: int,
        flags: int,
        result: Parameter,
        arguments: tuple[Parameter, ...],
        renew: Callable[[], Signature] = ...,
        /,
    ) -> Signature: ...

class Closure:
    def __call__(self, *args: Any) -> None: ...
    def verify(self) -> _Report: ...

class Bound:
    def __new__(
        cls, signature: Signature, function: int, data: int, is_last: bool, name: str, kept: Any, /
    ) -> Bound: ...
    def __call__(self, *args: Any) -> None: ...
    def cdata(self, ctype: Any, /) -> Any: ...
    def instance(self, cls: type, /) -> Any: ...
    def verify(self) -> _Report: ...

class Trampoline:
    address: int
    backend: str
    descriptor: int
    closed: bool
    def __new__(
        cls,
        pc: int,
        registers: tuple[tuple[str, int], ...],
        stack: tuple[int, int, bytes],
        allowed: tuple[int, ...],
        backend: str,
        /,
    ) -> Trampoline: ...
    def close(self) -> None: ...
    def read(self) -> tuple[int, dict[str, int], tuple[int, int, bytes]]: ...
    def verify(self) -> _Report: ...

HAS_SLOTS: int
USER_DATA_OFFSET: int
MAX_DATA_SIZE: int
MAX_STACK_OFFSET: int
MAX_PCS: int
SET_SP: int

class _Status(TypedDict):
    provider: str
    blocks_built_in: int
    blocks_own_file: int
    blocks_memfd: int
    blocks_trampfd: int
    blocks_trampfd_user: int
    slots_used: int
    slots_free: int
    code_bytes: int
    record_bytes: int
    plans: int
    without_plan: int
    attempts: list[tuple[str, str, int]]

class _Slot(TypedDict):
    provider: str
    source: str
    block: int
    index: int
    record: int

def status() -> _Status: ...
def seal() -> None: ...
def probe() -> list[tuple[str, str, int]]: ...
def find(address: int, /) -> _Slot | None: ...
def reserve(count: int, /) -> None: ...
def reserve_asked_for() -> None: ...
def verify_all() -> tuple[int, list[_Report]]: ...
def register_names() -> list[str]: ...
def prctl(option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0, /) -> int: ...
def init_cffi(
    backend: ModuleType,
    parameters: dict[Any, Parameter],
    signature_of: Callable[[Any], Signature],
    sample: tuple[Any, Any, int, Any, Any] | None,
    /,
) -> None: ...
def cffi_signature(ctype: Any, /) -> Signature: ...
def init_ctypes(module: ModuleType, signature_of: Callable[[Any], Signature], /) -> None: ...
def make_cffi(
    ctype: Any,
    callable: Callable[..., Any],
    error: Any,
    onerror: Callable[..., Any] | None,
    /,
) -> Any: ...
def make_ctypes(cls: type, callable: Callable[..., Any], /) -> Any: ...
def identity() -> int: ...
def serve_subinterpreters() -> None: ...
def watch_children(function: Callable[[str, tuple[Any, ...]], None], /) -> None: ...
def redirect_cffi(
    function: Any,
    method: Any,
    typeof: Any,
    decorator: Any,
    ctype_class: type,
    owner_class: type,
    /,
) -> None: ...
def restore_cffi() -> None: ...
def activate_new(flag: bool, /) -> None: ...
def redirect_new(cls: type, /) -> None: ...
def restore_new(cls: type, /) -> None: ...
def redirect_libraries(library: bytes, skipped: tuple[bytes, ...], /) -> None: ...
def restore_libraries() -> None: ...
def redirected_libraries() -> list[tuple[str, str, int, int, str | None, int]]: ...
