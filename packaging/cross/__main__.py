# SPDX-License-Identifier: MIT
"""Write what `setup.py` needs to compile for a target into a folder.

``cc`` and ``link`` compile, ``libffi.pc`` describes libffi, ``include`` has CPython's headers.
The module ``cross_sysconfigdata`` is what CPython's build leaves behind: sysconfig describes the
target's Python where _PYTHON_SYSCONFIGDATA_NAME names it.  ``variables`` is for build-wheels.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from cross import compiler, headers, libffi
from cross.target import Target, parse


def sysconfig_of(target: Target, folder: Path) -> dict[str, object]:
    tag = f"cpython-3{target.minor}{target.threads}"
    # Before CPython 3.13, Pythons that use musl differ in what they call it in this name.
    suffix = ".so" if target.is_musl else f".{tag}-{target.host}.so"
    cc, link = str(folder / "cc"), f"{folder / 'link'} -Wl,-s"
    return {
        "AR": f"{compiler.ZIG} ar",
        "ARFLAGS": "rcs",
        "CC": cc,
        "CCSHARED": "-fPIC",
        "CFLAGS": "-fwrapv",
        "CXX": cc,
        "EXT_SUFFIX": suffix,
        "INCLUDEPY": str(folder / "include"),
        "CONFINCLUDEPY": str(folder / "include"),
        "LDCXXSHARED": link,
        "LDSHARED": link,
        "Py_GIL_DISABLED": int(bool(target.threads)),
        "SHLIB_SUFFIX": ".so",
        "SOABI": f"{tag}-{target.host}",
        "py_version_nodot": f"3{target.minor}",
        "py_version_short": target.version,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="cross", description=__doc__)
    parser.add_argument("target", help="such as cp313-musllinux_1_2_aarch64")
    parser.add_argument("folder", type=Path, help="must not exist")
    arguments = parser.parse_args()
    try:
        target = parse(arguments.target)
    except ValueError as error:
        parser.error(str(error))
    folder = arguments.folder.absolute()
    folder.mkdir(parents=True)
    compiler.write(target, folder)
    headers.write(target, folder / "include")
    library = libffi.build(target)
    library.write_pc(folder / "libffi.pc")
    module = f"build_time_vars = {sysconfig_of(target, folder)!r}\n"
    (folder / "cross_sysconfigdata.py").write_text(module)
    variables = {
        # auditwheel takes musl from the name of a wheel only, as it runs with glibc itself.
        "host_platform": target.platform if target.is_musl else f"linux-{target.cpu}",
        "libffi_version": library.version,
        "libffi_source": f"pkg:deb/debian/libffi@{library.package_version}?arch=source",
        "libffi_licence": library.licence,
    }
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in variables.items()]
    (folder / "variables").write_text("".join(lines))


if __name__ == "__main__":
    main()
