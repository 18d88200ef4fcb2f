"""Small classes for tests, written as tables of marks: a row a learner, None where unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.classes.statistics.answers import AttemptTable, ItemKey, WhichAttempt
from quizserver.classes.statistics.figures import MinimumCounts

FEW = MinimumCounts(answers=2, learners=4)
"""Small enough for examples that can be worked by hand."""
SETS = (("a",), ("b",), ("c",))

Table = Sequence[Sequence[float | None]]


def names(count: int) -> tuple[str, ...]:
    return tuple(f"q{number}" for number in range(1, count + 1))


def items(count: int) -> list[ItemKey]:
    """Questions with options a, b, c, of which a is right."""
    return [ItemKey(name, ("a", "b", "c"), frozenset("a")) for name in names(count)]


def class_of(
    table: Table,
    chosen: Sequence[Sequence[int]] | None = None,
    *,
    sets: Sequence[tuple[str, ...]] = SETS,
    which: WhichAttempt = "first",
    **tables: Sequence[Sequence[object]],
) -> AttemptTable:
    """Marks of a table. Unless given, a full mark chose option a and everybody else b."""
    width = len(table[0]) if table else 0
    cells = [
        (row, column)
        for row, line in enumerate(table)
        for column, mark in enumerate(line)
        if mark is not None
    ]
    picked = [
        chosen[row][column] if chosen else int(table[row][column] != 1) for row, column in cells
    ]
    at = tuple(np.array(cells, int).reshape(-1, 2).T)

    def spread(values: Sequence[object], empty: object, kind: type) -> NDArray[Any]:
        spread = np.full((len(table), width), empty, kind)
        spread[at] = np.asarray(values, kind)
        return spread

    def given(name: str, empty: object, kind: type) -> NDArray[Any]:
        values = tables.get(name)
        return spread([values[r][c] if values else empty for r, c in cells], empty, kind)

    return AttemptTable(
        names(width),
        np.arange(1, len(table) + 1),
        spread([table[row][column] for row, column in cells], np.nan, np.float64),
        spread(picked, -1, np.int32),
        tuple(sets),
        given("seconds", np.nan, np.float64),
        given("tried_again", False, np.bool_),
        given("ran", False, np.bool_),
        which,
    )
