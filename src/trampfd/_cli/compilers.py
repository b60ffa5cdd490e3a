# SPDX-License-Identifier: MIT
"""Files of compilers and interpreters that write code, by the name of what they are."""

from __future__ import annotations

import re

FILES = {
    name: re.compile(pattern)
    for name, pattern in {
        "V8": r"/(node|nodejs|chrome|chromium|electron|libnode\.so[^/]*|libv8[^/]*)$",
        "Java": r"/libjvm\.so$",
        ".NET": r"/lib(coreclr|clrjit)\.so$",
        "Mono": r"/(mono|mono-sgen|libmono[^/]*\.so[^/]*)$",
        "LuaJIT": r"/(luajit[^/]*|libluajit[^/]*)$",
        "PyPy": r"/(pypy[0-9.]*|libpypy[^/]*)$",
        "Ruby": r"/(ruby[0-9.]*|libruby[^/]*)$",
        "QEMU": r"/qemu-[^/]*$",
        "Wine": r"/(wine[^/]*|ntdll\.so|ntdll\.dll)$",
        "JavaScriptCore": r"/libjavascriptcoregtk[^/]*$",
        "SpiderMonkey": r"/(libxul\.so|libmozjs[^/]*)$",
        "PHP": r"/opcache\.so$",
        "Guile": r"/(guile[-0-9.]*|libguile[^/]*)$",
        "llvmlite": r"/libllvmlite[^/]*$",
        "LLVM": r"/libLLVM[^/]*$",
        "PCRE2": r"/libpcre2-[^/]*$",
    }.items()
}
