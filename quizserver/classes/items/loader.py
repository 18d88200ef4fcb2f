"""Reads what a class did, and brings what was read up to date. The caller owns the session.

A class's answers are read whole once; from then on only those that are new, and those of who is
new. What shows by no new row (answers that an account took over from a guest) is found by counting.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from quizserver.classes.items import store
from quizserver.classes.items.answer_tables import (
    AnswerTables,
    ExperimentRuns,
    Simulations,
    find_rows,
)
from quizserver.classes.items.store import (
    ROWS_PER_TEXT,
    CountedLearners,
    ReadScope,
    RowsOfLearners,
    RowsSince,
)
from quizserver.classes.statistics.answers import Floats, Ids

RECOUNT_SECONDS = 60.0
"""How often the answers that were read are counted against the standings."""
OVERLAP_ROWS = 1_000
"""So many of the latest rows are read again: in PostgreSQL a row may appear after a later one."""
FEW_LEARNERS = 500
"""More learners than this are not looked up one by one."""
WHOLE_TABLE_SHARE = 4
"""A class with a fourth of all answers is read faster from the whole table than by its learners."""

ReportProgress = Callable[[float], None]
"""Is told how much of a reading is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class LoadedAnswers:
    """What was read of a class: ``rows`` were the latest attempt and experiment of the server, and
    ``joined_at`` (R,) is of the learners. ``counted_at`` is on the reader's own clock."""

    tables: AnswerTables
    runs: ExperimentRuns
    joined_at: Floats
    newest_rows: tuple[int, int]
    counted_at: float


def load_answers(
    session: Session,
    class_id: int,
    simulations: Simulations,
    previous: LoadedAnswers | None,
    now: float,
    report: ReportProgress,
) -> LoadedAnswers:
    """What the class's learners did at the questions of ``simulations`` until now.

    ``before`` is what was read of the same questions; it is returned when nothing has changed.
    """
    counted, newest_rows = store.counted_learners(session, class_id), store.newest_rows(session)
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
        """Adds all that the learners ``anew`` did, and what anybody did after the rows ``seen``."""
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
    """Who was not read before: a number may have passed to somebody else, who joined later."""
    rows, is_known = find_rows(previous.tables.learners, counted.ids)
    is_known[is_known] = previous.joined_at[rows[is_known]] == counted.joined_at[is_known]
    new_ids: Ids = counted.ids[~is_known]
    return new_ids


def _plan_scopes(
    new_learners: Ids, seen_row: int, newest_row: int, *, whole_table: bool
) -> Sequence[ReadScope]:
    """Which rows to read for the learners ``anew``, and after the row ``seen`` for everybody."""
    if len(new_learners) > FEW_LEARNERS:
        return [RowsSince(0, newest_row) if whole_table else RowsOfLearners()]
    scopes: list[ReadScope] = [RowsOfLearners(new_learners.tolist())] if len(new_learners) else []
    return [
        *scopes,
        *(
            [RowsSince(max(0, seen_row - OVERLAP_ROWS), newest_row)]
            if newest_row > seen_row
            else []
        ),
    ]


def _count_texts(scope: ReadScope, learners: int) -> int:
    if isinstance(scope, RowsSince):
        return max(1, math.ceil((scope.newest - scope.row) / ROWS_PER_TEXT))
    return max(1, learners if scope.people is None else len(scope.people))
