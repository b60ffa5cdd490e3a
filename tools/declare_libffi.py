# SPDX-License-Identifier: MIT
"""Say in a wheel that libffi is inside: its licence, and a software bill of materials (PEP 770)."""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

LICENCE = "libffi-license.txt"


def bill(name: str, version: str, libffi: str, source: str) -> bytes:
    """CycloneDX: the wheel, and libffi in it."""
    package = f"pkg:pypi/{name}@{version}"
    component = {
        "type": "library",
        "bom-ref": source,
        "name": "libffi",
        "version": libffi,
        "description": "linked statically into the extension module, its names hidden",
        "licenses": [{"license": {"id": "MIT"}}],
        "purl": source,
        "externalReferences": [{"type": "vcs", "url": "https://github.com/libffi/libffi"}],
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": package,
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": package,
            }
        },
        "components": [component],
        "dependencies": [{"ref": package, "dependsOn": [source]}, {"ref": source}],
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def _record(files: dict[str, bytes], own_name: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow((name, f"sha256={digest}", len(content)))
    writer.writerow((own_name, "", ""))
    return text.getvalue().encode()


def declare(wheel: Path, libffi: str, source: str, licence: bytes) -> None:
    project, version = wheel.name.split("-")[:2]
    folder = f"{project}-{version}.dist-info"
    record = f"{folder}/RECORD"
    with zipfile.ZipFile(wheel) as archive:
        members = {member.filename: member for member in archive.infolist()}
        names = [name for name in members if name != record and not name.endswith("/")]
        files = {name: archive.read(name) for name in names}
    metadata = files[f"{folder}/METADATA"]
    headers, _, text = metadata.partition(b"\n\n")
    files[f"{folder}/METADATA"] = headers + f"\nLicense-File: {LICENCE}\n\n".encode() + text
    files[f"{folder}/licenses/{LICENCE}"] = licence
    files[f"{folder}/sboms/libffi.cdx.json"] = bill(project, version, libffi, source)
    files[record] = _record(files, record)
    like = members[record]
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, content in files.items():
            member = zipfile.ZipInfo(key, like.date_time)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = members.get(key, like).external_attr
            archive.writestr(member, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="declare_libffi", description=__doc__)
    parser.add_argument("version", help="of libffi")
    parser.add_argument("source", help="where it comes from, as a package URL")
    parser.add_argument("licence", type=Path, help="the file with its licence")
    parser.add_argument("wheel", type=Path, nargs="+", help="a wheel, which is replaced")
    arguments = parser.parse_args()
    for path in arguments.wheel:
        declare(path, arguments.version, arguments.source, arguments.licence.read_bytes())
