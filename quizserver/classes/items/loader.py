"""Loads the answers of a class, and updates loaded ones. The caller owns the session.

All answers of a class are read once; later only new rows and those of new learners. Answers taken
over from a guest account are new rows too. Changes that leave none, such as rows deleted by hand,
are found by counting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from quizserver.classes.items import store
from quizserver.classes.items.answer_tables import (
    AnswerTables,
    ExperimentRuns,
    Simulations,
    find_rows,
)
from quizserver.classes.items.single_flight import ReportProgress
from quizserver.classes.items.store import (
    ROWS_PER_TEXT,
    CountedLearners,
    ReadScope,
    RowsOfLearners,
    RowsSince,
)
from quizserver.classes.statistics.answers import Floats, Ids

RECOUNT_SECONDS = 60.0
"""Time between two comparisons of the loaded answers with the counts in the standings."""
OVERLAP_ROWS = 1_000
"""This many latest rows are read again: in PostgreSQL a row may appear after a later one."""
FEW_LEARNERS = 500
"""Rows of up to this many new learners are looked up by learner."""
WHOLE_TABLE_SHARE = 4
"""A class with one answer in this many of the server is read by a scan of the whole table."""


@dataclass(frozen=True, slots=True)
class LoadedAnswers:
    """The loaded answers of a class.

    ``joined_at`` (R,) is in Unix time. ``newest_rows`` are the ids of the latest attempt and
    experiment of the server at that time, ``counted_at`` is on the caller's clock.
    """

    tables: AnswerTables
    runs: ExperimentRuns
    joined_at: Floats
    newest_rows: tuple[int, int]
    counted_at: float


def load_answers(
    session: Session,
    class_id: int,
    counted: CountedLearners,
    simulations: Simulations,
    previous: LoadedAnswers | None,
    now: float,
    report: ReportProgress,
) -> LoadedAnswers:
    """The answers of the class's learners at the questions of ``simulations`` until now.

    ``counted`` are these learners, read in this session. ``previous`` are loaded answers to the
    same questions, which are updated; they are returned themselves when nothing has changed.
    """
    newest_rows = store.newest_rows(session)
    if previous is None:
        previous = LoadedAnswers(
            AnswerTables(tuple(simulations)),
            ExperimentRuns(),
            counted.joined_at[:0],
            newest_rows,
            now,
        )
    new_learners = _find_new_learners(counted, previous)
    same_learners = not len(new_learners) and len(counted.ids) == len(previous.tables.learners)
    recount_due = now - previous.counted_at >= RECOUNT_SECONDS
    if same_learners and newest_rows == previous.newest_rows and not recount_due:
        return previous
    loader = _RowLoader(session, class_id, simulations, report)
    tables, runs = (
        previous.tables.for_learners(counted.ids, excluded=new_learners),
        previous.runs.copy(),
    )
    loader.load_rows(tables, runs, new_learners, previous.newest_rows, newest_rows)
    if recount_due:
        counts = store.attempt_counts(session, class_id, tables.learners, tables.questions)
        miscounted = tables.learners[counts != tables.attempt_counts]
        if len(miscounted):
            tables = tables.for_learners(counted.ids, excluded=miscounted)
            loader.load_rows(tables, runs, miscounted, newest_rows, newest_rows)
        elif same_learners and newest_rows == previous.newest_rows:
            return replace(previous, counted_at=now)
    return LoadedAnswers(
        tables, runs, counted.joined_at, newest_rows, now if recount_due else previous.counted_at
    )


@dataclass(frozen=True, slots=True)
class _RowLoader:
    session: Session
    class_id: int
    simulations: Simulations
    report: ReportProgress

    def load_rows(
        self,
        tables: AnswerTables,
        runs: ExperimentRuns,
        new_learners: Ids,
        seen_rows: tuple[int, int],
        newest_rows: tuple[int, int],
    ) -> None:
        """Adds all rows of ``new_learners``, and the rows of all learners after ``seen_rows``."""
        whole_table = len(new_learners) > FEW_LEARNERS and (
            WHOLE_TABLE_SHARE * store.total_attempts(self.session, self.class_id) >= newest_rows[0]
        )
        attempts, experiments = (
            _plan_scopes(new_learners, *bounds, whole_table=whole_table)
            for bounds in zip(seen_rows, newest_rows, strict=True)
        )
        text_count = sum(_count_texts(scope, len(tables.learners)) for scope in attempts)
        texts_done = 0
        for scope in attempts:
            for packed in store.packed_attempts(
                self.session, self.class_id, tables.questions, scope
            ):
                tables.add_attempts(packed)
                texts_done += packed.text_count
                self.report(texts_done / text_count)
        topics = {
            simulation[0] for simulation in self.simulations.values() if simulation is not None
        }
        for scope in experiments if topics else ():
            for packed in store.packed_experiments(self.session, self.class_id, topics, scope):
                runs.add_experiments(packed)


def _find_new_learners(counted: CountedLearners, previous: LoadedAnswers) -> Ids:
    """The ids of learners without loaded rows.

    A known id with another moment of joining counts as a new learner.
    """
    rows, is_known = find_rows(previous.tables.learners, counted.ids)
    is_known[is_known] = previous.joined_at[rows[is_known]] == counted.joined_at[is_known]
    new_ids: Ids = counted.ids[~is_known]
    return new_ids


def _plan_scopes(
    new_learners: Ids, seen_row: int, newest_row: int, *, whole_table: bool
) -> Sequence[ReadScope]:
    """What to read: all rows of ``new_learners``, and those after ``seen_row`` of all learners."""
    if len(new_learners) > FEW_LEARNERS:
        return [RowsSince(0, newest_row) if whole_table else RowsOfLearners()]
    scopes: list[ReadScope] = []
    if len(new_learners):
        scopes.append(RowsOfLearners(new_learners.tolist()))
    if newest_row > seen_row:
        scopes.append(RowsSince(max(0, seen_row - OVERLAP_ROWS), newest_row))
    return scopes


def _count_texts(scope: ReadScope, learners: int) -> int:
    """The number of packed texts that reading the scope will give."""
    if isinstance(scope, RowsSince):
        return max(1, math.ceil((scope.newest - scope.row) / ROWS_PER_TEXT))
    return max(1, learners if scope.people is None else len(scope.people))
