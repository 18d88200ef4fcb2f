"""Where links and images stand in a line of text, by CommonMark's rules for brackets.

The text is what Python-Markdown gives its patterns: code, tags and escaped signs are placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from quizserver.topics.markdown import fold_label

LONGEST_LABEL = 999
_BRACKET = re.compile(r"!?\[|\]")
_TITLE = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\)"
_LINK_END = re.compile(rf"(?:\s++(?P<title>{_TITLE}))?\s*+\)", re.DOTALL)
_ANGLE_URL = re.compile(r"<(?P<url>[^<>\n]*+)>")
_URL_SIGN = re.compile(r"[()\x00-\x01\x04-\x20]")
_SPACE = re.compile(r"[ \t\n]*")
_LABEL = re.compile(r"\[(?P<label>[^\[\]]*+)\]")
_MOST_NESTED = 32


@dataclass(frozen=True, slots=True)
class LinkSpan:
    """``text[start:end]``, a link or an image; ``label`` is the part that is shown."""

    start: int
    end: int
    is_image: bool
    label: str
    url: str
    title: str | None


@dataclass(slots=True)
class _Opening:
    start: int
    end: int
    is_image: bool


def find_link_spans(
    text: str,
    references: Mapping[str, tuple[str, str | None]],
    written_label: Callable[[str], str],
) -> Iterator[LinkSpan]:
    """The links and images of ``text``, each at its closing bracket, in one pass.

    ``references`` are addresses and titles by folded label; ``written_label`` gives a label as it
    was written, before parts of it became placeholders.
    """
    openings: list[_Opening] = []
    closed = 0  # openings below this one are around a link, and none of them begins another
    position = 0
    while match := _BRACKET.search(text, position):
        position = match.end()
        if match[0] != "]":
            openings.append(_Opening(match.start(), match.end(), match[0] == "!["))
            continue
        if not openings:
            continue
        opening = openings.pop()
        is_inside_only = len(openings) < closed
        closed = min(closed, len(openings))
        if is_inside_only and not opening.is_image:
            continue
        label = text[opening.end : match.start()]
        target = _inline_target(text, position) or _reference_target(
            text, position, label, references, written_label
        )
        if target is None:
            continue
        url, title, position = target
        yield LinkSpan(opening.start, position, opening.is_image, label, url, title)
        if not opening.is_image:
            closed = len(openings)


def _inline_target(text: str, index: int) -> tuple[str, str | None, int] | None:
    """Address, title and end of ``(address "title")`` at ``index``."""
    if text[index : index + 1] != "(":
        return None
    space = _SPACE.match(text, index + 1)
    start = space.end() if space else index + 1
    angle = _ANGLE_URL.match(text, start)
    if angle is None and text[start : start + 1] == "<":
        return None
    end = angle.end() if angle else _url_end(text, start)
    ending = _LINK_END.match(text, end)
    if ending is None:
        return None
    title = ending["title"]
    url = angle["url"] if angle else text[start:end]
    return url, None if title is None else title[1:-1], ending.end()


def _url_end(text: str, start: int) -> int:
    """Where an address ends: at white space, or at a bracket that closes none in it."""
    depth = 0
    for match in _URL_SIGN.finditer(text, start):
        if match[0] == "(" and depth < _MOST_NESTED:
            depth += 1
        elif match[0] == ")" and depth:
            depth -= 1
        else:
            return match.start()
    return len(text)


def _reference_target(
    text: str,
    index: int,
    shown: str,
    references: Mapping[str, tuple[str, str | None]],
    written_label: Callable[[str], str],
) -> tuple[str, str | None, int] | None:
    """Address, title and end of ``[label]``, ``[]`` or nothing at ``index``."""
    if not references:
        return None
    following = _LABEL.match(text, index)
    label = following["label"] if following else ""
    if not label.strip():
        label = shown
    end = index if following is None else following.end()
    if len(label) > LONGEST_LABEL or "[" in label or "]" in label:
        return None
    target = references.get(fold_label(written_label(label)))
    return None if target is None else (*target, end)
