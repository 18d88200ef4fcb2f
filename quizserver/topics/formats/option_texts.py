"""Questions of banks whose texts name no format: Aiken and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from quizserver.topics.formats.embedded_images import EmbeddedImages
from quizserver.topics.formats.markdown_source import demote_headings
from quizserver.topics.formats.model import OptionData, QuestionData
from quizserver.topics.formats.moodle.auto_format import auto_format_to_markdown
from quizserver.topics.formats.titles import choose_title
from quizserver.topics.slugs import hex_digest, slugify

# Options that speak of others by their letter or place lose their meaning in another order.
NAMES_OTHERS = re.compile(
    r"\b(?:all|none|both|neither|any|some) of (?:the|these|those)\b|\b(?:above|below)\b"
    r"|\b[A-H]\)?(?:,| and| or| &)+ \(?[A-H]\b|^(?:true|false|yes|no)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PlainQuestion:
    """A question whose texts are plain or hold HTML; ``right`` are indices of ``options``."""

    text: str
    options: tuple[str, ...]
    right: frozenset[int]
    line: int
    title: str = ""
    explanation: str = ""
    references: str = ""
    hint: str = ""
    tags: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def build_plain_question(question: PlainQuestion) -> QuestionData:
    """The question in our markdown. Raises UnsupportedQuestionError for HTML that cannot be."""
    images = EmbeddedImages(slugify(question.title or hex_digest(question.text)))

    def to_markdown(text: str) -> str:
        return auto_format_to_markdown(text, lambda url: images.relocate_data_url(url) or url)

    heading, stem = choose_title(" ".join(question.title.split()), to_markdown(question.text))
    feedback = (*question.feedback, *[""] * len(question.options))
    return QuestionData(
        title=heading,
        stem=demote_headings(stem),
        options=tuple(
            OptionData(to_markdown(text), index in question.right, to_markdown(feedback[index]))
            for index, text in enumerate(question.options)
        ),
        line=question.line,
        hints=(to_markdown(question.hint),) if question.hint else (),
        explanation=demote_headings(to_markdown(question.explanation)),
        references=to_markdown(question.references),
        tags=question.tags,
        shuffle=not any(NAMES_OTHERS.search(text.strip()) for text in question.options),
        images=images.by_path,
        notes=question.notes,
    )
