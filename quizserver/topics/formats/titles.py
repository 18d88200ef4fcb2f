"""Chooses a question's title from its text, where the bank gives it none of its own."""

from __future__ import annotations

import re

from quizserver.topics.formats.escape import escape_one_line
from quizserver.topics.markdown import MarkdownSlice, SourceLine
from quizserver.topics.render import unlinked_text
from quizserver.visible_text import has_visible_character

MAX_TITLE_LENGTH = 200
_MORE_THAN_A_LINE = re.compile(
    r"^(?:[-*+]\s|[>#]|<(?:table|details|dl|div|img)\b|`{3}|~{3}|\d+[.)]\s|!\[|\$\$)|<br>|!\[|\n"
)


def choose_title(title: str, question: str) -> tuple[str, str]:
    """The title and the stem as markdown, from a title in plain text and the question's markdown.

    Where both have the same text, the question becomes the title, and there is no stem.
    """
    if not has_visible_character(title):
        return split_title(question)
    is_short = len(question) < 4 * len(title) + 200 and not _MORE_THAN_A_LINE.search(question)
    if is_short and rendered_title(question) == title:
        return question, ""
    return escape_one_line(title), question


def rendered_title(markdown: str) -> str:
    """The plain text of a title in markdown."""
    return unlinked_text(MarkdownSlice((SourceLine(0, markdown),)))


def split_title(question: str) -> tuple[str, str]:
    """Splits the markdown of a whole question into a title and a stem.

    The first paragraph is the title where it is one short line. A longer one stays in the stem, and
    the title is its beginning.
    """
    first, _, rest = question.strip().partition("\n\n")
    if len(first) <= MAX_TITLE_LENGTH and first and not _MORE_THAN_A_LINE.search(first):
        return first, rest.strip()
    for line in question.strip().split("\n"):
        words = " ".join(line.replace("<br>", " ").split())
        if words and not _MORE_THAN_A_LINE.search(words):
            return _shorten_line(words), question.strip()
    return "Question", question.strip()


def _shorten_line(line: str) -> str:
    """At most 100 characters of ``line``, ending with a word and without an unpaired sign."""
    if len(line) > 100:
        line = line[:100].rsplit(" ", 1)[0]
        unpaired = [sign for sign in ("`", "$", "*", "[") if sign in line]
        line = line[: min(line.index(sign) for sign in unpaired)] if unpaired else line
        line = line.rstrip(" \\&;,.:") + " …"
    return line if line != " …" else "Question"
