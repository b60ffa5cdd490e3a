# SPDX-License-Identifier: MIT
"""The modules of the package import each other downwards only, and so do the files of the core."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

import pytest
from support import core

import trampfd

pytestmark = pytest.mark.any_provider

ROOT = Path(trampfd.__file__).parent

# It runs as a copy outside of the package, which it imports from there.
COPIED = "trampfd._cli._hook"


def modules() -> dict[str, Path]:
    """The files of the package by the names of their modules."""
    names = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imported(name: str, path: Path) -> set[str]:
    """The modules of the package that one imports, at its top or inside of functions.

    Not those that it imports for type checkers alone.
    """
    tree = ast.parse(path.read_text())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [base])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found & {*modules()} - {name, "trampfd", package}


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imported(name, path) for name, path in modules().items() if name != COPIED}
    assert len(graph["trampfd._cli.doctor.command"]) > 5
    graphlib.TopologicalSorter(graph).prepare()


def test_public_modules_import_no_command() -> None:
    for name, path in modules().items():
        if path.parent == ROOT and name != "trampfd.__main__":
            assert not [one for one in imported(name, path) if one.startswith("trampfd._cli")], name


def test_readers_of_the_system_import_each_other_only() -> None:
    for name, path in modules().items():
        if path.parent == ROOT / "_system":
            others = imported(name, path)
            assert all(one.startswith("trampfd._system.") for one in others), (name, others)


def included(path: Path) -> set[Path]:
    """The files of the C core that one includes, without their suffixes."""
    found = set()
    for name in re.findall(r'#include "([^"]+)"', path.read_text()):
        for folder in (path.parent, *core.target().include_folders()):
            if (folder / name).is_file():
                found.add((folder / name).resolve().with_suffix(""))
                break
    return found


def test_no_circle_among_files_of_the_c_core() -> None:
    """A file and its header are one."""
    backend = core.BACKEND.resolve()
    graph: dict[Path, set[Path]] = {}
    for path in sorted(backend.rglob("*.[chS]")):
        if "kmod" in path.parts:
            continue
        name = path.with_suffix("")
        graph.setdefault(name, set()).update(included(path) - {name})
    assert len(graph) > 50
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as circle:
        names = [str(name.relative_to(backend)) for name in circle.args[1]]
        pytest.fail(f"circle: {' -> '.join(names)}")
