"""QTI 2.1: writes a content package with a manifest, one item per question, and the images.

Follows the IMS QTI 2.1 information model. An item is right or wrong as a whole. One without
feedback uses the standard template ``match_correct``; one with feedback contains the same rule
itself, since the template shows no feedback. HTML is reduced to the XHTML that the
schema (``imsqti_v2p1.xsd``) allows, which is that of XHTML 1: lists contain only items, a table has
a body, and block elements stand only inside block elements."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from html import escape

from quizserver.topics.formats.escape import replace_unwritable
from quizserver.topics.formats.export_question import ExportedQuestion
from quizserver.topics.formats.html_tree import BLOCK_TAGS, VOID_TAGS, HtmlNode, parse_clean_html
from quizserver.topics.formats.model import OptionData, QuestionData
from quizserver.topics.sanitise import word_set

_NAMESPACE = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_SCHEMA = "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd"
_PACKAGE_NAMESPACE = "http://www.imsglobal.org/xsd/imscp_v1p1"
_MATCH_CORRECT = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the same questions make the same bytes

_HEADING_TAGS = word_set("h1 h2 h3 h4 h5 h6")
_QTI_INLINE_TAGS = word_set(
    "a abbr b br cite code dfn em i img kbd q samp small span strong sub sup var"
)
_QTI_BLOCK_TAGS = _HEADING_TAGS | word_set("blockquote div dl hr ol p pre table ul")
_ALLOWED_CHILDREN = {  # elements that may occur only inside these
    "ul": word_set("li"),
    "ol": word_set("li"),
    "dl": word_set("dt dd"),
    "table": word_set("caption col colgroup thead tfoot tbody"),
    "colgroup": word_set("col"),
    **dict.fromkeys(("thead", "tfoot", "tbody"), word_set("tr")),
    "tr": word_set("td th"),
}
_NESTED_TAGS = frozenset().union(*_ALLOWED_CHILDREN.values())
_ATTRIBUTES = {
    "a": ("href",),
    "img": ("src", "alt", "width", "height"),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan"),
    "col": ("span",),
    "colgroup": ("span",),
}
_MATHML_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_TEMPLATE_PROCESSING = f'  <responseProcessing template="{_MATCH_CORRECT}"/>'
_RESPONSE_PROCESSING = """\
  <responseProcessing>
    <responseCondition>
      <responseIf>
        <match><variable identifier="RESPONSE"/><correct identifier="RESPONSE"/></match>
        <setOutcomeValue identifier="SCORE">
          <baseValue baseType="float">1</baseValue>
        </setOutcomeValue>
      </responseIf>
      <responseElse>
        <setOutcomeValue identifier="SCORE">
          <baseValue baseType="float">0</baseValue>
        </setOutcomeValue>
      </responseElse>
    </responseCondition>
    <setOutcomeValue identifier="FEEDBACK"><variable identifier="RESPONSE"/></setOutcomeValue>
    <setOutcomeValue identifier="GENERAL">
      <baseValue baseType="identifier">shown</baseValue>
    </setOutcomeValue>
  </responseProcessing>"""


def write_qti(questions: Sequence[ExportedQuestion]) -> bytes:
    """Writes a zip of ``imsmanifest.xml``, ``items/<id>.xml`` and ``items/<id>/<image>``."""
    members: dict[str, bytes] = {}
    resources: list[str] = []
    for exported in questions:
        name = exported.question.id
        members[f"items/{name}.xml"] = _write_item(exported).encode("utf-8")
        image_members = {
            f"items/{name}/{image.path}": image.data for image in exported.images.values()
        }
        members.update(image_members)
        files = "".join(
            f'<file href="{escape(path)}"/>' for path in (f"items/{name}.xml", *image_members)
        )
        resources.append(
            f'    <resource identifier="r-{name}" type="imsqti_item_xmlv2p1" '
            f'href="items/{name}.xml">{files}</resource>'
        )
    manifest = _write_manifest(resources).encode("utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path, data in {"imsmanifest.xml": manifest, **members}.items():
            entry = zipfile.ZipInfo(path, _FIXED_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, data)
    return buffer.getvalue()


def _write_manifest(resources: list[str]) -> str:
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<manifest xmlns="{_PACKAGE_NAMESPACE}" identifier="quizserver">',
            "  <metadata><schema>QTIv2.1 Package</schema>"
            "<schemaversion>1.0.0</schemaversion></metadata>",
            "  <organizations/>",
            "  <resources>",
            *resources,
            "  </resources>",
            "</manifest>",
            "",
        ]
    )


def _write_item(exported: ExportedQuestion) -> str:
    data = exported.data
    if data.hints:
        exported.add_omission("its hints")
    if data.tags:
        exported.add_omission("its tags")
    choice_ids = [f"c{number}" for number in range(1, len(data.options) + 1)]
    feedback = _write_feedback(exported, choice_ids)
    prompt = _render_xhtml(exported, exported.prompt)
    choices = [
        f'      <simpleChoice identifier="{choice_id}">{_choice_xhtml(exported, option)}'
        "</simpleChoice>"
        for choice_id, option in zip(choice_ids, data.options, strict=True)
    ]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<assessmentItem xmlns="{_NAMESPACE}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{_NAMESPACE} {_SCHEMA}" identifier="q-{exported.question.id}" '
        f'title="{_escape_attribute(exported.question.title)}" '
        'adaptive="false" timeDependent="false">',
        *_write_declarations(data, choice_ids, has_feedback=bool(feedback)),
        "  <itemBody>",
        f"    <div>{prompt}</div>",
        f'    <choiceInteraction responseIdentifier="RESPONSE" '
        f'shuffle="{"true" if data.shuffle else "false"}" '
        f'maxChoices="{0 if data.multiple else 1}">',
        *choices,
        "    </choiceInteraction>",
        "  </itemBody>",
        _RESPONSE_PROCESSING if feedback else _TEMPLATE_PROCESSING,
        *feedback,
        "</assessmentItem>",
        "",
    ]
    return "\n".join(lines)


def _write_declarations(
    data: QuestionData, choice_ids: Sequence[str], *, has_feedback: bool
) -> list[str]:
    cardinality = "multiple" if data.multiple else "single"
    correct_values = "".join(
        f"<value>{choice_id}</value>"
        for choice_id, option in zip(choice_ids, data.options, strict=True)
        if option.right
    )
    lines = [
        f'  <responseDeclaration identifier="RESPONSE" cardinality="{cardinality}" '
        f'baseType="identifier"><correctResponse>{correct_values}</correctResponse>'
        "</responseDeclaration>",
        '  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">'
        "<defaultValue><value>0</value></defaultValue></outcomeDeclaration>",
    ]
    if has_feedback:
        lines += [
            f'  <outcomeDeclaration identifier="FEEDBACK" cardinality="{cardinality}" '
            'baseType="identifier"/>',
            '  <outcomeDeclaration identifier="GENERAL" cardinality="single" '
            'baseType="identifier"/>',
        ]
    return lines


def _write_feedback(exported: ExportedQuestion, choice_ids: Sequence[str]) -> list[str]:
    elements = [
        _modal_feedback(exported, "FEEDBACK", choice_id, option.feedback)
        for choice_id, option in zip(choice_ids, exported.data.options, strict=True)
        if option.feedback
    ]
    general = exported.general_feedback("### References")
    if general:
        elements.append(_modal_feedback(exported, "GENERAL", "shown", general))
    return elements


def _modal_feedback(
    exported: ExportedQuestion, outcome: str, identifier: str, markdown: str
) -> str:
    return (
        f'  <modalFeedback outcomeIdentifier="{outcome}" identifier="{identifier}" showHide="show">'
        f"{_render_xhtml(exported, markdown)}</modalFeedback>"
    )


def _render_xhtml(exported: ExportedQuestion, markdown: str) -> str:
    return _to_xhtml(exported.render_html(markdown, _image_folder(exported), as_tex=False))


def _choice_xhtml(exported: ExportedQuestion, option: OptionData) -> str:
    return _to_xhtml(exported.render_inline(option.text, _image_folder(exported), as_tex=False))


def _image_folder(exported: ExportedQuestion) -> str:
    return f"{exported.question.id}/"


def _escape_attribute(text: str) -> str:
    return escape(replace_unwritable(re.sub(r"[\t\n\r]", " ", text), " "))


def _to_xhtml(html: str) -> str:
    """Converts HTML to the XHTML of an item; elements unknown to QTI become ``div`` or ``span``."""
    root = parse_clean_html(html)
    return "".join(_serialise_node(_fit_node(child, "div"), math=False) for child in root.children)


def _fit_node(node: HtmlNode | str, parent: str) -> HtmlNode | str:
    """Converts ``node`` to an element that ``parent`` may contain."""
    if isinstance(node, str) or node.tag == "math":
        return node
    tag = _fitting_tag(node, parent)
    if tag == "img" and ("src" not in node.attributes or parent == "pre"):
        return node.attributes.get("alt", "")
    children = [_fit_node(child, tag) for child in node.children]
    if tag in _ALLOWED_CHILDREN:
        children = list(
            _order_table_parts(children) if tag == "table" else _wrap_items(children, tag)
        )
    elif tag == "blockquote":
        children = list(_wrap_paragraphs(children))
    elif tag not in ("div", "li", "dd", "td", "th") and any(map(_is_block, children)):
        tag = "dd" if tag == "dt" else "div"
    attributes = {
        name: node.attributes[name] for name in _ATTRIBUTES.get(tag, ()) if name in node.attributes
    }
    return HtmlNode(tag, {"alt": "", **attributes} if tag == "img" else attributes, children)


def _fitting_tag(node: HtmlNode, parent: str) -> str:
    tag = node.tag
    href = node.attributes.get("href", "#")
    if tag == "a" and href.startswith("#"):  # ids are not exported
        return "span"
    if parent == "pre" and tag in ("small", "sub", "sup"):
        return "span"
    if tag in _NESTED_TAGS:
        return tag if tag in _ALLOWED_CHILDREN.get(parent, ()) else "div"
    if tag in _QTI_INLINE_TAGS | _QTI_BLOCK_TAGS:
        return tag
    return "div" if tag in BLOCK_TAGS else "span"


def _is_block(node: HtmlNode | str) -> bool:
    return isinstance(node, HtmlNode) and node.tag in _QTI_BLOCK_TAGS


def _is_blank(node: HtmlNode | str) -> bool:
    return isinstance(node, str) and not node.strip()


def _wrap_items(children: Sequence[HtmlNode | str], tag: str) -> Iterator[HtmlNode]:
    """The children of a list or of a part of a table; other content is wrapped in an item."""
    wrapper = {"ul": "li", "ol": "li", "dl": "dd", "tr": "td"}.get(tag)
    for child in children:
        if isinstance(child, HtmlNode) and child.tag in _ALLOWED_CHILDREN[tag]:
            yield child
        elif wrapper and not _is_blank(child):
            yield HtmlNode(wrapper, {}, [child])


def _order_table_parts(children: Sequence[HtmlNode | str]) -> Iterator[HtmlNode]:
    """The parts of a table in the schema's order; a table without a body gets one of its head."""
    parts = [child for child in children if isinstance(child, HtmlNode)]
    filled = [part for part in parts if part.children or part.tag in ("col", "colgroup")]
    if not any(part.tag == "tbody" for part in filled):
        for part in filled:
            part.tag = "tbody" if part.tag in ("thead", "tfoot") else part.tag
    columns = "colgroup" if any(part.tag == "colgroup" for part in filled) else "col"
    for tag in ("caption", columns, "thead", "tfoot", "tbody"):
        yield from (part for part in filled if part.tag == tag)


def _wrap_paragraphs(children: Sequence[HtmlNode | str]) -> Iterator[HtmlNode | str]:
    """The blocks, and the content between them in paragraphs."""
    loose: list[HtmlNode | str] = []
    for child in [*children, HtmlNode("")]:
        if isinstance(child, str) or not (_is_block(child) or child.tag == ""):
            loose.append(child)
            continue
        if not all(map(_is_blank, loose)):
            yield HtmlNode("p", {}, loose)
        loose = []
        if child.tag:
            yield child


def _serialise_node(node: HtmlNode | str, *, math: bool) -> str:
    if isinstance(node, str):
        return escape(replace_unwritable(node), quote=False)
    math = math or node.tag == "math"
    inner = "".join(_serialise_node(child, math=math) for child in node.children)
    attributes = {name: value for name, value in node.attributes.items() if name != "xmlns"}
    namespace = f' xmlns="{_MATHML_NAMESPACE}"' if node.tag == "math" else ""
    attribute_text = "".join(
        f' {name}="{escape(replace_unwritable(value, " "))}"' for name, value in attributes.items()
    )
    if node.tag in VOID_TAGS and not math:
        return f"<{node.tag}{attribute_text}/>"
    return f"<{node.tag}{namespace}{attribute_text}>{inner}</{node.tag}>"
