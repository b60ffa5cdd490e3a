# SPDX-License-Identifier: MIT
"""What the tests need of the GNU C library that musl has not, or does in another way."""

from __future__ import annotations

import re
import sysconfig

NAME = "musl" if "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE")) else "glibc"

# By a pattern that is looked for in the name of a test.
_NOT_WITH_MUSL = {
    r"_sanitizers?(\[|$)": "sanitizers",
    r"-clang\]": "clang for musl",
    r"core/backtrace": "backtrace(3)",
    r"core/spans": "malloc_trim(3)",
    r"core/(border|free_in_call|status)|boundary_does_not_map": "a count of threads",
    r"plan/(cache|free_in_call)": "a count of threads",
    r"core/limit_memory|block_that_was_given_back": "what malloc(3) maps and gives back",
    r"writes_redirect_callbacks": "what malloc(3) maps and gives back",
    r"plan/leak": "mallinfo2(3)",
    r"plan/unwind|backtrace_from_a_handler|debugger_finds_the_caller": "libgcc's unwinder for it",
    r"call_may_fail|threads_seldom_lock$": "__wrap_ names, which its startup files refer to",
    r"shared_library\[(copies|namespaces|closed)\]|namespace_of_its_own": "dlmopen(3)",
    r"deepbind": "RTLD_DEEPBIND",
    r"memfd-static": "a name of static programs",
    r"nested/coroutine": "swapcontext(3)",
    r"no_system_call\[refused\]|test_libraries.py::test_refused": "its messages",
    r"\[packed-": "packed relocations",
    r"unloaded": "unloading",
    r"ten_lines\[cc-(archive|static-pie)\]": "static programs that are mapped anywhere",
    r"nothing_where_all_is_reached": "the system's Python",
}


def reason_to_skip(test: str) -> str:
    """Empty for tests that run."""
    if NAME == "musl":
        for pattern, what in _NOT_WITH_MUSL.items():
            if re.search(pattern, test):
                return f"of the GNU C library: {what}"
    return ""
