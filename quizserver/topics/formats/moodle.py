"""Moodle XML: reading it.

Follows docs.moodle.org/en/Moodle_XML_format. The file is hostile until shown otherwise: a document
type or an entity ends the reading, images count only once their bytes were looked at, and HTML goes
through an allow list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from quizserver.topics.formats.categories import tag_of
from quizserver.topics.formats.compose import demoted, split_references
from quizserver.topics.formats.escape import one_line, paragraph
from quizserver.topics.formats.headline import titled
from quizserver.topics.formats.model import Item, RefusedError
from quizserver.topics.formats.moodle_files import Attached
from quizserver.topics.formats.to_markdown import to_markdown
from quizserver.topics.formats.weights import Weighed, weigh
from quizserver.topics.identity import digest, slug
from quizserver.topics.model import Problem

_KINDS = {
    "numerical": "asks for a number",
    "shortanswer": "asks for a short text",
    "matching": "asks for pairs",
    "match": "asks for pairs",
    "essay": "is an essay",
    "description": "is a description without answers",
    "cloze": "has gaps of several kinds",
    "calculated": "asks for a number that is computed anew each time",
}


class _Lines(TreeBuilder):
    """A tree whose elements know their lines, and the questions that are complete so far."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[tuple[Element, int]] = []
        self.root: str | None = None
        self.expat: Any = None
        self._open: list[tuple[str, int]] = []

    def start(self, tag: Any, attrs: Any) -> Element:
        self.root = self.root if self.root is not None else str(tag)
        self._open.append((str(tag), int(self.expat.CurrentLineNumber)))
        return super().start(tag, attrs)

    def end(self, tag: Any) -> Element:
        element = super().end(tag)
        _, line = self._open.pop()
        if tag == "question" and len(self._open) == 1:
            self.questions.append((element, line))
        return element


def read_moodle(name: str, data: bytes) -> Iterator[Item | Problem]:
    """Every question of a Moodle XML file; where it breaks off, those before are read."""
    builder = _Lines()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.expat = parser.parser
    broken: Problem | None = None
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException:
        message = "This file declares a document type or entities, which no question needs."
        yield Problem(name, 1, 1, "forbidden-xml", message, "Take the declaration out.")
        return
    except (ParseError, ValueError, LookupError) as error:
        line, column = getattr(error, "position", (1, 0))
        hint = "Export the file again; the questions above this line were read."
        message = f"The XML is not well formed here: {error}."
        broken = Problem(name, line, column + 1, "bad-xml", message, hint)
    if builder.root not in (None, "quiz") and broken is None:
        found = str(builder.root).rpartition("}")[2][:40]
        message = f"This is no Moodle XML: it begins with <{found}>, not <quiz>."
        yield Problem(name, 1, 1, "not-moodle-xml", message, "Export from Moodle as Moodle XML.")
        return
    yield from _questions(name, builder.questions)
    if broken is not None:
        yield broken


def _questions(name: str, found: list[tuple[Element, int]]) -> Iterator[Item | Problem]:
    category = ""
    for element, line in found:
        kind = element.get("type", "")
        if kind == "category":
            category = tag_of(_text(element.find("category")))
            continue
        try:
            yield _item(element, line, kind, category)
        except RefusedError as error:
            yield Problem(name, line, 1, error.code, error.message, error.hint)


def _item(element: Element, line: int, kind: str, category: str) -> Item:
    title = " ".join(_text(element.find("name")).split())
    if kind not in ("multichoice", "truefalse", "multichoiceset"):
        what = _KINDS.get(kind, f'is of the kind "{kind}"')
        message = f"This question {what}; questions here have options."
        raise RefusedError("unknown-kind", message, "Offer answers to choose from.")
    idnumber = _text(element.find("idnumber")).strip()
    attached = Attached(slug(title or digest(_text(element.find("questiontext")))))
    question = "\n\n".join(
        text
        for text in (_markdown(element.find("questiontext"), attached), _old(element, attached))
        if text
    )
    answers = [
        Weighed(
            _true_or_false(_text(answer)) if kind == "truefalse" else _markdown(answer, attached),
            _fraction(answer),
            _markdown(answer.find("feedback"), attached),
        )
        for answer in element.findall("answer")
    ]
    single = kind == "truefalse" or _says(element.find("single"), True)
    options, notes = weigh(answers, single=single)
    general = _markdown(element.find("generalfeedback"), attached, sections=True)
    explanation, references = split_references(general)
    heading, question = titled(title, question)
    hints = [
        _markdown(hint if hint.find("hintcontent") is None else hint.find("hintcontent"), attached)
        for hint in element.findall("hint")
    ]
    tags = [" ".join(_text(tag).split()) for tag in element.findall("tags/tag")]
    return Item(
        title=heading,
        stem=demoted(question),
        options=options,
        line=line,
        hints=tuple(hint for hint in hints if hint),
        explanation=explanation,
        references=references,
        tags=tuple(dict.fromkeys(tag for tag in (tags or [category]) if tag)),
        shuffle=kind != "truefalse" and _says(element.find("shuffleanswers"), True),
        id=idnumber or None,
        pictures=attached.pictures,
        notes=(*notes, *_combined(element)),
    )


def _old(element: Element, attached: Attached) -> str:
    """The image that Moodle 1 kept beside the text of a question."""
    name, data = (element.findtext(tag, "").strip() for tag in ("image", "image_base64"))
    if not name:
        return ""
    if not data:
        message = f'The image "{name[:80]}" is not in the file.'
        raise RefusedError("missing-image", message, "Export the question again from Moodle.")
    return f"![{one_line(name)}]({attached.keep(name.replace('/', '_'), data)})"


def _combined(element: Element) -> list[str]:
    """Feedback for whole answers has no place here: each option has its own."""
    names = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
    usual = ("", "your answer is correct", "your answer is partially correct")
    texts = [re.sub(r"<[^>]*>", "", _text(element.find(name))).strip(" .\n") for name in names]
    said = [t for t in texts if t.lower() not in (*usual, "your answer is incorrect")]
    return ["the feedback for right, partly right and wrong answers as a whole"] if said else []


def _true_or_false(text: str) -> str:
    word = text.strip().lower()
    return {"true": "True", "false": "False"}.get(word) or one_line(text)


def _fraction(answer: Element) -> float:
    try:
        value = float(answer.get("fraction", "0"))
    except ValueError:
        value = float("nan")
    if not -1000 <= value <= 1000:
        message = f'"{answer.get("fraction", "")[:40]}" is no percentage.'
        raise RefusedError("bad-fraction", message, "Write a number from -100 to 100.")
    return value


def _says(element: Element | None, otherwise: bool) -> bool:
    word = (element.text or "").strip().lower() if element is not None else ""
    return word in ("1", "true", "yes") if word else otherwise


def _text(element: Element | None) -> str:
    """What ``<text>`` inside an element holds; some programs leave that element out."""
    if element is None:
        return ""
    inner = element.find("text")
    if inner is None:
        return element.text or ""
    return "".join(inner.itertext())


def _markdown(element: Element | None, attached: Attached, *, sections: bool = False) -> str:
    text = _text(element)
    if element is None or not text.strip():
        return ""
    kind = element.get("format") or "html"
    if kind == "markdown":
        return text.replace("\r\n", "\n").strip()
    if kind == "plain_text":
        return paragraph(text)
    relocate = attached.relocate(element, text)
    if kind == "moodle_auto_format":
        text = text.strip().replace("\n", "<br>")
    return to_markdown(text, relocate, sections=sections)
