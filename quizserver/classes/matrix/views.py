"""The view of a matrix page, from a ``MatrixPage`` and its cells. Pure."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from markupsafe import Markup, escape

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.matrix.model import LearnerTotals, MatrixCell, MatrixLearner, ShownAttempt
from quizserver.classes.matrix.query import COLUMNS_PER_PAGE, ROWS_PER_PAGE, MatrixQuery, SortName
from quizserver.classes.matrix.reader import CellsByLearner, MatrixPage
from quizserver.translation import N_, current_language, gettext, ngettext
from quizserver.web.urls import UrlBuilder

SortDirection = Literal["ascending", "descending"] | None

_SORT_TITLES: dict[SortName, str] = {
    "name": N_("Learner"),
    "right": N_("Right"),
    "attempts": N_("Attempts"),
    "latest": N_("Latest answer"),
}


@dataclass(frozen=True, slots=True)
class SortLink:
    """The head of a column: a link that sorts by it, or reverses the sorting by it."""

    title: str
    url: str
    direction: SortDirection


@dataclass(frozen=True, slots=True)
class ColumnHead:
    column: QuestionColumn
    link: SortLink


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """Neighbouring columns of one topic."""

    topic_title: str
    due_at: datetime | None
    span: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """``cells`` has an entry for each column, None where the learner has not answered.

    ``same_name``: another learner on this page has the same name; only the address differs.
    """

    learner: MatrixLearner
    totals: LearnerTotals
    cells: Sequence[MatrixCell | None]
    same_name: bool


@dataclass(frozen=True, slots=True)
class PageSpan:
    """The span of rows or columns on this page: ``first`` to ``last`` of ``total``, from 1."""

    first: int
    last: int
    total: int
    previous: str | None
    next: str | None

    @property
    def is_whole(self) -> bool:
        return self.previous is None and self.next is None


@dataclass(frozen=True, slots=True)
class MatrixView:
    page: MatrixPage
    heads: Sequence[ColumnHead]
    groups: Sequence[TopicGroup]
    rows: Sequence[MatrixRow]
    sorts: Mapping[SortName, SortLink]
    learners: PageSpan
    questions: PageSpan

    def cells_html(self, row: MatrixRow) -> Markup:
        """The cells of a row as table cells: a sign, the number of attempts, a link to them."""
        return _cells_html(row, self.page)


def matrix_view(page: MatrixPage, cells: CellsByLearner, url: UrlBuilder) -> MatrixView:
    """The view of a page; ``url`` builds the address of a matrix from the query's arguments."""
    query = page.query
    return MatrixView(
        page=page,
        heads=[
            ColumnHead(column, _sort_link(column.title, "question", query, url, column.question))
            for column in page.columns
        ],
        groups=_topic_groups(page.columns),
        rows=list(matrix_rows(page, cells)),
        sorts={
            name: _sort_link(gettext(title), name, query, url)
            for name, title in _SORT_TITLES.items()
        },
        learners=_page_span("page", query, ROWS_PER_PAGE, page.match_count, url),
        questions=_page_span("columns", query, COLUMNS_PER_PAGE, len(page.all_columns), url),
    )


def matrix_rows(page: MatrixPage, cells: CellsByLearner) -> Iterator[MatrixRow]:
    """The rows of a page with their cells, in its order."""
    names = Counter(learner.label for learner in page.rows)
    for learner in page.rows:
        own_cells = cells.get(learner.person_id, {})
        row_cells = [own_cells.get(column.question) for column in page.columns]
        yield MatrixRow(learner, page.totals_of(learner), row_cells, names[learner.label] > 1)


def _cells_html(row: MatrixRow, page: MatrixPage) -> Markup:
    # A template takes twice as long for the 2,000 cells of a page. Nothing needs escaping: ids of
    # questions have only letters, digits and hyphens.
    show, person_id = page.query.show, row.learner.person_id
    tag, empty_cell = current_language().tag, _EMPTY_CELL % escape(gettext("not answered"))
    return Markup(
        "".join(
            _cell_template(tag, cell_word(cell, show), cell.attempts) % (person_id, column.question)
            if cell
            else empty_cell
            for cell, column in zip(row.cells, page.columns, strict=True)
        )
    )


_EMPTY_CELL = '<td class="cell" aria-label="%s">–</td>'


CellWord = Literal["right", "wrong", "shown"]
_CELL_TEXTS: Mapping[CellWord, tuple[str, str]] = {
    "right": ("✓", N_("right")),
    "wrong": ("✗", N_("wrong")),
    "shown": ("·", N_("no mark")),
}


def cell_word(cell: MatrixCell, show: ShownAttempt) -> CellWord:
    """Whether the ``show`` attempt is right; "shown" where the answer was shown before any."""
    if cell.mark_of(show) is None:
        return "shown"
    return "right" if cell.is_right(show) else "wrong"


@functools.lru_cache(maxsize=1024)
def _cell_template(_language_tag: str, word: CellWord, attempts: int) -> str:
    """A table cell with ``%d`` for the id of the learner and ``%s`` for that of the question, in
    the current language, which the tag must be of."""
    sign, text = _CELL_TEXTS[word]
    times = ngettext("%(num)s attempt", "%(num)s attempts", attempts)
    label = escape(f"{gettext(text)}, {times}").replace("%", "%%")
    return (
        f'<td class="cell cell-{word}"><a href="learners/%d/questions/%s"'
        f' aria-label="{label}">{sign} {attempts}</a></td>'
    )


def page_data(page: MatrixPage, cells: CellsByLearner) -> dict[str, Any]:
    """The rows and cells for the page's script, as JSON values."""
    show = page.query.show
    return {
        "moved": page.moved,
        "found": page.match_count,
        "columns": [column.question for column in page.columns],
        "rows": [
            {
                "id": row.learner.person_id,
                "right": row.totals.right_count(show),
                "attempts": row.totals.attempts,
                "latest_at": row.totals.latest_at.isoformat() if row.totals.latest_at else None,
                "cells": [cell_data(cell, show) for cell in row.cells],
            }
            for row in matrix_rows(page, cells)
        ],
    }


def cell_data(cell: MatrixCell | None, show: ShownAttempt) -> tuple[int | None, int] | None:
    """Whether the ``show`` attempt is right (1, 0, or None: no mark), and how many there are."""
    if cell is None:
        return None
    word = cell_word(cell, show)
    return (None if word == "shown" else int(word == "right")), cell.attempts


def _topic_groups(columns: Sequence[QuestionColumn]) -> list[TopicGroup]:
    groups = []
    for _, neighbours in groupby(columns, key=lambda column: column.topic):
        first, *more = neighbours
        groups.append(TopicGroup(first.topic_title, first.due_at, 1 + len(more)))
    return groups


def _sort_link(
    title: str, sort: SortName, query: MatrixQuery, url: UrlBuilder, question: str = ""
) -> SortLink:
    is_current = query.sort == sort and query.question == question
    # The first click sorts names from A, and everything else from the highest.
    descending = not query.down if is_current else sort != "name"
    direction: SortDirection = ("descending" if query.down else "ascending") if is_current else None
    arguments = query.url_arguments(sort=sort, down=descending, question=question)
    return SortLink(title, url(**arguments), direction)


def _page_span(
    side: Literal["page", "columns"],
    query: MatrixQuery,
    size: int,
    total: int,
    url: UrlBuilder,
) -> PageSpan:
    page_number = query.page if side == "page" else query.columns
    has_next = page_number * size < total

    def page_url(number: int) -> str:
        return url(**query.url_arguments(**{side: number}))

    return PageSpan(
        first=min((page_number - 1) * size + 1, total),
        last=min(page_number * size, total),
        total=total,
        previous=page_url(page_number - 1) if page_number > 1 else None,
        next=page_url(page_number + 1) if has_next else None,
    )
