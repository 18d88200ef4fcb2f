"""What may stand in what in an item, as ``imsqti_v2p1.xsd`` (QTI 2.1, final) has it.

Written down from the schema by itself: nothing here comes from the code that writes items.
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
_LINES = word_set("h1 h2 h3 h4 h5 h6 p address")
_BLOCK = _LINES | word_set("pre blockquote div dl ul ol hr table math")
_FLOW = _INLINE | _BLOCK
_HOLDS = {
    **dict.fromkeys(_SIMPLE | _LINES | {"dt", "caption"}, _INLINE),
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
_NEEDS = {"a": {"href"}, "img": {"src", "alt"}, "simpleChoice": {"identifier"}}
_MAY = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "col": {"span"},
    "colgroup": {"span"},
}


def faults(element: Element) -> Iterator[str]:
    """What the schema forbids in ``element`` (an itemBody or a modalFeedback) and below it."""
    name = _name(element)
    children = [_name(child) for child in element]
    said = [element.text, *(child.tail for child in element)]
    if name in _NO_TEXT and any((text or "").strip() for text in said):
        yield f"{name} holds text"
    if name == "table" and not _TABLE.fullmatch("".join(f"{child} " for child in children)):
        yield f"table holds {children}"
    if name in ("thead", "tfoot", "tbody") and not children:
        yield f"{name} is empty"
    if _NEEDS.get(name, set()) - set(element.keys()):
        yield f"{name} lacks an attribute"
    if name in _FLOW and set(element.keys()) - _MAY.get(name, set()):
        yield f"{name} has {sorted(element.keys())}"
    for child in element:
        if _name(child) not in _HOLDS[name]:
            yield f"{name} holds {_name(child)}"
        elif _name(child) == "math":
            yield from (f"math holds {d.tag}" for d in child.iter() if not _is_math(d))
        else:
            yield from faults(child)


def _name(element: Element) -> str:
    if element.tag == f"{MATHML}math":
        return "math"
    return element.tag.removeprefix(QTI)


def _is_math(element: Element) -> bool:
    return element.tag.startswith(MATHML)
