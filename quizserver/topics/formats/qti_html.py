"""Safe HTML as the part of XHTML that a QTI 2.1 item may hold, well-formed as XML."""

from __future__ import annotations

import re
from html import escape

from quizserver.topics.formats.html_tree import BLOCKS, VOID, Node, tree
from quizserver.topics.sanitise import words

_KNOWN = words(
    "a abbr b blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 "
    "hr i img kbd li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr ul "
    "var"
)
_ATTRIBUTES = {
    "a": ("href",),
    "img": ("src", "alt", "width", "height"),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan"),
}
_MATHML = "http://www.w3.org/1998/Math/MathML"
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xhtml(html: str) -> str:
    """``html`` as it may stand in an item. What QTI has no element for is a ``div`` or ``span``."""
    return "".join(_written(child, math=False) for child in tree(html).children)


def _written(node: Node | str, *, math: bool) -> str:
    if isinstance(node, str):
        return escape(_UNWRITABLE.sub("\ufffd", node), quote=False)
    math = math or node.tag == "math"
    inner = "".join(_written(child, math=math) for child in node.children)
    if math:
        given = {k: v for k, v in node.attributes.items() if k != "xmlns"}
        space = f' xmlns="{_MATHML}"' if node.tag == "math" else ""
        return f"<{node.tag}{space}{_attributes(given)}>{inner}</{node.tag}>"
    if node.tag == "a" and "href" not in node.attributes:
        return f"<span>{inner}</span>"
    tag = node.tag if node.tag in _KNOWN else ("div" if node.tag in BLOCKS else "span")
    kept = {k: node.attributes[k] for k in _ATTRIBUTES.get(tag, ()) if k in node.attributes}
    if tag == "img":
        kept.setdefault("alt", "")
        if "src" not in kept:
            return escape(kept["alt"], quote=False)
    return (
        f"<{tag}{_attributes(kept)}/>"
        if tag in VOID
        else f"<{tag}{_attributes(kept)}>{inner}</{tag}>"
    )


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {k}="{escape(_UNWRITABLE.sub(" ", v))}"' for k, v in values.items())
