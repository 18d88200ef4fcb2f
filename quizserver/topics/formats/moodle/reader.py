"""Reads Moodle XML.

Follows docs.moodle.org/en/Moodle_XML_format. Files are untrusted: one with a document type or an
entity is refused, images are checked by their bytes, and HTML by an allow list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from quizserver.topics.formats.embedded_images import EmbeddedImages, relocate_markdown_images
from quizserver.topics.formats.escape import escape_one_line, escape_paragraphs
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.markdown_source import demote_headings, split_references
from quizserver.topics.formats.model import QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.moodle.auto_format import auto_format_to_markdown
from quizserver.topics.formats.moodle.conventions import (
    WeightedAnswer,
    category_tag,
    options_from_weights,
)
from quizserver.topics.formats.moodle.files import EXPORT_AGAIN, element_relocator
from quizserver.topics.formats.moodle.multilang import LanguageChooser
from quizserver.topics.formats.titles import choose_title
from quizserver.topics.model import Diagnostic
from quizserver.topics.slugs import hex_digest, slugify

_UNSUPPORTED_TYPES = {
    "numerical": "asks for a number",
    "shortanswer": "asks for a short text",
    "matching": "asks for pairs",
    "match": "asks for pairs",
    "essay": "is an essay",
    "description": "is a description without answers",
    "cloze": "has gaps of several kinds",
    "calculated": "asks for a number that is computed again each time",
}


class _LineTreeBuilder(TreeBuilder):
    """Collects the complete questions of a file, each with the line where it begins."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[tuple[Element, int]] = []
        self.root_tag: str | None = None
        self.expat: Any = None
        self._open_elements: list[tuple[str, int]] = []

    def start(self, tag: Any, attrs: Any) -> Element:
        self.root_tag = self.root_tag if self.root_tag is not None else str(tag)
        self._open_elements.append((str(tag), int(self.expat.CurrentLineNumber)))
        return super().start(tag, attrs)

    def end(self, tag: Any) -> Element:
        element = super().end(tag)
        _, line = self._open_elements.pop()
        if tag == "question" and len(self._open_elements) == 1:
            self.questions.append((element, line))
        return element


def read_moodle(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of a Moodle XML file, also those before a syntax error."""
    builder = _LineTreeBuilder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    builder.expat = parser.parser
    syntax_problem: Diagnostic | None = None
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException:
        message = "This file declares a document type or entities, which no question needs."
        yield Diagnostic(1, 1, "forbidden-xml", message, "Take the declaration out.", path=name)
        return
    except (ParseError, ValueError, LookupError) as error:
        line, column = getattr(error, "position", (1, 0))
        hint = "Export the file again; the questions above this line were read."
        message = f"The XML is not well formed here: {error}."
        syntax_problem = Diagnostic(line, column + 1, "bad-xml", message, hint, path=name)
    if builder.root_tag not in (None, "quiz") and syntax_problem is None:
        root_name = str(builder.root_tag).rpartition("}")[2][:40]
        message = f"This is no Moodle XML: it begins with <{root_name}>, not <quiz>."
        yield Diagnostic(
            1, 1, "not-moodle-xml", message, "Export from Moodle as Moodle XML.", path=name
        )
        return
    yield from _read_questions(name, builder.questions)
    if syntax_problem is not None:
        yield syntax_problem


def _read_questions(
    name: str, elements: list[tuple[Element, int]]
) -> Iterator[QuestionData | Diagnostic]:
    category = ""
    languages = LanguageChooser()
    for element, line in elements:
        question_type = element.get("type", "")
        if question_type == "category":
            category = category_tag(_element_text(element.find("category")))
            continue
        try:
            _choose_languages(element, languages)
            question = _read_question(element, line, question_type, category)
            yield replace(question, notes=(*question.notes, *languages.take_notes()))
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, line)


def _choose_languages(element: Element, languages: LanguageChooser) -> None:
    """Leaves one language in each text of a question."""
    languages.take_notes()
    for text in element.iter("text"):
        if text.text:
            text.text = languages.choose(text.text)


def _read_question(element: Element, line: int, question_type: str, category: str) -> QuestionData:
    title = " ".join(_element_text(element.find("name")).split())
    if question_type not in ("multichoice", "truefalse", "multichoiceset"):
        reason = _UNSUPPORTED_TYPES.get(question_type, f'is of the kind "{question_type}"')
        message = f"This question {reason}; questions here have options."
        raise UnsupportedQuestionError("unknown-kind", message, "Offer answers to choose from.")
    idnumber = _element_text(element.find("idnumber")).strip()
    slug = slugify(title or hex_digest(_element_text(element.find("questiontext"))))
    images = EmbeddedImages(slug, mend_hint=EXPORT_AGAIN)
    question = "\n\n".join(
        text
        for text in (
            _element_markdown(element.find("questiontext"), images),
            _legacy_image(element, images),
        )
        if text
    )
    answers = [
        WeightedAnswer(
            _true_or_false(_element_text(answer))
            if question_type == "truefalse"
            else _element_markdown(answer, images),
            _read_fraction(answer),
            _element_markdown(answer.find("feedback"), images),
        )
        for answer in element.findall("answer")
    ]
    single = question_type == "truefalse" or _read_flag(element.find("single"), True)
    options, notes = options_from_weights(answers, single=single)
    general = _element_markdown(element.find("generalfeedback"), images, sections=True)
    explanation, references = split_references(general)
    heading, question = choose_title(title, question)
    hints = [
        _element_markdown(
            hint if hint.find("hintcontent") is None else hint.find("hintcontent"), images
        )
        for hint in element.findall("hint")
    ]
    tags = [" ".join(_element_text(tag).split()) for tag in element.findall("tags/tag")]
    return QuestionData(
        title=heading,
        stem=demote_headings(question),
        options=options,
        line=line,
        hints=tuple(hint for hint in hints if hint),
        explanation=explanation,
        references=references,
        tags=tuple(dict.fromkeys(tag for tag in (tags or [category]) if tag)),
        shuffle=question_type != "truefalse" and _read_flag(element.find("shuffleanswers"), True),
        id=idnumber or None,
        images=images.by_path,
        notes=(*notes, *_combined_feedback_notes(element)),
    )


def _legacy_image(element: Element, images: EmbeddedImages) -> str:
    """The image that Moodle 1 kept beside the text of a question."""
    name, data = (element.findtext(tag, "").strip() for tag in ("image", "image_base64"))
    if not name:
        return ""
    if not data:
        message = f'The image "{name[:80]}" is not in the file.'
        raise UnsupportedQuestionError("missing-image", message, EXPORT_AGAIN)
    return f"![{escape_one_line(name)}]({images.add_base64(name.replace('/', '_'), data)})"


def _combined_feedback_notes(element: Element) -> list[str]:
    """Notes feedback on whole answers that is left behind, since each option has its own here."""
    names = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
    defaults = ("", "your answer is correct", "your answer is partially correct")
    texts = [
        re.sub(r"<[^>]*>", "", _element_text(element.find(name))).strip(" .\n") for name in names
    ]
    custom_texts = [
        text for text in texts if text.lower() not in (*defaults, "your answer is incorrect")
    ]
    return (
        ["the feedback for right, partly right and wrong answers as a whole"]
        if custom_texts
        else []
    )


def _true_or_false(text: str) -> str:
    word = text.strip().lower()
    return {"true": "True", "false": "False"}.get(word) or escape_one_line(text)


def _read_fraction(answer: Element) -> float:
    try:
        value = float(answer.get("fraction", "0"))
    except ValueError:
        value = float("nan")
    if not -1000 <= value <= 1000:
        message = f'"{answer.get("fraction", "")[:40]}" is no percentage.'
        raise UnsupportedQuestionError("bad-fraction", message, "Write a number from -100 to 100.")
    return value


def _read_flag(element: Element | None, default: bool) -> bool:
    word = (element.text or "").strip().lower() if element is not None else ""
    return word in ("1", "true", "yes") if word else default


def _element_text(element: Element | None) -> str:
    """The text of the ``<text>`` inside an element; some programs omit that element."""
    if element is None:
        return ""
    inner = element.find("text")
    if inner is None:
        return element.text or ""
    return "".join(inner.itertext())


def _element_markdown(
    element: Element | None, images: EmbeddedImages, *, sections: bool = False
) -> str:
    text = _element_text(element)
    if element is None or not text.strip():
        return ""
    format_name = element.get("format") or "html"
    if format_name == "plain_text":
        return escape_paragraphs(text)
    relocate = element_relocator(images, element, text)
    if format_name == "markdown":
        return relocate_markdown_images(text.replace("\r\n", "\n").strip(), relocate)
    if format_name == "moodle_auto_format":
        return auto_format_to_markdown(text, relocate)
    return html_to_markdown(text, relocate, sections=sections)
