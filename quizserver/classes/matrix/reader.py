"""Reads the page of a class's matrix that a query asks for, in a fixed number of statements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import NO_TOTALS, LearnerTotals, MatrixCell, MatrixLearner
from quizserver.classes.matrix.query import COLUMNS_PER_PAGE, ROWS_PER_PAGE, MatrixQuery
from quizserver.classes.matrix.totals_cache import TotalsCache
from quizserver.classes.model import fold_text

CellsByLearner = Mapping[int, Mapping[str, MatrixCell]]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MatrixPage:
    """The rows and columns of one page of a matrix, with the totals of its rows, without its cells.

    ``columns`` are those of this page; the totals are over ``all_columns``. ``match_count`` of
    ``learner_count`` learners match the query. ``moved`` says that the query would now give other
    rows, or the same in another order, than the browser shows.
    """

    query: MatrixQuery
    columns: tuple[QuestionColumn, ...]
    all_columns: tuple[QuestionColumn, ...]
    rows: tuple[MatrixLearner, ...]
    totals: Mapping[int, LearnerTotals]
    learner_count: int
    match_count: int
    moved: bool = False

    @property
    def page_count(self) -> int:
        return max(1, -(-self.match_count // ROWS_PER_PAGE))

    def totals_of(self, learner: MatrixLearner) -> LearnerTotals:
        return self.totals.get(learner.person_id, NO_TOTALS)

    @property
    def etag(self) -> str:
        """Changes with everything that the page shows: every attempt changes a learner's totals."""
        rows = [
            (*row, *self.totals_of(row)[:-1], str(self.totals_of(row)[-1])) for row in self.rows
        ]
        columns = [(column.question, column.title) for column in self.columns]
        content = [
            self.query.show,
            rows,
            columns,
            len(self.all_columns),
            self.match_count,
            self.moved,
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


class MatrixReader:
    """Reads pages of matrices; sorts learners by cached totals."""

    def __init__(self, totals_cache: TotalsCache) -> None:
        self._totals_cache = totals_cache

    def read_page(
        self,
        session: Session,
        class_id: int,
        columns: Sequence[QuestionColumn],
        query: MatrixQuery,
        shown_learners: Sequence[int] | None = None,
    ) -> MatrixPage:
        """The page that ``query`` asks for.

        With ``shown_learners``, the rows are the learners with these ids, as far as the class
        still counts them.
        """
        all_columns = tuple(
            column for column in columns if not query.topic or column.topic == query.topic
        )
        learners = store.matrix_learners(session, class_id)
        matching = self._matching_learners(session, class_id, learners, all_columns, query)
        pages = max(1, -(-len(matching) // ROWS_PER_PAGE))
        column_pages = max(1, -(-len(all_columns) // COLUMNS_PER_PAGE))
        query = query.with_pages(min(query.page, pages), min(query.columns, column_pages))
        rows = matching[(query.page - 1) * ROWS_PER_PAGE : query.page * ROWS_PER_PAGE]
        moved = False
        if shown_learners is not None:
            moved = [learner.person_id for learner in rows] != list(shown_learners)
            by_id = {learner.person_id: learner for learner in learners}
            rows = [by_id[person_id] for person_id in shown_learners if person_id in by_id]
        ids = [learner.person_id for learner in rows]
        return MatrixPage(
            query=query,
            columns=all_columns[
                (query.columns - 1) * COLUMNS_PER_PAGE : query.columns * COLUMNS_PER_PAGE
            ],
            all_columns=all_columns,
            rows=tuple(rows),
            totals=store.learner_totals(session, ids, [column.question for column in all_columns]),
            learner_count=len(learners),
            match_count=len(matching),
            moved=moved,
        )

    def read_cells(self, session: Session, page: MatrixPage) -> CellsByLearner:
        """The cells of a page, by person and question; unanswered questions have none."""
        people = [learner.person_id for learner in page.rows]
        return store.learner_cells(session, people, [column.question for column in page.columns])

    def _matching_learners(
        self,
        session: Session,
        class_id: int,
        learners: Sequence[MatrixLearner],
        all_columns: Sequence[QuestionColumn],
        query: MatrixQuery,
    ) -> list[MatrixLearner]:
        """The learners that match the query, in its order."""
        totals: Mapping[int, LearnerTotals] = {}
        questions = tuple(column.question for column in all_columns)
        if query.needs_totals:
            ids = frozenset(learner.person_id for learner in learners)
            totals = self._totals_cache.totals_of(session, class_id, ids, questions)
        matching = list(learners)
        if query.search or query.state:
            matching = [
                learner
                for learner in learners
                if _matches_query(learner, totals, len(all_columns), query)
            ]
        if query.sort == "name":
            return matching[::-1] if query.down else matching
        key = _totals_sort_key(totals, query)
        if query.sort == "question":
            key = _cell_sort_key(store.column_cells(session, class_id, query.question, query.show))
        # The sort is stable: equal learners stay in the order of their names, either way.
        return sorted(matching, key=key, reverse=query.down)


def _matches_query(
    learner: MatrixLearner,
    totals: Mapping[int, LearnerTotals],
    question_count: int,
    query: MatrixQuery,
) -> bool:
    search_key = fold_text(query.search)
    if search_key and search_key not in fold_text(f"{learner.name}\n{learner.email}"):
        return False
    return (
        not query.state
        or totals.get(learner.person_id, NO_TOTALS).state_of(question_count) == query.state
    )


def _totals_sort_key(
    totals: Mapping[int, LearnerTotals], query: MatrixQuery
) -> Callable[[MatrixLearner], Any]:
    if query.sort == "right":
        right_counts = attrgetter(query.show, "answered")
        return lambda learner: right_counts(totals.get(learner.person_id, NO_TOTALS))
    if query.sort == "attempts":
        return lambda learner: totals.get(learner.person_id, NO_TOTALS).attempts
    return lambda learner: totals.get(learner.person_id, NO_TOTALS).latest_at or _NEVER


def _cell_sort_key(cells: Mapping[int, tuple[float, int]]) -> Callable[[MatrixLearner], Any]:
    """Not answered, then without a mark, wrong, right; within each, more attempts first."""

    def sort_key(learner: MatrixLearner) -> Any:
        mark, attempts = cells.get(learner.person_id, (-1.0, 0))
        return mark, -attempts

    return sort_key
