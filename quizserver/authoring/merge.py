"""Diffs of two texts, and the three-way merge of two changed versions of one text. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

THEIRS_MARKER = "<<<<<<< as it is now"
SEPARATOR_MARKER = "======="
YOURS_MARKER = ">>>>>>> as you have it"
CONTEXT_LINES = 3
AUTOJUNK_LINES = 1000
"""Up to so many lines, a diff compares even the most frequent lines (difflib's ``autojunk``)."""

DiffKind = Literal["same", "removed", "added", "gap"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff: its text, and its line numbers before and after (None: not in it).

    A "gap" stands for equal lines that are left out.
    """

    kind: DiffKind
    before: int | None
    after: int | None
    text: str


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The merged text. Each of its ``conflicts`` holds both sides between conflict markers."""

    text: str
    conflicts: int


@dataclass(frozen=True, slots=True)
class _Change:
    """Replaces the base's lines ``start`` to ``end`` (exclusive) by ``lines``."""

    start: int
    end: int
    lines: Sequence[str]


def diff_texts(before: str, after: str) -> list[DiffLine]:
    """The changed lines with up to ``CONTEXT_LINES`` around them; empty when nothing changed."""
    old, new = _split_lines(before), _split_lines(after)
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, old, new)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT_LINES)):
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


def merge_texts(base: str, theirs: str, yours: str) -> MergeResult:
    """``base`` with the changes of ``theirs`` and of ``yours``.

    Changes that overlap or touch are a conflict: the result holds both sides between markers.
    """
    base_lines = _split_lines(base)
    their_changes, your_changes = (
        _find_changes(base_lines, theirs),
        _find_changes(base_lines, yours),
    )
    merged: list[str] = []
    conflicts = position = 0
    for start, end, theirs_here, yours_here in _changed_regions(their_changes, your_changes):
        merged += base_lines[position:start]
        your_lines = _apply_changes(base_lines, start, end, yours_here)
        their_lines = _apply_changes(base_lines, start, end, theirs_here)
        if not yours_here or your_lines == their_lines:
            merged += their_lines
        elif not theirs_here:
            merged += your_lines
        else:
            conflicts += 1
            merged += [THEIRS_MARKER, *their_lines, SEPARATOR_MARKER, *your_lines, YOURS_MARKER]
        position = end
    merged += base_lines[position:]
    return MergeResult("".join(f"{line}\n" for line in merged), conflicts)


def common_prefix(left: str, right: str) -> str:
    """The lines that both texts begin with."""
    lines = _split_lines(left)
    length = common_prefix_length(lines, _split_lines(right))
    return "".join(f"{line}\n" for line in lines[:length])


def common_prefix_length(left: Sequence[str], right: Sequence[str]) -> int:
    """The number of equal lines at the beginning of both."""
    count = 0
    for left_line, right_line in zip(left, right, strict=False):
        if left_line != right_line:
            break
        count += 1
    return count


def conflict_marker_lines(text: str) -> list[int]:
    """The numbers (from 1) of the lines that are conflict markers."""
    markers = {THEIRS_MARKER, YOURS_MARKER}
    return [n for n, line in enumerate(_split_lines(text), 1) if line.rstrip() in markers]


def _split_lines(text: str) -> list[str]:
    """The lines of a text. Only LF ends one; ``str.splitlines`` would split at others too."""
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines


def _find_changes(base: Sequence[str], text: str) -> list[_Change]:
    new_lines = _split_lines(text)
    prefix = common_prefix_length(base, new_lines)
    suffix = common_prefix_length(base[prefix:][::-1], new_lines[prefix:][::-1])
    old_middle, new_middle = (
        base[prefix : len(base) - suffix],
        new_lines[prefix : len(new_lines) - suffix],
    )
    # Without autojunk, thousands of equal lines are compared pair by pair, which takes minutes.
    matcher = difflib.SequenceMatcher(
        None, old_middle, new_middle, autojunk=len(new_middle) > AUTOJUNK_LINES
    )
    return [
        _Change(prefix + i1, prefix + i2, new_middle[j1:j2])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _changed_regions(
    left: Sequence[_Change], right: Sequence[_Change]
) -> Iterator[tuple[int, int, list[_Change], list[_Change]]]:
    """Regions of the base that either side changed, in order: start, end, changes of each side."""
    pending = sorted(
        [*((c, 0) for c in left), *((c, 1) for c in right)],
        key=lambda item: (item[0].start, item[0].end),
    )
    while pending:
        first, side = pending.pop(0)
        start, end = first.start, first.end
        sides: tuple[list[_Change], list[_Change]] = ([], [])
        sides[side].append(first)
        while pending and pending[0][0].start <= end:
            change, side = pending.pop(0)
            end = max(end, change.end)
            sides[side].append(change)
        yield start, end, *sides


def _apply_changes(
    base: Sequence[str], start: int, end: int, changes: Sequence[_Change]
) -> list[str]:
    lines: list[str] = []
    position = start
    for change in changes:
        lines += [*base[position : change.start], *change.lines]
        position = change.end
    return [*lines, *base[position:end]]
