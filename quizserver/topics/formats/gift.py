"""Reads GIFT, Moodle's plain text format.

Follows docs.moodle.org/en/GIFT_format and, where that is silent, what Moodle's own importer does:
blank lines separate questions, the first { and the first } enclose the answers, an answer begins
with = or ~, and a backslash escapes : # = { } ~ and itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from quizserver.topics.formats.embedded_images import EmbeddedImages, relocate_markdown_images
from quizserver.topics.formats.escape import escape_paragraphs
from quizserver.topics.formats.html_to_markdown import html_to_markdown
from quizserver.topics.formats.markdown_source import demote_headings, split_references
from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.moodle.auto_format import auto_format_to_markdown
from quizserver.topics.formats.moodle.conventions import (
    WeightedAnswer,
    category_tag,
    options_from_weights,
)
from quizserver.topics.formats.moodle.files import PLUGIN_PREFIX
from quizserver.topics.formats.moodle.multilang import LanguageChooser
from quizserver.topics.formats.text_banks import decode_text_bank
from quizserver.topics.formats.titles import choose_title
from quizserver.topics.model import Diagnostic
from quizserver.topics.slugs import hex_digest, slugify

_GAP = "\uf8f0"  # the place of a missing word while its text is converted
_FORMAT_NAME = re.compile(r"\[(html|markdown|plain|moodle)\]", re.IGNORECASE)
_WEIGHT = re.compile(r"%(-*\d{1,3}(?:\.\d*)?)%")
# Moodle knows no weight behind =, but those who write one mean it.
_PARTIAL_RIGHT = re.compile(r"=\s*%(?!100(?:\.0*)?%)\d{1,3}(?:\.\d*)?%")
_ESCAPE = re.compile(r"\\([:#={}~\\n])")
# The macros of LaTeX whose first two characters GIFT takes for a newline.
_N_MACRO = re.compile(
    r"(?<!\\)\\n(?=(?:abla|ot(?:in)?|eq?|eg|u|i|mid|atural|earrow|warrow|leq|geq|less|gtr|sim|cong|"
    r"parallel|prec|succ|(?:sub|sup)seteq|vdash|exists|(?:left|right|Left|Right)arrow|onumber)"
    r"(?![A-Za-z]))"
)
_FORMULA = re.compile(r"\\\\?\(.+?\\\\?\)|\\\\?\[.+?\\\\?\]|\$\$.+?\$\$", re.DOTALL)
_MASK = "\ufffc"
_ID_OR_TAG = re.compile(r"\[(id|tag):((?:[^\]\\]|\\.)*)\]")


def read_gift(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of a GIFT file, or why it cannot be imported."""
    text, problems = decode_text_bank(name, data)
    yield from problems
    category = ""
    languages = LanguageChooser()
    for block in _split_blocks(text):
        block_text = "\n".join(block.lines).strip()
        while block_text.startswith("$CATEGORY:"):
            first, _, rest = block_text.partition("\n")
            category = first.removeprefix("$CATEGORY:").strip()
            block.line += 1 + len(rest) - len(rest.lstrip("\n"))
            block_text = rest.strip()
        if not block_text:
            continue
        try:
            question = _read_block(block_text, block, category, languages)
            yield replace(question, notes=(*question.notes, *languages.take_notes()))
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, block.line)


def _read_block(
    text: str, block: _GiftBlock, category: str, languages: LanguageChooser
) -> QuestionData:
    languages.take_notes()
    title = ""
    masked = _mask_escapes(text)
    if masked.startswith("::") and "::" in masked[2:]:
        end = masked.index("::", 2)
        title = languages.choose(_unescape_gift(text[2:end]))
        text = text[end + 2 :].strip()
        masked = _mask_escapes(text)
    start, end = masked.find("{"), masked.find("}")
    if start < 0 and end < 0:
        message = "This text has no answers: it is a description, or an unfinished question."
        raise UnsupportedQuestionError("no-answers", message, "Add answers between { and }.")
    if start < 0 or end < start:
        message = "The braces around the answers do not match."
        hint = "Write { before the answers and } behind them; \\{ and \\} in a text."
        raise UnsupportedQuestionError("brace-mismatch", message, hint)
    if re.search(r"[{}]", masked[end + 1 :]):
        message = "This question has answers in two places, or an unescaped brace."
        hint = "Leave a blank line between questions; write \\{ and \\} for braces in a text."
        raise UnsupportedQuestionError("brace-mismatch", message, hint)
    texts = (text[:start], text[end + 1 :])
    return _build_question(title, texts, text[start + 1 : end], block, category, languages)


def _build_question(
    title: str,
    texts: tuple[str, str],
    answers: str,
    block: _GiftBlock,
    category: str,
    languages: LanguageChooser,
) -> QuestionData:
    format_match = _FORMAT_NAME.match(texts[0].strip())
    slug = slugify(title or hex_digest("".join(texts)))
    converter = _TextConverter(
        format_match[1].lower() if format_match else "moodle", EmbeddedImages(slug), languages
    )
    gap = _GAP if texts[1].strip() else ""
    question = converter.to_markdown(gap.join(texts)).replace(_GAP, "\\_" * 5)
    masked = _mask_escapes(answers)
    general_start = masked.rfind("####")
    general = converter.to_markdown(answers[general_start + 4 :]) if general_start >= 0 else ""
    answers = (answers[:general_start] if general_start >= 0 else answers).strip()
    options, notes, shuffle = _read_options(answers, converter)
    heading, question = choose_title(" ".join(title.split()), question)
    explanation, references = split_references(general)
    tags = block.tags or [part for part in [category_tag(category)] if part]
    return QuestionData(
        title=heading,
        stem=demote_headings(question),
        options=options,
        line=block.line,
        explanation=demote_headings(explanation),
        references=references,
        tags=tuple(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip())),
        shuffle=shuffle,
        id=block.id,
        images=converter.images.by_path,
        notes=notes,
    )


def _read_options(
    answers: str, converter: _TextConverter
) -> tuple[tuple[OptionData, ...], tuple[str, ...], bool]:
    """The options, notes on what is left behind, and whether the order may change."""
    masked = _mask_escapes(answers)
    if not masked:
        raise UnsupportedQuestionError(
            "essay", "This is an essay: nobody but a person can grade it."
        )
    if masked.startswith("#"):
        message = "This question asks for a number; questions here have options."
        raise UnsupportedQuestionError("numerical", message, "Offer some numbers as options.")
    true_false = re.match(r"(T|TRUE|F|FALSE)\s*(?=#|$)", masked)
    if true_false:
        is_true = true_false[1].startswith("T")
        return _true_false_options(is_true, answers, converter), (), False
    if "~" in masked:
        weighted = [_read_answer(part, converter) for part in _split_answers(answers)]
        if weighted and ("=" not in masked or _PARTIAL_RIGHT.search(masked)):
            return (*options_from_weights(weighted, single=False), True)
        return (*options_from_weights(weighted, single=True), True)
    if "->" in masked:
        message = "This question asks for pairs; questions here have options."
        raise UnsupportedQuestionError(
            "matching", message, "Ask about one pair, and offer partners for it."
        )
    message = "This question asks for a short text; questions here have options."
    raise UnsupportedQuestionError("short-answer", message, "Add wrong answers, each after a ~.")


def _true_false_options(
    is_true: bool, answers: str, converter: _TextConverter
) -> tuple[OptionData, ...]:
    wrong_text, right_text = [
        *[converter.to_markdown(part) for part in _split_at_hash(answers, 3)[1:]],
        "",
        "",
    ][:2]
    feedback = (right_text, wrong_text) if is_true else (wrong_text, right_text)
    return OptionData("True", is_true, feedback[0]), OptionData("False", not is_true, feedback[1])


def _split_answers(answers: str) -> Iterator[str]:
    """The answers, each beginning with its ``=`` or ``~``."""
    starts = [match.start() for match in re.finditer("[=~]", _mask_escapes(answers))]
    if answers[: starts[0]].strip():
        message = "There is text before the first answer."
        raise UnsupportedQuestionError(
            "text-before-answers", message, "Begin each answer with = or ~."
        )
    for start, end in zip(starts, [*starts[1:], len(answers)], strict=True):
        part = answers[start:end].strip()
        if part == "~" and answers[end : end + 1] == "=":
            continue  # ~= is how some programs write a right answer
        yield part


def _read_answer(part: str, converter: _TextConverter) -> WeightedAnswer:
    weight = 100.0 if part.startswith("=") else 0.0
    rest = part[1:].strip()
    weight_match = _WEIGHT.match(rest)
    if weight_match:
        sign = -1 if weight_match[1].startswith("-") else 1
        weight = sign * float(weight_match[1].lstrip("-"))
        rest = rest[weight_match.end() :]
    text, feedback = [*_split_at_hash(rest, 2), ""][:2]
    return WeightedAnswer(converter.to_markdown(text), weight, converter.to_markdown(feedback))


def _split_at_hash(text: str, limit: int) -> list[str]:
    """Splits ``text`` at its unescaped ``#`` into at most ``limit`` pieces."""
    hashes = [match.start() for match in re.finditer("#", _mask_escapes(text))][: limit - 1]
    edges = [-1, *hashes, len(text)]
    return [text[start + 1 : end] for start, end in pairwise(edges)]


@dataclass
class _TextConverter:
    """Converts the texts of one question to markdown, and collects the images in them.

    ``default_format`` is what a text is in that names no format: that of the question's text.
    """

    default_format: str
    images: EmbeddedImages
    languages: LanguageChooser

    def to_markdown(self, text: str) -> str:
        text = text.strip()
        format_match = _FORMAT_NAME.match(text)
        format_name = format_match[1].lower() if format_match else self.default_format
        raw = _unescape_gift(text[format_match.end() :] if format_match else text)
        raw = self.languages.choose(raw)
        if format_name == "plain":
            return escape_paragraphs(raw)
        if format_name == "markdown":
            return relocate_markdown_images(raw, self._relocate_image)
        if format_name == "html":
            return html_to_markdown(raw, self._relocate_image)
        return auto_format_to_markdown(raw, self._relocate_image)

    def _relocate_image(self, url: str) -> str | None:
        """The path of an image; those in files of Moodle are looked for beside the bank."""
        path = self.images.relocate_data_url(url) or url.removeprefix(PLUGIN_PREFIX)
        return path or None


@dataclass
class _GiftBlock:
    """Lines without a blank line between them, and the id and tags in their comments."""

    line: int
    lines: list[str] = field(default_factory=list)
    id: str | None = None
    tags: list[str] = field(default_factory=list)


def _split_at_blank_lines(text: str) -> Iterator[_GiftBlock]:
    """Splits a GIFT text at its blank lines, and empties the lines of comments."""
    block = _GiftBlock(1)
    for number, line in enumerate([*text.split("\n"), ""], 1):
        stripped = line.strip()
        if stripped.startswith("//"):
            for key, value in _ID_OR_TAG.findall(stripped):
                if key == "id":
                    block.id = _unescape_gift(value)
                else:
                    block.tags.append(_unescape_gift(value))
            if block.lines:
                block.lines.append("")
        elif stripped:
            if not block.lines:
                block.line = number
            block.lines.append(line)
        elif block.lines:
            yield block
            block = _GiftBlock(number)


def _split_blocks(text: str) -> Iterator[_GiftBlock]:
    """The questions of a GIFT text; a blank line inside the answers does not split them."""
    pieces = list(_split_at_blank_lines(text))
    index = 0
    while index < len(pieces):
        block = pieces[index]
        end = index + 1
        if _unescaped_braces(block)[-1:] == "{":
            for ahead in range(index + 1, min(index + 50, len(pieces))):
                braces = _unescaped_braces(pieces[ahead])
                if pieces[ahead].lines[0].lstrip().startswith(("::", "$CATEGORY:")):
                    break
                if braces:
                    end = ahead + 1 if braces.startswith("}") else end
                    break
        for continuation in pieces[index + 1 : end]:
            block.lines += ["", *continuation.lines]
        yield block
        index = end


def _unescaped_braces(block: _GiftBlock) -> str:
    return re.sub(r"[^{}]", "", _mask_escapes("\n".join(block.lines)))


def _mask_escapes(text: str) -> str:
    """Hides escaped characters, each by one other, so that offsets stay valid."""
    return _ESCAPE.sub(_MASK * 2, text)


def _unescape_gift(text: str) -> str:
    """``text`` without its escapes, and without white space at its ends.

    In a formula ``\\nabla`` is the macro that its author meant, and no newline before "abla".
    """
    if "\\n" in text:
        text = _FORMULA.sub(lambda formula: _N_MACRO.sub(r"\\\\n", formula[0]), text)
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], text).strip()
