"""Moodle XML: reads and writes it.

Follows docs.moodle.org/en/Moodle_XML_format. Files are untrusted: a document type or an entity
stops the reading, an image is accepted only after its bytes were checked, and HTML passes an allow
list. Exported texts are HTML, with their images embedded in base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from quizserver.topics.formats.escape import escape_one_line, escape_paragraphs
from quizserver.topics.formats.export_question import ExportedQuestion
from quizserver.topics.formats.gift import ALL_OR_NOTHING, INEXACT_WEIGHTS
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.images import MAX_IMAGE_BYTES
from quizserver.topics.formats.markdown_source import demote_headings, split_references
from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.moodle_conventions import (
    WeightedAnswer,
    category_tag,
    options_from_weights,
    weight_share,
)
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
    "calculated": "asks for a number that is computed anew each time",
}


class _LineTreeBuilder(TreeBuilder):
    """A tree whose elements know their lines, and the questions that are complete so far."""

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
    """Every question of a Moodle XML file; where it breaks off, those before are read."""
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
    for element, line in elements:
        question_type = element.get("type", "")
        if question_type == "category":
            category = category_tag(_element_text(element.find("category")))
            continue
        try:
            yield _read_question(element, line, question_type, category)
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, line)


def _read_question(element: Element, line: int, question_type: str, category: str) -> QuestionData:
    title = " ".join(_element_text(element.find("name")).split())
    if question_type not in ("multichoice", "truefalse", "multichoiceset"):
        reason = _UNSUPPORTED_TYPES.get(question_type, f'is of the kind "{question_type}"')
        message = f"This question {reason}; questions here have options."
        raise UnsupportedQuestionError("unknown-kind", message, "Offer answers to choose from.")
    idnumber = _element_text(element.find("idnumber")).strip()
    images = AttachedImages(
        slugify(title or hex_digest(_element_text(element.find("questiontext"))))
    )
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


def _legacy_image(element: Element, images: AttachedImages) -> str:
    """The image that Moodle 1 kept beside the text of a question."""
    name, data = (element.findtext(tag, "").strip() for tag in ("image", "image_base64"))
    if not name:
        return ""
    if not data:
        message = f'The image "{name[:80]}" is not in the file.'
        raise UnsupportedQuestionError(
            "missing-image", message, "Export the question again from Moodle."
        )
    return f"![{escape_one_line(name)}]({images.add_image(name.replace('/', '_'), data)})"


def _combined_feedback_notes(element: Element) -> list[str]:
    """Feedback for whole answers has no place here: each option has its own."""
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
    """What ``<text>`` inside an element holds; some programs leave that element out."""
    if element is None:
        return ""
    inner = element.find("text")
    if inner is None:
        return element.text or ""
    return "".join(inner.itertext())


def _element_markdown(
    element: Element | None, images: AttachedImages, *, sections: bool = False
) -> str:
    text = _element_text(element)
    if element is None or not text.strip():
        return ""
    format_name = element.get("format") or "html"
    if format_name == "markdown":
        return text.replace("\r\n", "\n").strip()
    if format_name == "plain_text":
        return escape_paragraphs(text)
    relocate = images.image_relocator(element, text)
    if format_name == "moodle_auto_format":
        text = text.strip().replace("\n", "<br>")
    return html_to_markdown(text, relocate, sections=sections)


_PLUGIN_PREFIX = "@@PLUGINFILE@@/"
_DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,(.*)", re.DOTALL)
_FILE_LINK = re.compile(r"<a\b[^<>]*\bhref\s*=\s*[\"']?@@PLUGINFILE@@/([^\"'\s>]*)", re.IGNORECASE)
_EXPORT_AGAIN = "Export the question again from Moodle."


@dataclass
class AttachedImages:
    """The images of one question, named after its ``slug``, by the paths that its texts use."""

    slug: str
    by_path: dict[str, bytes] = field(default_factory=dict)

    def image_relocator(self, element: Element, html: str) -> Callable[[str], str | None]:
        """Where the images of a text lie that an element holds.

        Raises RefusedError when the text links to a file in the element: only images come along.
        """
        link = _FILE_LINK.search(html)
        if link:
            name = unquote(link[1])[:80]
            message = f'This question links to a file in itself, "{name}"; only images come along.'
            raise UnsupportedQuestionError(
                "attached-file", message, "Put it on the web, and link to it there."
            )
        files_by_name = {unquote(file.get("name", "")): file for file in element.findall("file")}
        return lambda url: self._relocate_url(url, files_by_name)

    def _relocate_url(self, url: str, files_by_name: dict[str, Element]) -> str | None:
        data_url = _DATA_URL.match(url)
        if data_url:
            suffix = data_url[1].replace("jpeg", "jpg").removesuffix("+xml")
            return self.add_image(f"picture.{suffix}", data_url[2])
        if not url.startswith(_PLUGIN_PREFIX):
            return url or None
        name = unquote(url.removeprefix(_PLUGIN_PREFIX).partition("?")[0])
        file = files_by_name.get(name)
        if file is None:
            file = files_by_name.get(name.rsplit("/", 1)[-1])
        if file is None:
            message = f'The image "{name[:80]}" is not in the file.'
            raise UnsupportedQuestionError("missing-image", message, _EXPORT_AGAIN)
        if file.get("encoding", "base64") != "base64":
            message = f'The image "{name[:80]}" is not in base64.'
            raise UnsupportedQuestionError("bad-image", message, _EXPORT_AGAIN)
        return self.add_image(name, file.text or "")

    def add_image(self, name: str, encoded: str) -> str:
        """The path beside the question's file for an image called ``name``, in base64.

        Raises RefusedError for one that is too large or is no base64.
        """
        encoded = re.sub(r"\s+", "", encoded)
        if len(encoded) > MAX_IMAGE_BYTES * 4 // 3 + 4:
            message = f'The image "{name[:80]}" is larger than {MAX_IMAGE_BYTES:,} bytes.'
            raise UnsupportedQuestionError("image-size", message, "Make it smaller.")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            message = f'The image "{name[:80]}" cannot be decoded.'
            raise UnsupportedQuestionError("bad-image", message, _EXPORT_AGAIN) from None
        stem, dot, suffix = name.rpartition(".")
        ending = f".{suffix.lower()}"
        path = f"images/{self.slug}-{slugify(stem) if dot else hex_digest(name, 8)}{ending}"
        if self.by_path.get(path, data) != data:
            path = f"{path.removesuffix(ending)}-{hex_digest(encoded, 8)}{ending}"
        self.by_path[path] = data
        return path


_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_moodle(questions: Sequence[ExportedQuestion]) -> bytes:
    """One ``<quiz>`` of all questions, a category for each topic."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>"]
    topic = None
    for exported in questions:
        if exported.question.topic != topic:
            topic = exported.question.topic
            path = escape(f"$course$/top/{topic}")
            parts.append(
                f'<question type="category"><category><text>{path}</text></category></question>'
            )
        parts.append(_write_question(exported))
    return ("\n".join([*parts, "</quiz>"]) + "\n").encode("utf-8")


def _write_question(exported: ExportedQuestion) -> str:
    data = exported.data
    if data.multiple:
        exported.add_omission(ALL_OR_NOTHING)
    general = exported.data.explanation
    if data.references:
        general = f"{general}\n\n### References\n\n{data.references}".strip()
    weight = weight_share(sum(option.right for option in data.options))
    if sum(option.right for option in data.options) > 10:
        exported.add_omission(INEXACT_WEIGHTS)
    tags = "".join(f"<tag><text>{_escape_xml(tag)}</text></tag>" for tag in data.tags)
    lines = [
        '<question type="multichoice">',
        f"  <name><text>{_escape_xml(exported.question.title)}</text></name>",
        f"  {_write_text(exported, 'questiontext', exported.prompt)}",
        f"  {_write_text(exported, 'generalfeedback', general)}",
        "  <defaultgrade>1</defaultgrade>",
        "  <penalty>0.3333333</penalty>",
        "  <hidden>0</hidden>",
        f"  <idnumber>{_escape_xml(exported.question.id)}</idnumber>",
        f"  <single>{'false' if data.multiple else 'true'}</single>",
        f"  <shuffleanswers>{'true' if data.shuffle else 'false'}</shuffleanswers>",
        "  <answernumbering>none</answernumbering>",
        *(f"  {_write_answer(exported, option, weight)}" for option in data.options),
        *(f"  {_write_text(exported, 'hint', hint)}" for hint in data.hints),
        *([f"  <tags>{tags}</tags>"] if tags else []),
        "</question>",
    ]
    return "\n".join(lines)


def _write_answer(exported: ExportedQuestion, option: OptionData, weight: str) -> str:
    wrong_fraction = "-100" if exported.data.multiple else "0"
    fraction = weight if option.right else wrong_fraction
    inner = _text_with_files(exported, option.text) + _write_text(
        exported, "feedback", option.feedback
    )
    return f'<answer fraction="{fraction}" format="html">{inner}</answer>'


def _write_text(exported: ExportedQuestion, name: str, markdown: str) -> str:
    return f'<{name} format="html">{_text_with_files(exported, markdown)}</{name}>'


def _text_with_files(exported: ExportedQuestion, markdown: str) -> str:
    """``<text>`` with its HTML, and ``<file>`` for each image in it."""
    rendered = exported.render_html(markdown, "@@PLUGINFILE@@/") if markdown.strip() else ""
    files = "".join(
        f'<file name="{_escape_xml(image.path)}" path="/" encoding="base64">'
        f"{base64.b64encode(image.data).decode()}</file>"
        for image in exported.images.values()
        if f'"@@PLUGINFILE@@/{image.path}"' in rendered
    )
    safe = _UNWRITABLE.sub("\ufffd", rendered).replace("]]>", "]]]]><![CDATA[>")
    return f"<text><![CDATA[{safe}]]></text>{files}" if safe else "<text></text>"


def _escape_xml(text: str) -> str:
    return escape(_UNWRITABLE.sub("\ufffd", text))
