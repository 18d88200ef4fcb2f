"""QTI 2.1: writing it, as a content package: a manifest, one item for each question, images.

Follows the IMS QTI 2.1 information model. An item is right or wrong as a whole, as here: a question
without feedback uses the standard template ``match_correct``; one with feedback writes the same
rule out, since the template would never show it.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from html import escape

from quizserver.topics.formats.model import Choice
from quizserver.topics.formats.portable import Portable
from quizserver.topics.formats.qti_html import xhtml

_NAMESPACE = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_SCHEMA = "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd"
_PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
_MATCH = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same questions make the same bytes


def write_qti(questions: Sequence[Portable]) -> bytes:
    """A zip of ``imsmanifest.xml``, ``items/<id>.xml`` and ``items/<id>/<image>``."""
    members: dict[str, bytes] = {}
    resources: list[str] = []
    for each in questions:
        name = each.question.id
        members[f"items/{name}.xml"] = _item(each).encode("utf-8")
        own = {f"items/{name}/{picture.path}": picture.data for picture in each.pictures.values()}
        members.update(own)
        files = "".join(f'<file href="{escape(path)}"/>' for path in (f"items/{name}.xml", *own))
        resources.append(
            f'    <resource identifier="r-{name}" type="imsqti_item_xmlv2p1" '
            f'href="items/{name}.xml">{files}</resource>'
        )
    manifest = _manifest(resources).encode("utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for path, data in {"imsmanifest.xml": manifest, **members}.items():
            entry = zipfile.ZipInfo(path, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, data)
    return buffer.getvalue()


def _manifest(resources: list[str]) -> str:
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<manifest xmlns="{_PACKAGE}" identifier="quizserver">',
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


def _item(each: Portable) -> str:
    item = each.item
    if item.hints:
        each.lose("its hints")
    if item.tags:
        each.lose("its tags")
    cardinality = "multiple" if item.multiple else "single"
    names = [f"c{number}" for number in range(1, len(item.options) + 1)]
    key = "".join(
        f"<value>{n}</value>" for n, o in zip(names, item.options, strict=True) if o.right
    )
    feedback = _feedback(each, names)
    shown = bool(feedback)
    declared = [
        f'<outcomeDeclaration identifier="FEEDBACK" cardinality="{cardinality}" '
        'baseType="identifier"/>',
        '<outcomeDeclaration identifier="GENERAL" cardinality="single" baseType="identifier"/>',
    ]
    prompt = xhtml(each.html(each.stem, _folder(each), formulas=False))
    choices = [
        f'      <simpleChoice identifier="{name}">{_choice(each, option)}</simpleChoice>'
        for name, option in zip(names, item.options, strict=True)
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<assessmentItem xmlns="{_NAMESPACE}" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xsi:schemaLocation="{_NAMESPACE} {_SCHEMA}" identifier="q-{each.question.id}" '
            f'title="{_attribute(each.question.title)}" adaptive="false" timeDependent="false">',
            f'  <responseDeclaration identifier="RESPONSE" cardinality="{cardinality}" '
            f'baseType="identifier"><correctResponse>{key}</correctResponse></responseDeclaration>',
            '  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">'
            "<defaultValue><value>0</value></defaultValue></outcomeDeclaration>",
            *(f"  {line}" for line in declared if shown),
            "  <itemBody>",
            f"    <div>{prompt}</div>",
            f'    <choiceInteraction responseIdentifier="RESPONSE" '
            f'shuffle="{"true" if item.shuffle else "false"}" '
            f'maxChoices="{0 if item.multiple else 1}">',
            *choices,
            "    </choiceInteraction>",
            "  </itemBody>",
            _PROCESSING if shown else f'  <responseProcessing template="{_MATCH}"/>',
            *feedback,
            "</assessmentItem>",
            "",
        ]
    )


_PROCESSING = """\
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


def _feedback(each: Portable, names: list[str]) -> list[str]:
    found = [
        _modal(each, "FEEDBACK", name, option.feedback)
        for name, option in zip(names, each.item.options, strict=True)
        if option.feedback
    ]
    general = each.item.explanation
    if each.item.references:
        general = f"{general}\n\n### References\n\n{each.item.references}".strip()
    return [*found, *([_modal(each, "GENERAL", "shown", general)] if general else [])]


def _modal(each: Portable, outcome: str, name: str, markdown: str) -> str:
    inner = xhtml(each.html(markdown, _folder(each), formulas=False))
    return (
        f'  <modalFeedback outcomeIdentifier="{outcome}" identifier="{name}" showHide="show">'
        f"{inner}</modalFeedback>"
    )


def _choice(each: Portable, option: Choice) -> str:
    return xhtml(each.inline(option.text, _folder(each), formulas=False))


def _folder(each: Portable) -> str:
    return f"{each.question.id}/"


def _attribute(text: str) -> str:
    return escape(re.sub("[\x00-\x1f\ud800-\udfff\ufffe\uffff]", " ", text))
