# SPDX-License-Identifier: MIT
"""The documentation site; `make docs` builds it into build/docs."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))

project = "trampfd"
author = "the trampfd authors"
copyright = "2026, the trampfd authors"
release = version = (ROOT / "cbackend" / "VERSION").read_text().strip()

extensions = ["myst_parser", "sphinx.ext.autodoc", "c_header", "command_help"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["man"]
root_doc = "index"

html_theme = "furo"
html_title = f"trampfd {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_preserve_defaults = True

smartquotes = False
default_role = "code"
highlight_language = "none"
nitpicky = True
# Types of C and of libffi, which have no page here.
nitpick_ignore_regex = [
    ("c:identifier", r"ffi_\w+|size_t|u?int\w*_t"),
    ("py:class", r".*"),
]


def _definitions(app, what, name, obj, options, lines):
    """Let `name, name: text`, as docstrings of classes describe attributes, be a definition."""
    if what != "class":
        return
    attribute = re.compile(r"^([a-z_]\w*(?:, [a-z_]\w*)*): (.*)$")
    result = []
    for line in lines:
        match = attribute.match(line)
        result += [match[1], f"    {match[2]}"] if match else [line]
    lines[:] = result


# Pages that are files of the checkout's root, where people look for them.
ROOT_PAGES = {"security": "SECURITY", "contributing": "CONTRIBUTING", "changelog": "CHANGELOG"}


def _root_page(app, docname, source):
    """Take the text of a page from the root, with links that lead to the pages of the site."""
    name = ROOT_PAGES.get(docname)
    if name is None:
        return
    path = ROOT / f"{name}.md"
    app.env.note_dependency(str(path))
    text = path.read_text().replace("](docs/", "](")
    for page, file in ROOT_PAGES.items():
        text = text.replace(f"]({file}.md", f"]({page}.md")
    source[0] = text


def setup(app):
    app.connect("source-read", _root_page)
    app.connect("autodoc-process-docstring", _definitions)
