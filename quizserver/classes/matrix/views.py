"""What the page of a matrix shows, from a frame and its cells. Pure."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from markupsafe import Markup

from quizserver.classes.columns import Column
from quizserver.classes.matrix.board import Cells, Frame
from quizserver.classes.matrix.model import Cell, Learner, Show, Totals
from quizserver.classes.matrix.view import COLUMNS, ROWS, Sort, View

Url = Callable[[dict[str, Any]], str]
Order = Literal["ascending", "descending"] | None

_SORTS: dict[Sort, str] = {
    "name": "Learner",
    "right": "Right",
    "attempts": "Attempts",
    "latest": "Latest answer",
}


@dataclass(frozen=True, slots=True)
class SortLink:
    """The head of a column: a link that sorts by it, or the other way when it is so already."""

    title: str
    url: str
    order: Order


@dataclass(frozen=True, slots=True)
class Head:
    column: Column
    link: SortLink


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring columns of one topic."""

    topic_title: str
    due_at: datetime | None
    span: int


@dataclass(frozen=True, slots=True)
class Row:
    """``cells`` has one for each column, None where the learner has not answered.

    ``alike``: somebody else on this page has the same name, so that only the address tells.
    """

    learner: Learner
    totals: Totals
    cells: Sequence[Cell | None]
    alike: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Where one is along one side of the matrix: ``first`` to ``last`` of ``of``, from 1."""

    first: int
    last: int
    of: int
    previous: str | None
    next: str | None

    @property
    def whole(self) -> bool:
        return self.previous is None and self.next is None


@dataclass(frozen=True, slots=True)
class MatrixView:
    frame: Frame
    heads: Sequence[Head]
    groups: Sequence[Group]
    rows: Sequence[Row]
    sorts: Mapping[Sort, SortLink]
    learners: Span
    questions: Span

    def cells_html(self, row: Row) -> Markup:
        """A row's cells as table cells: a sign, how many attempts, and a link to them."""
        return _cells_html(row, self.frame)


def matrix_view(frame: Frame, cells: Cells, url: Url) -> MatrixView:
    """The page of a frame; ``url`` makes the address of a view from its arguments."""
    view = frame.view
    return MatrixView(
        frame=frame,
        heads=[
            Head(column, _sort_link(column.title, "question", view, url, column.question))
            for column in frame.columns
        ],
        groups=_groups(frame.columns),
        rows=list(rows(frame, cells)),
        sorts={name: _sort_link(title, name, view, url) for name, title in _SORTS.items()},
        learners=_span("page", view, ROWS, frame.found, url),
        questions=_span("columns", view, COLUMNS, len(frame.of), url),
    )


def rows(frame: Frame, cells: Cells) -> Iterator[Row]:
    """The rows of a frame with their cells, in its order."""
    names = Counter(learner.label for learner in frame.rows)
    for learner in frame.rows:
        mine = cells.get(learner.person_id, {})
        found = [mine.get(column.question) for column in frame.columns]
        yield Row(learner, frame.totals_of(learner), found, names[learner.label] > 1)


def _cells_html(row: Row, frame: Frame) -> Markup:
    # A template takes twice as long for the 2,000 cells of a page. Ids of questions have only
    # letters, digits and hyphens.
    show, who = frame.view.show, row.learner.person_id
    return Markup(
        "".join(
            _cell(cell.right(show), cell.attempts) % (who, column.question) if cell else _EMPTY
            for cell, column in zip(row.cells, frame.columns, strict=True)
        )
    )


_EMPTY = '<td class="cell" aria-label="not answered">–</td>'


@functools.lru_cache(maxsize=1024)
def _cell(right: bool, attempts: int) -> str:
    """What a link to a learner's (``%d``) attempts at a question (``%s``, an id) is put into."""
    sign, word = ("✓", "right") if right else ("✗", "wrong")
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return (
        f'<td class="cell cell-{word}"><a href="learners/%d/questions/%s"'
        f' aria-label="{word}, {times}">{sign} {attempts}</a></td>'
    )


def told(frame: Frame, cells: Cells) -> dict[str, Any]:
    """The same for the page's script: of each cell whether it is right, and its attempts."""
    show = frame.view.show
    return {
        "moved": frame.moved,
        "found": frame.found,
        "columns": [column.question for column in frame.columns],
        "rows": [
            {
                "id": row.learner.person_id,
                "right": row.totals.right(show),
                "attempts": row.totals.attempts,
                "latest_at": row.totals.latest_at.isoformat() if row.totals.latest_at else None,
                "cells": [told_cell(cell, show) for cell in row.cells],
            }
            for row in rows(frame, cells)
        ],
    }


def told_cell(cell: Cell | None, show: Show) -> tuple[int, int] | None:
    return (int(cell.right(show)), cell.attempts) if cell is not None else None


def _groups(columns: Sequence[Column]) -> list[Group]:
    found = []
    for _, same in groupby(columns, key=lambda column: column.topic):
        first, *more = same
        found.append(Group(first.topic_title, first.due_at, 1 + len(more)))
    return found


def _sort_link(title: str, sort: Sort, view: View, url: Url, question: str = "") -> SortLink:
    now = view.sort == sort and view.question == question
    # What is asked first: names from A, and who has most of everything else.
    down = not view.down if now else sort != "name"
    order: Order = ("descending" if view.down else "ascending") if now else None
    return SortLink(title, url(view.address(sort=sort, down=down, question=question)), order)


def _span(
    side: Literal["page", "columns"],
    view: View,
    size: int,
    of: int,
    url: Url,
) -> Span:
    page = view.page if side == "page" else view.columns
    return Span(
        first=min((page - 1) * size + 1, of),
        last=min(page * size, of),
        of=of,
        previous=url(view.address(**{side: page - 1})) if page > 1 else None,
        next=url(view.address(**{side: page + 1})) if page * size < of else None,
    )
