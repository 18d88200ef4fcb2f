"""HTML to our markdown: what it says and shows stays, how it was styled goes.

What markdown has no sign for (a table with merged cells, superscripts) stays as the HTML it is: our
markdown may hold HTML, and the page cleans it.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from quizserver.topics.formats.escape import at_start, code_block, code_span, escaped
from quizserver.topics.formats.html_tables import cells_of, is_block, is_plain_table, rows_of
from quizserver.topics.formats.html_tree import Node, clean_tree
from quizserver.topics.headings import Name, section_name

# The path that an image's address shall have in the question's file; None drops the image.
Relocate = Callable[[str], str | None]

_FORMULA = re.compile(
    r"\\\((?P<inline>.+?)\\\)|\\\[(?P<display>.+?)\\\]|\$\$(?P<dollars>[^$]+?)\$\$", re.DOTALL
)
_KEPT = {"sub", "sup", "kbd", "mark", "ins", "small", "u", "s", "q", "cite", "samp", "var", "abbr"}
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "dfn": "*", "del": "~~"}
_MARKED = re.compile(r"\0(?P<tag>[a-z]+)\0(?P<core>[^\0]*)\0/\0")
_RULES = {"left": ":---", "center": ":---:", "right": "---:"}
_LANGUAGE = re.compile(r"(?:^|\s)lang(?:uage)?-([\w+#.-]+)")


def to_markdown(html: str, relocate: Relocate, *, sections: bool = False) -> str:
    """Markdown of untrusted HTML. Raises RefusedError when it holds too many elements.

    With ``sections`` a heading such as "References" begins a section of the question, otherwise it
    becomes a bold line, since it would end the part that it stands in.
    """
    writer = _Writer(relocate, sections)
    return "\n\n".join(writer.blocks(clean_tree(html)))


class _Writer:
    def __init__(self, relocate: Relocate, sections: bool) -> None:
        self._relocate = relocate
        self._sections = sections

    def blocks(self, node: Node) -> list[str]:
        """The blocks of a container; loose inline content between blocks is a paragraph."""
        found: list[str] = []
        loose: list[Node | str] = []

        def settle() -> None:
            line = self._paragraph(loose)
            if line:
                found.append(line)
            loose.clear()

        for child in node.children:
            if isinstance(child, Node) and is_block(child):
                settle()
                found.extend(self._block(child))
            else:
                loose.append(child)
        settle()
        return found

    def _paragraph(self, children: Sequence[Node | str]) -> str:
        line = re.sub(r"[ \t\n]+", " ", self._inline(children)).strip()
        line = re.sub(r"(?:\s*<br>)+$|^(?:<br>\s*)+", "", line).strip()
        while _MARKED.search(line):  # from the inside out
            line = _MARKED.sub(_emphasis, line)
        return at_start(line)

    def _block(self, node: Node) -> list[str]:
        tag = node.tag
        if tag == "pre":
            return [_code(node)]
        if tag == "hr":
            return ["* * *"]
        if re.fullmatch("h[1-6]", tag):
            return self._heading(node, int(tag[1]))
        if tag in ("ul", "ol"):
            return [self._list(node)]
        if tag == "blockquote":
            inner = "\n\n".join(self.blocks(node)).split("\n")
            return ["\n".join(f"> {line}".rstrip() for line in inner)] if any(inner) else []
        if is_plain_table(node):
            return [self._table(node)]
        if tag in ("table", "details", "dl"):
            return [" ".join(self._raw(node).split())]
        return self.blocks(node)

    def _heading(self, node: Node, level: int) -> list[str]:
        line = self._paragraph(node.children).replace("<br>", " ")
        if not line:
            return []
        name = section_name(node.text())
        if name is None:
            return [f"{'#' * max(3, level)} {line}"]
        if self._sections and name is Name.REFERENCES:
            return ["## References"]
        return [f"**{' '.join(escaped(node.text()).split())}**"]

    def _list(self, node: Node) -> str:
        ordered = node.tag == "ol"
        first = node.attributes.get("start", "1")
        number = int(first) if re.fullmatch(r"\d{1,4}", first) else 1
        items: list[str] = []
        for child in node.children:
            if isinstance(child, str) and not child.strip():
                continue
            inner = (
                child if isinstance(child, Node) and child.tag == "li" else Node("", {}, [child])
            )
            marker = f"{number}. " if ordered else "- "
            number += 1
            blocks = self.blocks(inner)
            text = blocks[0] if blocks else ""
            for before, block in pairwise(blocks):
                # A list after a blank line would swallow the items that follow it.
                close = re.match(r"- |\d+\. ", block) and not before.endswith(("```", "|"))
                text += ("\n" if close else "\n\n") + block
            lines = text.split("\n")
            rest = [f"    {line}" if line else "" for line in lines[1:]]
            items.append("\n".join([marker + lines[0], *rest]).rstrip())
        return "\n".join(items)

    def _table(self, node: Node) -> str:
        rows = [[self._paragraph(c.children) for c in cells_of(row)] for row in rows_of(node)]
        aligned = [
            _RULES.get(c.attributes.get("align", ""), "---") for c in cells_of(rows_of(node)[0])
        ]
        rows.insert(1, aligned)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)

    def _inline(self, children: Sequence[Node | str]) -> str:
        return "".join(
            _text(child) if isinstance(child, str) else self._element(child) for child in children
        )

    def _element(self, node: Node) -> str:
        tag = node.tag
        if tag == "br":
            return "<br> "
        if tag == "img":
            return self._image(node)
        if tag == "code" or tag == "pre":
            return code_span(node.text())
        inner = self._inline(node.children)
        if tag == "a":
            return self._link(node, inner)
        if tag in _MARKS:
            return _marked(tag, inner)
        return f"<{tag}>{inner}</{tag}>" if tag in _KEPT and inner.strip() else inner

    def _image(self, node: Node) -> str:
        path = self._relocate(node.attributes.get("src", ""))
        if path is None:
            return ""
        if "alt" not in node.attributes or node.attributes["alt"].strip():
            alt = " ".join(escaped(node.attributes.get("alt", "")).split())
            return f"![{alt}]({_address(path)})"
        return f'<img src="{entities.escape(path)}" alt="">'  # marked as mere decoration

    def _link(self, node: Node, inner: str) -> str:
        href = node.attributes.get("href", "").strip()
        if not href or href.startswith("#") or not inner.strip():
            return inner
        return f"[{inner.strip()}]({_address(href)})"

    def _raw(self, node: Node) -> str:
        inside = "".join(
            entities.escape(child, quote=False) if isinstance(child, str) else self._raw(child)
            for child in node.children
        )
        if node.tag == "img":
            return self._image(node)
        if node.tag in ("br", "hr", "col"):
            return f"<{node.tag}>"
        names = [f' {n}="{entities.escape(v)}"' for n, v in node.attributes.items() if n != "class"]
        return f"<{node.tag}{''.join(names)}>{inside}</{node.tag}>"


def _text(text: str) -> str:
    out: list[str] = []
    at = 0
    for match in _FORMULA.finditer(text):
        out.append(escaped(text[at : match.start()]))
        latex = match[match.lastgroup or 0].strip()
        mark = "$$" if match.lastgroup == "display" else "$"
        out.append(f"{mark}{' '.join(latex.split())}{mark}" if latex else escaped(match[0]))
        at = match.end()
    return "".join([*out, escaped(text[at:])])


def _marked(tag: str, inner: str) -> str:
    """Emphasis, its signs between two NUL until it is known what stands beside them."""
    core = inner.strip()
    if not core:
        return inner
    lead = inner[: len(inner) - len(inner.lstrip())]
    tail = inner[len(inner.rstrip()) :]
    return f"{lead}\0{tag}\0{core}\0/\0{tail}"


def _emphasis(match: re.Match[str]) -> str:
    """Signs where they are sure to be read as emphasis, else the element itself."""
    tag, core = match["tag"], match["core"]
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    free = not re.match(r"[\w*~\0]", before) and not re.match(r"[\w*~\0]", after)
    if free and re.fullmatch(r"\w|[\w(][^*_~<>\\`\0]*[\w).?!]", core):
        return f"{_MARKS[tag]}{core}{_MARKS[tag]}"
    return f"<{tag}>{core}</{tag}>"


def _code(node: Node) -> str:
    inner = next((c for c in node.children if isinstance(c, Node) and c.tag == "code"), node)
    classes = f"{inner.attributes.get('class', '')} {node.attributes.get('class', '')}"
    language = _LANGUAGE.search(classes)
    return code_block(node.text().expandtabs(4), language[1] if language else "")


def _address(url: str) -> str:
    return url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("\\", "%5C")
