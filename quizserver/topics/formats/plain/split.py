"""Splits a markdown bank into its questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from quizserver.topics.markdown import section_name

TASK_BOX = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:[-*+]|\d{1,3}[.)])[ \t]*)?"
    r"\\?\[[ \t]*(?P<tick>[xX✓✔]?)[ \t]*\\?\](?P<rest>(?:[ \t].*|[^\s(\[:].*)?)$"
)
_FENCE = re.compile(
    r"^[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?:\[[^\[\]]{0,3}\][ \t]+)?"
    r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})"
)
_HEADING = re.compile(r"^ {0,3}(?P<hashes>#{1,6})[ \t]*(?P<text>.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(?P<line>={2,}|-{2,})[ \t]*$")
_NO_HEADING = re.compile(r"[-*+>|#]|\d+[.)][ \t]+\[|={2,}$|`{3}|~{3}")
_QUESTION_NUMBER = re.compile(
    r"^(?P<open>\*\*|__)?\[?"
    r"(?:(?:Q|Question|Pregunta|Pergunta|Frage|Domanda|Câu)[ \t]*\.?[ \t]*#?\d+"
    r"[ \t]*[.):：．、。\-–]*"
    r"|(?:[A-Z]?|[^\W\d_\x00-\x7f]{1,10}[ \t]*)\d+[ \t]*[.):：．、。])"
    r"\]?(?P<close>\*\*|__)?[.:)]?"
    r"(?:[ \t]+|$|(?<=\d[.):：．、。])(?=(?-i:[A-Z\u0080-\U0010ffff])))",  # "Q16.What" too
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BankSection:
    """A heading of a bank and the numbered lines below it.

    ``line`` is that of the heading, from 1. ``open_fence`` is the line of a code block without an
    end, if there is one.
    """

    line: int
    level: int
    heading: str
    numbered: bool
    body: tuple[tuple[int, str], ...]
    open_fence: int | None = None

    @property
    def has_boxes(self) -> bool:
        return any(TASK_BOX.match(line) for _, line in self.body)


def _split_sections(lines: list[str]) -> Iterator[BankSection]:
    """Splits a bank at every heading outside code.

    A numbered heading also ends a code block without an end above it.
    """
    lines = _hash_underlined_headings(lines)
    level, heading, first_line, numbered = 0, "", 1, False
    body: list[tuple[int, str]] = []
    fence, fence_line = "", 0
    for number, line in enumerate(lines, 1):
        match = _HEADING.match(line) if line.lstrip(" ").startswith("#") else None
        is_numbered = (
            match is not None
            and len(match["hashes"]) > 1
            and bool(_QUESTION_NUMBER.match(match["text"]))
        )
        has_space = match is not None and line[match.end("hashes") :][:1] in (" ", "\t")
        if match and ((not fence and has_space) or is_numbered):
            yield BankSection(
                first_line, level, heading, numbered, tuple(body), fence_line if fence else None
            )
            level, heading, first_line, body = (
                len(match["hashes"]),
                match["text"].strip(),
                number,
                [],
            )
            numbered, fence = is_numbered, ""
            continue
        if not fence:
            fence_line = number
        fence = fence_after(line, fence)
        body.append((number, line))
    yield BankSection(
        first_line, level, heading, numbered, tuple(body), fence_line if fence else None
    )


def _hash_underlined_headings(lines: list[str]) -> list[str]:
    """Replaces underlined headings by headings with hashes; the number of lines does not change.

    A line of dashes underlines a heading only in a file without hashes: elsewhere it is a rule.
    """
    has_hashes = any(_HEADING.match(line) and line.lstrip().startswith("#") for line in lines)
    converted = list(lines)
    for index, (line, in_code, _) in enumerate(track_fences(lines)):
        underline = None if in_code or index == 0 else _UNDERLINE.match(line)
        if underline is None or (index > 1 and lines[index - 2].strip()):
            continue
        above = lines[index - 1].strip()
        if above and not _NO_HEADING.match(above):
            level = 1 if underline["line"][0] == "=" else 2
            if level == 1 or not has_hashes:
                converted[index - 1 : index + 1] = [f"{'#' * level} {above}", ""]
    return converted


def fence_after(line: str, fence: str) -> str:
    """The fence of a code block that is open after ``line``, from that before it (or empty)."""
    if fence:
        closing = line.strip(" \t>")
        closes = len(closing) >= len(fence) and not closing.strip(fence[0])
        return "" if closes else fence
    match = _FENCE.match(line)
    return match["fence"] if match else ""


def track_fences(lines: Iterable[str]) -> Iterator[tuple[str, bool, bool]]:
    """Yields each line, whether a code block is open before it, and whether one is after it."""
    fence = ""
    for line in lines:
        was_open, fence = bool(fence), fence_after(line, fence)
        yield line, was_open, bool(fence)


def question_sections(lines: list[str]) -> Iterator[BankSection]:
    """The sections that are questions, each with the sections that belong to it in its body.

    A question begins at a numbered heading, or at one of the level that most headings above a task
    list have, or of a higher level. Deeper headings, and those such as "Answer", belong to it.
    """
    sections = list(_split_sections(lines))
    levels = [section.level for section in sections if section.has_boxes and section.level]
    usual_level = max(set(levels), key=levels.count) if levels else 6
    current: BankSection | None = None
    for section in sections:
        name = section_name(section.heading)
        is_start = section.numbered or (name is None and 0 < section.level <= usual_level)
        if section.level == 0:
            current = section
        elif current is not None and not is_start and current.level:
            line = f"{'#' * max(section.level, 3)} {section.heading}"
            body = (*current.body, (section.line, line), *section.body)
            current = replace(
                current, body=body, open_fence=current.open_fence or section.open_fence
            )
        else:
            if current is not None and _is_question(current):
                yield current
            current = section
    if current is not None and _is_question(current):
        yield current


def _is_question(section: BankSection) -> bool:
    if section.has_boxes:
        return True
    return bool(section.heading) and (section.numbered or section.heading.rstrip().endswith("?"))


def strip_question_number(text: str) -> str:
    """The heading of a question without its number."""
    match = _QUESTION_NUMBER.match(text)
    if match is None:
        return text.strip()
    rest = text[match.end() :].strip()
    return f"{match['open']}{rest}" if match["open"] and not match["close"] and rest else rest
