"""One markdown file with many questions: where each of them begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from quizserver.topics.headings import section_name

BOX = re.compile(
    r"^(?P<indent>[ \t]*)(?:(?:[-*+]|\d{1,3}[.)])[ \t]*)?"
    r"\\?\[[ \t]*(?P<mark>[xX✓✔]?)[ \t]*\\?\](?P<rest>(?:[ \t].*|[^\s(\[:].*)?)$"
)
_FENCE = re.compile(
    r"^[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?:\[[^\[\]]{0,3}\][ \t]+)?"
    r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})"
)
_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]*(?P<text>.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(?P<row>={2,}|-{2,})[ \t]*$")
_NO_HEADING = re.compile(r"[-*+>|#]|\d+[.)][ \t]+\[|={2,}$|`{3}|~{3}")
_NUMBER = re.compile(
    r"^(?P<open>\*\*|__)?\[?"
    r"(?:(?:Q|Question|Pregunta|Pergunta|Frage|Domanda|Câu)[ \t]*\.?[ \t]*#?\d+"
    r"[ \t]*[.):：．、\-–]*"
    r"|(?:[A-Z]?|[^\W\d_\x00-\x7f]{1,10}[ \t]*)\d+[ \t]*[.):：．、])"
    r"\]?(?P<close>\*\*|__)?[.:)]?"
    r"(?:[ \t]+|$|(?<=\d[.):：．、])(?=(?-i:[A-Z\u0080-\U0010ffff])))",  # "Q16.What" too
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of a bank and the lines below it. ``line`` is the heading's, from 1.

    ``open_fence`` is the line of a code block that has no end, if there is one.
    """

    line: int
    level: int
    heading: str
    numbered: bool
    body: tuple[tuple[int, str], ...]
    open_fence: int | None = None

    @property
    def has_boxes(self) -> bool:
        return any(BOX.match(line) for _, line in self.body)


def parts(lines: list[str]) -> Iterator[Part]:
    """The file cut at every heading outside code; a numbered one ends code left open above it."""
    lines = _underlined_as_hashed(lines)
    level, heading, first, numbered = 0, "", 1, False
    body: list[tuple[int, str]] = []
    fence, opened = "", 0
    for number, line in enumerate(lines, 1):
        match = _HEADING.match(line) if line.lstrip(" ").startswith("#") else None
        counted = (
            match is not None and len(match["marks"]) > 1 and bool(_NUMBER.match(match["text"]))
        )
        spaced = match is not None and line[match.end("marks") :][:1] in (" ", "\t")
        if match and ((not fence and spaced) or counted):
            yield Part(first, level, heading, numbered, tuple(body), opened if fence else None)
            level, heading, first, body = len(match["marks"]), match["text"].strip(), number, []
            numbered, fence = counted, ""
            continue
        if not fence:
            opened = number
        fence = after_line(line, fence)
        body.append((number, line))
    yield Part(first, level, heading, numbered, tuple(body), opened if fence else None)


def _underlined_as_hashed(lines: list[str]) -> list[str]:
    """The lines with headings that are underlined written with hashes; as many as before.

    A row of dashes underlines only where no heading has hashes: elsewhere it separates.
    """
    hashed = any(_HEADING.match(line) and line.lstrip().startswith("#") for line in lines)
    found = list(lines)
    fence = ""
    for at, line in enumerate(lines):
        was_open, fence = bool(fence), after_line(line, fence)
        row = None if was_open or at == 0 else _UNDERLINE.match(line)
        if row is None or (at > 1 and lines[at - 2].strip()):
            continue
        above = lines[at - 1].strip()
        if above and not _NO_HEADING.match(above):
            level = 1 if row["row"][0] == "=" else 2
            if level == 1 or not hashed:
                found[at - 1 : at + 1] = [f"{'#' * level} {above}", ""]
    return found


def after_line(line: str, fence: str) -> str:
    """The fence that is open after ``line``, when ``fence`` was before it."""
    if fence:
        closing = line.strip(" \t>")
        closes = len(closing) >= len(fence) and not closing.strip(fence[0])
        return "" if closes else fence
    match = _FENCE.match(line)
    return match["fence"] if match else ""


def questions(lines: list[str]) -> Iterator[Part]:
    """The parts that are questions: what belongs to one is in its body, chapters are left out.

    A question begins at a numbered heading, or at one of the level (or above it) that most
    headings over a task list have. Deeper headings, and those such as "Answer", belong to it.
    """
    found = list(parts(lines))
    levels = [part.level for part in found if part.has_boxes and part.level]
    usual = max(set(levels), key=levels.count) if levels else 6
    current: Part | None = None
    for part in found:
        name = section_name(part.heading)
        begins = part.numbered or (name is None and 0 < part.level <= usual)
        if part.level == 0:
            current = part
        elif current is not None and not begins and current.level:
            line = f"{'#' * max(part.level, 3)} {part.heading}"
            body = (*current.body, (part.line, line), *part.body)
            current = replace(current, body=body, open_fence=current.open_fence or part.open_fence)
        else:
            if current is not None and _is_question(current):
                yield current
            current = part
    if current is not None and _is_question(current):
        yield current


def _is_question(part: Part) -> bool:
    if part.has_boxes:
        return True
    return bool(part.heading) and (part.numbered or part.heading.rstrip().endswith("?"))


def bare_heading(text: str) -> str:
    """A question's heading without its number."""
    match = _NUMBER.match(text)
    if match is None:
        return text.strip()
    rest = text[match.end() :].strip()
    return f"{match['open']}{rest}" if match["open"] and not match["close"] and rest else rest
