# SPDX-License-Identifier: MIT
"""Pack a source distribution again, the same wherever and whenever it was made.

setuptools stores who built it, when and with which umask; SOURCE_DATE_EPOCH is what counts here.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import tarfile
from pathlib import Path


def _settled(member: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = epoch
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    member.pax_headers = {}
    return member


def pack(path: Path, epoch: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            new.addfile(
                _settled(member, epoch), old.extractfile(member) if member.isfile() else None
            )
    with open(path, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as archive:
        archive.write(packed.getvalue())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pack_sdist", description=__doc__)
    parser.add_argument("file", type=Path, nargs="+", help="a .tar.gz, which is replaced")
    for file in parser.parse_args().file:
        pack(file, int(os.environ["SOURCE_DATE_EPOCH"]))
