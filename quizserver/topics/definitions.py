"""Link and footnote definitions: found once in a file, given to each part of it that uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from quizserver.topics.scan import Kind, Scan, indent_of

_REFERENCE = re.compile(
    r"^ {0,3}\[(?P<label>[^\[\]^][^\[\]]*)\]:[ \t]*<?(?P<url>[^\s<>]+)>?"
    r"(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*$"
)
_FOOTNOTE = re.compile(r"^ {0,3}\[\^(?P<label>[^\]\s]+)\]:")
_USE = re.compile(r"\[(\^?[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Definition:
    """``[label]: url`` or ``[^label]: text``; ``label`` is folded and keeps its ``^``."""

    label: str
    text: str
    line: int
    column: int
    url: str | None
    url_column: int


def fold(label: str) -> str:
    return " ".join(label.split()).casefold()


def find_definitions(source: Scan) -> tuple[tuple[Definition, ...], frozenset[int]]:
    """All definitions, and the lines (from 1) that they take."""
    found: list[Definition] = []
    taken: set[int] = set()
    index = 0
    while index < len(source.lines):
        line = source.lines[index]
        note = _FOOTNOTE.match(line)
        link = None if note else _REFERENCE.match(line)
        if source.kinds[index] is not Kind.PROSE or not (note or link):
            index += 1
            continue
        end = _footnote_end(source, index) if note else index + 1
        label = f"^{note['label']}" if note else link["label"] if link else ""
        column = line.index("[") + 1
        url = link["url"] if link else None
        url_column = link.start("url") + 1 if link else 0
        text = "\n".join(source.lines[index:end])
        found.append(Definition(fold(label), text, index + 1, column, url, url_column))
        taken.update(range(index + 1, end + 1))
        index = end
    return tuple(found), frozenset(taken)


def _footnote_end(source: Scan, first: int) -> int:
    end = first + 1
    index = end
    while index < len(source.lines):
        line = source.lines[index]
        if not line.strip():
            index += 1
            continue
        lazy = index == end and not _FOOTNOTE.match(line) and not _REFERENCE.match(line)
        prose = source.kinds[index] is Kind.PROSE and not line.lstrip().startswith("#")
        if indent_of(line) < 4 and not (lazy and prose):
            break
        index += 1
        end = index
    return end


def needed(text: str, definitions: Iterable[Definition]) -> str:
    """The definitions that ``text`` uses, and those that these use, as markdown to append."""
    by_label = {definition.label: definition for definition in reversed(tuple(definitions))}
    chosen: dict[str, Definition] = {}
    waiting = [text] if by_label else []
    while waiting:
        for label in map(fold, _USE.findall(waiting.pop())):
            if label in by_label and label not in chosen:
                chosen[label] = by_label[label]
                waiting.append(by_label[label].text.partition(":")[2])
    ordered = sorted(chosen.values(), key=lambda definition: definition.line)
    return "\n\n".join(definition.text for definition in ordered)
