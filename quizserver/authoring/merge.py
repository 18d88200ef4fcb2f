"""Three texts of one file: what each side changed, and both changes together. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

THEIRS = "<<<<<<< as it is now"
BETWEEN = "======="
YOURS = ">>>>>>> as you have it"
CONTEXT = 3
ALIKE = 1000
"""Lines up to which even the most frequent ones are looked at to see what belongs together."""

Kind = Literal["same", "removed", "added", "gap"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff: its number before and after (None where it is not), and its text.

    A "gap" stands for equal lines that are left out.
    """

    kind: Kind
    before: int | None
    after: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Both changes in one text; where they touch, ``clashes`` places hold both, between marks."""

    text: str
    clashes: int


@dataclass(frozen=True, slots=True)
class _Change:
    """The base's lines ``start`` to ``end`` (exclusive) became ``lines``."""

    start: int
    end: int
    lines: Sequence[str]


def diff(before: str, after: str) -> list[DiffLine]:
    """The changed lines with a little around them; empty when nothing changed."""
    old, new = _lines(before), _lines(after)
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, old, new)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or group[0][1] or group[0][3]:
            lines.append(DiffLine("gap", None, None, ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                pairs = zip(range(i1, i2), range(j1, j2), strict=True)
                lines += [DiffLine("same", i + 1, j + 1, old[i]) for i, j in pairs]
                continue
            lines += [DiffLine("removed", i + 1, None, old[i]) for i in range(i1, i2)]
            lines += [DiffLine("added", None, j + 1, new[j]) for j in range(j1, j2)]
    return lines


def merge(base: str, theirs: str, yours: str) -> Merged:
    """``theirs`` with what ``yours`` changed of ``base``.

    Changes that overlap or touch are not decided: both stand in the result, between marks.
    """
    lines = _lines(base)
    left, right = _changes(lines, theirs), _changes(lines, yours)
    merged: list[str] = []
    clashes = at = 0
    for start, end, one, other in _regions(left, right):
        merged += lines[at:start]
        mine = _applied(lines, start, end, other)
        current = _applied(lines, start, end, one)
        if not other or mine == current:
            merged += current
        elif not one:
            merged += mine
        else:
            clashes += 1
            merged += [THEIRS, *current, BETWEEN, *mine, YOURS]
        at = end
    merged += lines[at:]
    return Merged("".join(f"{line}\n" for line in merged), clashes)


def common_start(one: str, other: str) -> str:
    """The lines that both texts begin with: the most that is sure to come from one text."""
    lines = _lines(one)
    return "".join(f"{line}\n" for line in lines[: alike(lines, _lines(other))])


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines the two begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def marks(text: str) -> list[int]:
    """The lines (from 1) that still hold a mark of an undecided place."""
    found = {THEIRS, YOURS}
    return [n for n, line in enumerate(_lines(text), 1) if line.rstrip() in found]


def _lines(text: str) -> list[str]:
    """Only LF ends a line: a text may hold other characters that Python takes for line ends."""
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines


def _changes(base: Sequence[str], text: str) -> list[_Change]:
    new = _lines(text)
    top = alike(base, new)
    foot = alike(base[top:][::-1], new[top:][::-1])
    old, now = base[top : len(base) - foot], new[top : len(new) - foot]
    # Thousands of lines that are all alike would be compared each with each: for minutes.
    matcher = difflib.SequenceMatcher(None, old, now, autojunk=len(now) > ALIKE)
    return [
        _Change(top + i1, top + i2, now[j1:j2])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _regions(
    left: Sequence[_Change], right: Sequence[_Change]
) -> Iterator[tuple[int, int, list[_Change], list[_Change]]]:
    """Stretches of the base with the changes of either side in them, in order."""
    every = sorted(
        [*((c, 0) for c in left), *((c, 1) for c in right)],
        key=lambda item: (item[0].start, item[0].end),
    )
    while every:
        first, side = every.pop(0)
        start, end = first.start, first.end
        sides: tuple[list[_Change], list[_Change]] = ([], [])
        sides[side].append(first)
        while every and every[0][0].start <= end:
            change, side = every.pop(0)
            end = max(end, change.end)
            sides[side].append(change)
        yield start, end, *sides


def _applied(base: Sequence[str], start: int, end: int, changes: Sequence[_Change]) -> list[str]:
    lines: list[str] = []
    at = start
    for change in changes:
        lines += [*base[at : change.start], *change.lines]
        at = change.end
    return [*lines, *base[at:end]]
