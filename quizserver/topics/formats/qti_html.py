"""Safe HTML as the part of XHTML that a QTI 2.1 item may hold, well-formed as XML.

Which element may stand in which follows the content model of the QTI 2.1 schema
(``imsqti_v2p1.xsd``), which is that of XHTML 1: lists hold items alone, a table has a body, and
nothing that is a block stands in what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from quizserver.topics.formats.html_tree import BLOCKS, VOID, Node, tree
from quizserver.topics.sanitise import words

_HEADINGS = words("h1 h2 h3 h4 h5 h6")
_INLINE = words("a abbr b br cite code dfn em i img kbd q samp small span strong sub sup var")
_BLOCK = _HEADINGS | words("blockquote div dl hr ol p pre table ul")
_INSIDE = {  # what stands nowhere but in these
    "ul": words("li"),
    "ol": words("li"),
    "dl": words("dt dd"),
    "table": words("caption col colgroup thead tfoot tbody"),
    "colgroup": words("col"),
    **dict.fromkeys(("thead", "tfoot", "tbody"), words("tr")),
    "tr": words("td th"),
}
_PARTS = frozenset().union(*_INSIDE.values())
_ATTRIBUTES = {
    "a": ("href",),
    "img": ("src", "alt", "width", "height"),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan"),
    "col": ("span",),
    "colgroup": ("span",),
}
_MATHML = "http://www.w3.org/1998/Math/MathML"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xhtml(html: str) -> str:
    """``html`` as it may stand in an item. What QTI has no element for is a ``div`` or ``span``."""
    root = tree(html)
    return "".join(_written(_fitted(child, "div"), math=False) for child in root.children)


def _fitted(node: Node | str, parent: str) -> Node | str:
    """``node`` as an element that ``parent`` may hold."""
    if isinstance(node, str) or node.tag == "math":
        return node
    tag = _tag(node, parent)
    if tag == "img" and ("src" not in node.attributes or parent == "pre"):
        return node.attributes.get("alt", "")
    children = [_fitted(child, tag) for child in node.children]
    if tag in _INSIDE:
        children = list(_sections(children) if tag == "table" else _items(children, tag))
    elif tag == "blockquote":
        children = list(_paragraphs(children))
    elif tag not in ("div", "li", "dd", "td", "th") and any(map(_is_block, children)):
        tag = "dd" if tag == "dt" else "div"
    kept = {k: node.attributes[k] for k in _ATTRIBUTES.get(tag, ()) if k in node.attributes}
    return Node(tag, {"alt": "", **kept} if tag == "img" else kept, children)


def _tag(node: Node, parent: str) -> str:
    tag = node.tag
    href = node.attributes.get("href", "#")
    if tag == "a" and href.startswith("#"):  # ids are not taken along
        return "span"
    if parent == "pre" and tag in ("small", "sub", "sup"):
        return "span"
    if tag in _PARTS:
        return tag if tag in _INSIDE.get(parent, ()) else "div"
    if tag in _INLINE | _BLOCK:
        return tag
    return "div" if tag in BLOCKS else "span"


def _is_block(node: Node | str) -> bool:
    return isinstance(node, Node) and node.tag in _BLOCK


def _is_blank(node: Node | str) -> bool:
    return isinstance(node, str) and not node.strip()


def _items(children: Sequence[Node | str], tag: str) -> Iterator[Node]:
    """The children of a list or of a part of a table, what stands between them in one as well."""
    around = {"ul": "li", "ol": "li", "dl": "dd", "tr": "td"}.get(tag)
    for child in children:
        if isinstance(child, Node) and child.tag in _INSIDE[tag]:
            yield child
        elif around and not _is_blank(child):
            yield Node(around, {}, [child])


def _sections(children: Sequence[Node | str]) -> Iterator[Node]:
    """The parts of a table in the schema's order; one that is all head is all body."""
    parts = [child for child in children if isinstance(child, Node)]
    filled = [part for part in parts if part.children or part.tag in ("col", "colgroup")]
    if not any(part.tag == "tbody" for part in filled):
        for part in filled:
            part.tag = "tbody" if part.tag in ("thead", "tfoot") else part.tag
    columns = "colgroup" if any(part.tag == "colgroup" for part in filled) else "col"
    for tag in ("caption", columns, "thead", "tfoot", "tbody"):
        yield from (part for part in filled if part.tag == tag)


def _paragraphs(children: Sequence[Node | str]) -> Iterator[Node | str]:
    """Blocks as they are, and a paragraph around what stands loose between them."""
    loose: list[Node | str] = []
    for child in [*children, Node("")]:
        if isinstance(child, str) or not (_is_block(child) or child.tag == ""):
            loose.append(child)
            continue
        if not all(map(_is_blank, loose)):
            yield Node("p", {}, loose)
        loose = []
        if child.tag:
            yield child


def _written(node: Node | str, *, math: bool) -> str:
    if isinstance(node, str):
        return escape(_UNWRITABLE.sub("\ufffd", node), quote=False)
    math = math or node.tag == "math"
    inner = "".join(_written(child, math=math) for child in node.children)
    given = {k: v for k, v in node.attributes.items() if k != "xmlns"}
    space = f' xmlns="{_MATHML}"' if node.tag == "math" else ""
    written = "".join(f' {k}="{escape(_UNWRITABLE.sub(" ", v))}"' for k, v in given.items())
    if node.tag in VOID and not math:
        return f"<{node.tag}{written}/>"
    return f"<{node.tag}{space}{written}>{inner}</{node.tag}>"
