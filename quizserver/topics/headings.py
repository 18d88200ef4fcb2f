"""Headings, and which of them begin a section of a question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from quizserver.topics.list_lines import item_starts
from quizserver.topics.scan import Kind, Scan

_ATX = re.compile(
    r"^(?P<lead> {0,3}(?P<marks>#{1,6})(?:[ \t]+|$))(?P<text>.*?)(?:[ \t]+#+)?[ \t]*$"
)
# Whoever writes ##Answer means the section; no other text becomes a heading without the space.
_UNSPACED = re.compile(
    r"^(?P<lead> {0,3}(?P<marks>#{1,6}))"
    r"(?P<text>(?:hint|answer|explanation|references?)s?(?:[ \t]*\d+)?[ \t]*:?)[ \t]*#*[ \t]*$",
    re.IGNORECASE,
)
_ATTRIBUTES = re.compile(r"[ \t]*\{:?[ \t]*[#.][^{}]*\}$")  # an id or a class
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_SECTION = re.compile(
    r"(?P<name>hint|answer|explanation|references?)s?(?:[ \t]*#?\d+)?[ \t]*[:.]?", re.IGNORECASE
)


class Name(Enum):
    """What a section of a question is; only stem and hints may be seen before an answer."""

    STEM = "stem"
    HINT = "hint"
    ANSWER = "answer"
    REFERENCES = "references"
    UNKNOWN = "unknown"
    AFTER_OPTIONS = "after options"


SECTION_NAMES = ("Hint", "Answer", "Explanation", "References")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str
    line: int
    column: int
    last: int  # its last line: one more than ``line`` when underlined


def headings(source: Scan) -> list[Heading]:
    """Every heading outside code and lists, in order."""
    found: list[Heading] = []
    for index, line in enumerate(source.lines):
        if source.kinds[index] is not Kind.PROSE:
            continue
        match = _ATX.match(line) or _UNSPACED.match(line)
        if match:
            column = len(match["lead"]) + 1
            level = len(match["marks"])
            found.append(
                Heading(
                    level, _ATTRIBUTES.sub("", match["text"].strip()), index + 1, column, index + 1
                )
            )
        elif _is_underlined(source, index):
            level = 1 if source.lines[index + 1].lstrip().startswith("=") else 2
            column = len(line) - len(line.lstrip()) + 1
            found.append(Heading(level, line.strip(), index + 1, column, index + 2))
    return found


def _is_underlined(source: Scan, index: int) -> bool:
    lines = source.lines
    if index + 1 >= len(lines) or not lines[index].strip() or item_starts(lines[index]):
        return False
    if lines[index][:4].strip(" \t") == "" or lines[index].lstrip().startswith((">", "|", "#")):
        return False
    alone = index == 0 or not lines[index - 1].strip() or source.kinds[index - 1] is not Kind.PROSE
    below = source.kinds[index + 1] is Kind.PROSE and _SETEXT.match(lines[index + 1])
    return alone and bool(below)


def section_name(text: str) -> Name | None:
    """What section a heading of this text begins, if one."""
    match = _SECTION.fullmatch(re.sub(r"[*_`]", "", text).strip())
    if match is None:
        return None
    word = match["name"].lower()
    if word == "hint":
        return Name.HINT
    return Name.REFERENCES if word.startswith("reference") else Name.ANSWER
