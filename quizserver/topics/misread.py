"""What was meant to be front matter, an option or feedback, and is read as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quizserver.topics.list_lines import item_starts, scan_body
from quizserver.topics.options import STRAY, Item, read_list
from quizserver.topics.parse import QuestionFields, Section
from quizserver.topics.scan import FRONT_KEY, Kind
from quizserver.topics.text import Flaw

_DASHES = re.compile(r"^\s*[-\u2010-\u2015\u2212]+\s*$")


def front_flaws(fields: QuestionFields) -> Iterator[Flaw]:
    """Front matter that is none, since another line stands where its fence should be."""
    lines = fields.source.lines
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if fields.front or not _DASHES.match(lines[first]) or first + 1 == len(lines):
        return
    if FRONT_KEY.match(lines[first + 1]):
        message = "The front matter that seems to begin here is not read as such."
        hint = "Put three hyphens, ---, and nothing else into the first line of the file."
        yield Flaw(first + 1, 1, "unread-front-matter", message, hint, True)


def boxes_in_stem(fields: QuestionFields) -> Iterator[Flaw]:
    """What was meant to be an option and is none: its box would show learners the key."""
    stem = fields.sections[0]
    for number, line in enumerate(stem.text.split("\n"), stem.line):
        if fields.source.kinds[number - 1] is Kind.PROSE and (found := STRAY.match(line)):
            message = "This is not read as an option, but as a part of the question."
            hint = "Begin each option with a hyphen, a space and its box: - [x] or - [ ]."
            yield Flaw(number, found.start(1) + 1, "malformed-box", message, hint, True)


def boxes_in_hint(fields: QuestionFields, section: Section) -> Iterator[Flaw]:
    source = fields.source
    for index in range(section.line - 1, section.line - 1 + len(section.text.split("\n"))):
        if source.kinds[index] is Kind.PROSE and item_starts(source.lines[index]):
            items = read_list(source, index, index + 1).items
            if items and items[0].is_task and items[0].spaced:
                message = "A task list in a hint would show the key."
                hint = "Move it into the stem, or write the items without boxes."
                at = (items[0].line, items[0].column)
                yield Flaw(*at, "task-list-in-hint", message, hint, True)
                return


def goes_on(item: Item, line: int) -> bool:
    """Whether the paragraph that ends with an id in ``line`` has another line."""
    kinds = scan_body(item.body).kinds
    return any(
        each.number == line + 1 and kind is Kind.PROSE and each.text.strip()
        for each, kind in zip(item.body, kinds, strict=True)
    )
