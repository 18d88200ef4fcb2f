"""Diffs of two texts, and the three-way merge of two changed versions of one text. Pure.

Both are made in the web process, so that the work of each comparison is bounded
(``MOST_COMPARISONS``): what it does not reach counts as one changed block. A diff says so, and in a
merge such a block is a conflict at worst, so that no line is lost.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

THEIRS_MARKER = "<<<<<<< as it is now"
SEPARATOR_MARKER = "======="
YOURS_MARKER = ">>>>>>> as you have it"
CONTEXT_LINES = 3
AUTOJUNK_LINES = 1000
"""Up to so many lines, a diff compares even the most frequent lines (difflib's ``autojunk``)."""

MOST_COMPARISONS = 400_000
"""Pairs of lines that a comparison of two texts may look at: an eighth of a second or so."""

_Opcode = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
DiffKind = Literal["same", "removed", "added", "gap", "coarse"]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a diff: its text, and its line numbers before and after (None: not in it).

    A "gap" stands for equal lines that are left out. "coarse" comes first in a diff whose texts
    were too different to be compared line by line: some of its removed lines are added ones too.
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


class _BoundedMatcher(difflib.SequenceMatcher[str]):
    """Compares two lists of lines, and leaves apart what it does not reach in ``MOST_COMPARISONS``.

    ``is_coarse`` tells, after ``get_opcodes``, whether something was left apart.
    """

    a: Sequence[str]
    b: Sequence[str]
    b2j: dict[str, list[int]]  # the indices of each line of b
    bpopular: set[str]  # the lines that autojunk leaves out

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._prefix = common_prefix_length(old, new)
        self._suffix = common_prefix_length(old[self._prefix :][::-1], new[self._prefix :][::-1])
        old_middle = old[self._prefix : len(old) - self._suffix]
        new_middle = new[self._prefix : len(new) - self._suffix]
        # Without autojunk, every line that is frequent is compared with each of its like.
        super().__init__(None, old_middle, new_middle, autojunk=len(new_middle) > AUTOJUNK_LINES)
        # How many pairs a search looks at up to each line; none to look at costs a line too.
        pairs = (1 + len(self.b2j.get(line, ())) for line in old_middle)
        self._pairs_before = list(accumulate(pairs, initial=0))
        self._pairs_left = MOST_COMPARISONS
        self.is_coarse = False

    def get_opcodes(self) -> list[_Opcode]:
        """What makes the old lines the new ones, block by block, as ``SequenceMatcher`` says it."""
        start, codes = self._prefix, super().get_opcodes()
        shifted: list[_Opcode] = [
            (tag, i1 + start, i2 + start, j1 + start, j2 + start) for tag, i1, i2, j1, j2 in codes
        ]
        self.is_coarse = self.is_coarse or any(
            min(i2 - i1, j2 - j1) > AUTOJUNK_LINES
            and not self.bpopular.isdisjoint(self.a[i1:i2])
            and not self.bpopular.isdisjoint(self.b[j1:j2])
            for _, i1, i2, j1, j2 in codes
        )
        if start:
            shifted.insert(0, ("equal", 0, start, 0, start))
        if self._suffix:
            i, j = start + len(self.a), start + len(self.b)
            shifted.append(("equal", i, i + self._suffix, j, j + self._suffix))
        return shifted

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        """The longest block of equal lines in the two ranges; none where too much was compared.

        difflib's search takes time that grows with the pairs of equal lines in the range, and is
        repeated on both sides of each block, so that texts of a few thousand lines could take
        minutes. What a search costs is known before it is made.
        """
        last = len(self._pairs_before) - 1 if ahi is None else ahi
        cost = self._pairs_before[last] - self._pairs_before[alo]
        if cost > self._pairs_left:
            self.is_coarse = True
            return difflib.Match(alo, blo, 0)
        self._pairs_left -= cost
        return super().find_longest_match(alo, ahi, blo, bhi)


def diff_texts(before: str, after: str) -> list[DiffLine]:
    """The changed lines with up to ``CONTEXT_LINES`` around them; empty when nothing changed.

    The first line is "coarse" when the texts were not compared to the end.
    """
    old, new = _split_lines(before), _split_lines(after)
    matcher = _BoundedMatcher(old, new)
    groups = list(matcher.get_grouped_opcodes(CONTEXT_LINES))
    lines = [DiffLine("coarse", None, None, "")] if matcher.is_coarse else []
    for number, group in enumerate(groups):
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
    return [
        _Change(i1, i2, new_lines[j1:j2])
        for tag, i1, i2, j1, j2 in _BoundedMatcher(base, new_lines).get_opcodes()
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
