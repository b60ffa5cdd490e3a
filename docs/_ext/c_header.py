# SPDX-License-Identifier: MIT
"""The directive ``c-header``: the reference of a C header, made from its comments.

A comment describes the declarations that follow it without a blank line.  A comment that stands
alone and starts with ``Title:`` begins a section.  Within a comment, text in `single quotes of
this kind` is code, lines that start with ``-`` are a list, and an indented ``Word: text`` with
deeper lines below it is a definition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TOKEN = re.compile(r"/\*(?P<comment>.*?)\*/|(?P<blank>\n[ \t]*\n)|(?P<line>[^\n]+)|\n", re.DOTALL)
_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_TITLE = re.compile(r"^([A-Z]\w+): ")
_DEFINITION = re.compile(r'^( *)("?[\w-]+"?(?: *, *"?[\w-]+"?)*): +(.*)$')


@dataclass
class Item:
    """A comment and the declarations that it describes; either may be missing."""

    comment: str = ""
    declarations: list[str] = field(default_factory=list)


def _plain(comment: str) -> str:
    """The text of a comment without the stars in front of its lines."""
    lines = [re.sub(r"^\s*\*? ?", "", line, count=1) for line in comment.splitlines()[1:]]
    first = comment.splitlines()[0].strip()
    return "\n".join([first, *lines] if first else lines).strip("\n").rstrip()


def _is_open(text: str) -> bool:
    """Whether a declaration goes on: a brace is open, or the semicolon is yet to come."""
    if text.startswith("#"):
        return text.endswith("\\")
    if text in ('extern "C" {', "}"):
        return False
    code = _COMMENT.sub("", text)
    return code.count("{") > code.count("}") or not code.rstrip().endswith(";")


def items(header: str) -> list[Item]:
    """What a header consists of, in its order."""
    found = [Item()]
    pending = ""
    for token in _TOKEN.finditer(header):
        comment, line = token["comment"], token["line"]
        if pending:
            pending += token[0] if token[0].startswith(("\n", "/*")) else f"{line}\n"
            if not _is_open(pending.strip()):
                found[-1].declarations.append(pending.strip())
                pending = ""
        elif comment is not None:
            found.append(Item(_plain(comment)))
        elif line is not None and line.strip():
            if _is_open(line.strip()):
                pending = f"{line}\n"
            else:
                found[-1].declarations.append(line.strip())
        elif token["blank"] is not None and (found[-1].comment or found[-1].declarations):
            found.append(Item())
    return [item for item in found if item.comment or item.declarations]


def functions(header: str) -> list[str]:
    """The names of the functions that a header declares."""
    text = "\n".join(line for item in items(header) for line in item.declarations)
    return re.findall(r"^TRAMPFD_API [^;{]*?(\w+)\(", text, re.MULTILINE)


def _inline(text: str, known: set[str]) -> str:
    """One paragraph of a comment as reStructuredText."""

    def code(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return f"``{match['code']}``"
        if match["call"] is not None:
            return f":c:func:`{match['call']}`" if match["call"] in known else f"``{match[0]}``"
        return f"\\{match[0]}"

    pattern = r"`(?P<code>[^`]+)`|\b(?P<call>\w+)\(\)|[*|]|_(?=\W|$)"
    return re.sub(pattern, code, text)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def prose(lines: list[str], known: set[str], base: str = "") -> list[str]:
    """Lines of a comment as lines of reStructuredText."""
    result: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip():
            result.append("")
            continue
        indent = _indent(line)
        end = at
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
            end += 1
        below = lines[at:end]
        definition = _DEFINITION.match(line)
        if line.lstrip().startswith("- "):
            body = prose([line.strip()[2:], *(text.strip() for text in below)], known)
            result += ["", f"{base}- {body[0]}", *(f"{base}  {text}" for text in body[1:])]
        elif definition and any(text.strip() for text in below):
            body = [definition[3], *(text[indent + 2 :] for text in below)]
            result += ["", f"{base}{_inline(definition[2], known)}"]
            result += prose(body, known, f"{base}    ")
        else:
            if result and result[-1].startswith(f"{base} "):
                result.append("")
            result.append(f"{base}{_inline(line.strip(), known)}")
            continue
        at = end
    return result


def _members(body: str, directive: str, known: set[str]) -> list[str]:
    """What stands between the braces of a structure or an enumeration."""
    result: list[str] = []
    separator = ";" if directive == "member" else ","
    pattern = rf"\s*([^{separator}/]+?){separator}?[ \t]*(?:/\*(.*?)\*/)?[ \t]*(?:\n|$)"
    for declaration, comment in re.findall(pattern, body, re.DOTALL):
        declaration = " ".join(declaration.split())
        if not declaration:
            continue
        names = [declaration]
        if directive == "member" and ", " in declaration and "(" not in declaration:
            first, *others = [name.strip() for name in declaration.split(",")]
            kind = first.rpartition(" ")[0]
            names = [first, *(f"{kind} {name}" for name in others)]
        for name in names:
            result += [f"   .. c:{directive}:: {name}", ""]
            text = " ".join(_plain(comment).split()) if comment else ""
            result += [f"      {_inline(text, known)}", ""] if text else []
    return result


def _declaration(text: str, known: set[str]) -> tuple[str, str, list[str]] | None:
    """The directive, its argument and its content for a declaration that the reference shows."""
    text = text.replace("TRAMPFD_API ", "")
    body = re.search(r"\{(.*)\}", text, re.DOTALL)
    if text.startswith("#define"):
        words = _COMMENT.sub("", text).split()
        return ("macro", words[1], []) if len(words) > 2 and "(" not in words[2] else None
    if text.startswith("#") or text.startswith(('extern "C"', "}")):
        return None
    if text.startswith("struct ") and body:
        members = _members(body[1], "member", known)
        return "struct", text.split()[1], members
    if text.startswith("enum ") and body:
        return "enum", text.split()[1], _members(body[1], "enumerator", known)
    if text.startswith("struct ") and text.count(" ") == 1:
        return "struct", text.split()[1].rstrip(";"), []
    signature = " ".join(_COMMENT.sub("", text).split()).rstrip(";")
    if signature.startswith("typedef "):
        return "type", signature[len("typedef ") :], []
    return "function", signature, []


def reference(header: str, first: str) -> list[str]:
    """The reference of a header as lines of reStructuredText; `first` is the first section."""
    known = set(functions(header))
    result: list[str] = []
    for item in items(header):
        comment = re.sub(r"^\w+\.h - .*\n+", "", item.comment)
        if comment.startswith("SPDX"):
            continue
        made = [_declaration(text, known) for text in item.declarations]
        shown = [declaration for declaration in made if declaration]
        title = _TITLE.match(comment)
        if title and not shown:
            result += ["", title[1], "-" * len(title[1]), ""]
            comment = comment[title.end() :]
            comment = comment[0].upper() + comment[1:]
        elif shown and first:
            result += ["", first, "-" * len(first), ""]
            first = ""
        text = prose(comment.splitlines(), known)
        if not shown:
            result += ["", *text, ""]
        elif not any(content for _, _, content in shown):
            start = f".. c:{shown[0][0]}:: "
            result += ["", f"{start}{shown[0][1]}"]
            result += [f"{' ' * len(start)}{more[1]}" for more in shown[1:]]
            result += ["", *(f"   {line}" for line in text), ""]
        else:
            for kind, argument, content in shown:
                result += ["", f".. c:{kind}:: {argument}", ""]
                if content:
                    result += [*(f"   {line}" for line in text), "", *content, ""]
                    text = []
    return result


def setup(app: Any) -> dict[str, bool]:
    from docutils import nodes
    from docutils.statemachine import StringList
    from sphinx.util.docutils import SphinxDirective
    from sphinx.util.nodes import nested_parse_with_titles

    class Header(SphinxDirective):
        required_arguments = 2
        final_argument_whitespace = True

        def run(self) -> list[nodes.Node]:
            path = Path(self.env.relfn2path(self.arguments[0])[1])
            self.env.note_dependency(str(path))
            lines = reference(path.read_text(), self.arguments[1])
            part = nodes.section()
            part.document = self.state.document
            nested_parse_with_titles(self.state, StringList(lines, str(path)), part)
            return part.children

    app.add_directive("c-header", Header)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
