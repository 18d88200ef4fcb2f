"""Which elements an item may contain, according to ``imsqti_v2p1.xsd`` (QTI 2.1, final).

Written from the schema, independently of the code that writes items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from quizserver.topics.sanitise import word_set

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
_SIMPLE = word_set(
    "em a code span sub acronym big tt kbd q i dfn abbr strong sup var small samp b cite"
)
_INLINE = _SIMPLE | word_set("br img object math")
_HEADINGS_AND_PARAGRAPHS = word_set("h1 h2 h3 h4 h5 h6 p address")
_BLOCK = _HEADINGS_AND_PARAGRAPHS | word_set("pre blockquote div dl ul ol hr table math")
_FLOW = _INLINE | _BLOCK
_ALLOWED_CHILDREN = {
    **dict.fromkeys(_SIMPLE | _HEADINGS_AND_PARAGRAPHS | {"dt", "caption"}, _INLINE),
    **dict.fromkeys(("div", "li", "dd", "td", "th", "simpleChoice", "modalFeedback"), _FLOW),
    "a": _INLINE - {"a"},
    "pre": _INLINE - word_set("img object big small sub sup math"),
    "blockquote": _BLOCK,
    "ul": word_set("li"),
    "ol": word_set("li"),
    "dl": word_set("dt dd"),
    "table": word_set("caption col colgroup thead tfoot tbody"),
    "colgroup": word_set("col"),
    **dict.fromkeys(("thead", "tfoot", "tbody"), word_set("tr")),
    "tr": word_set("td th"),
    "itemBody": _BLOCK | {"choiceInteraction"},
    "choiceInteraction": word_set("simpleChoice"),
    **dict.fromkeys(("br", "hr", "img", "col"), frozenset()),
}
_NO_TEXT = word_set(
    "blockquote ul ol dl table colgroup thead tfoot tbody tr itemBody choiceInteraction br hr img "
    "col"
)
_TABLE = re.compile(r"(caption )?(col )*(colgroup )*(thead )?(tfoot )?(tbody )+")
_REQUIRED_ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "simpleChoice": {"identifier"}}
_ALLOWED_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "col": {"span"},
    "colgroup": {"span"},
}


def schema_violations(element: Element) -> Iterator[str]:
    """What the schema forbids in an itemBody or a modalFeedback, and below it."""
    name = _local_name(element)
    children = [_local_name(child) for child in element]
    texts = [element.text, *(child.tail for child in element)]
    if name in _NO_TEXT and any((text or "").strip() for text in texts):
        yield f"{name} holds text"
    if name == "table" and not _TABLE.fullmatch("".join(f"{child} " for child in children)):
        yield f"table holds {children}"
    if name in ("thead", "tfoot", "tbody") and not children:
        yield f"{name} is empty"
    if _REQUIRED_ATTRIBUTES.get(name, set()) - set(element.keys()):
        yield f"{name} lacks an attribute"
    if name in _FLOW and set(element.keys()) - _ALLOWED_ATTRIBUTES.get(name, set()):
        yield f"{name} has {sorted(element.keys())}"
    for child in element:
        if _local_name(child) not in _ALLOWED_CHILDREN[name]:
            yield f"{name} holds {_local_name(child)}"
        elif _local_name(child) == "math":
            yield from (f"math holds {d.tag}" for d in child.iter() if not _is_math(d))
        else:
            yield from schema_violations(child)


def _local_name(element: Element) -> str:
    if element.tag == f"{MATHML}math":
        return "math"
    return element.tag.removeprefix(QTI)


def _is_math(element: Element) -> bool:
    return element.tag.startswith(MATHML)
