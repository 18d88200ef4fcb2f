"""Small attempt tables for tests, from tables of marks: a row a learner, None where unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.classes.statistics.answers import AttemptTable, ItemKey, WhichAttempt
from quizserver.classes.statistics.figures import MinimumCounts

SMALL_MINIMUM = MinimumCounts(answers=2, learners=4)
"""Small enough for examples that can be worked by hand."""
SETS = (("a",), ("b",), ("c",))

Table = Sequence[Sequence[float | None]]


def question_names(count: int) -> tuple[str, ...]:
    return tuple(f"q{number}" for number in range(1, count + 1))


def item_keys(count: int) -> list[ItemKey]:
    """Questions with options a, b, c, of which a is right."""
    return [ItemKey(name, ("a", "b", "c"), frozenset("a")) for name in question_names(count)]


def attempt_table(
    table: Table,
    chosen: Sequence[Sequence[int]] | None = None,
    *,
    sets: Sequence[tuple[str, ...]] = SETS,
    which: WhichAttempt = "first",
    **tables: Sequence[Sequence[object]],
) -> AttemptTable:
    """The attempts with these marks. Without ``chosen``, a full mark chose option a, others b."""
    width = len(table[0]) if table else 0
    cells = [
        (row, column)
        for row, line in enumerate(table)
        for column, mark in enumerate(line)
        if mark is not None
    ]
    set_numbers = [
        chosen[row][column] if chosen else int(table[row][column] != 1) for row, column in cells
    ]
    positions = tuple(np.array(cells, int).reshape(-1, 2).T)

    def fill_table(values: Sequence[object], empty: object, dtype: type) -> NDArray[Any]:
        filled = np.full((len(table), width), empty, dtype)
        filled[positions] = np.asarray(values, dtype)
        return filled

    def optional_table(name: str, empty: object, dtype: type) -> NDArray[Any]:
        values = tables.get(name)
        return fill_table([values[r][c] if values else empty for r, c in cells], empty, dtype)

    return AttemptTable(
        question_names(width),
        np.arange(1, len(table) + 1),
        fill_table([table[row][column] for row, column in cells], np.nan, np.float64),
        fill_table(set_numbers, -1, np.int32),
        tuple(sets),
        optional_table("seconds", np.nan, np.float64),
        optional_table("tried_again", False, np.bool_),
        optional_table("ran", False, np.bool_),
        which,
    )
