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
from quizserver.classes.items.cells import Cells, Runs, Simulations, rows_of
from quizserver.classes.items.store import AT_ONCE, Learners, Of, Scope, Since
from quizserver.classes.statistics.answers import Floats, Ids

SECONDS = 60.0
"""How often the answers that were read are counted against the standings."""
OVERLAP = 1_000
"""So many of the latest rows are read again: in PostgreSQL a row may appear after a later one."""
FEW = 500
"""More learners than this are not looked up one by one."""
WHOLE = 4
"""A class with a fourth of all answers is read faster from the whole table than by its learners."""

Told = Callable[[float], None]
"""Is told how much of a reading is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a class: ``rows`` were the latest attempt and experiment of the server, and
    ``joined_at`` (R,) is of the learners. ``counted_at`` is on the reader's own clock."""

    cells: Cells
    runs: Runs
    joined_at: Floats
    rows: tuple[int, int]
    counted_at: float


def read(
    session: Session,
    class_id: int,
    simulations: Simulations,
    before: Read | None,
    now: float,
    told: Told,
) -> Read:
    """What the class's learners did at the questions of ``simulations`` until now.

    ``before`` is what was read of the same questions; it is returned when nothing has changed.
    """
    counted, newest = store.learners(session, class_id), store.newest(session)
    if before is None:
        before = Read(Cells(tuple(simulations)), Runs(), counted.joined_at[:0], newest, now)
    fresh = _fresh(counted, before)
    stays = not len(fresh) and len(counted.ids) == len(before.cells.learners)
    due = now - before.counted_at >= SECONDS
    if stays and newest == before.rows and not due:
        return before
    reading = _Reading(session, class_id, simulations, told)
    cells, runs = before.cells.of(counted.ids, without=fresh), before.runs.copy()
    reading.add(cells, runs, fresh, before.rows, newest)
    if due:
        counts = store.counts(session, class_id, cells.learners, cells.questions)
        wrong = cells.learners[counts != cells.counts]
        if len(wrong):
            cells = cells.of(counted.ids, without=wrong)
            reading.add(cells, runs, wrong, newest, newest)
        elif stays and newest == before.rows:
            return replace(before, counted_at=now)
    return Read(cells, runs, counted.joined_at, newest, now if due else before.counted_at)


@dataclass(frozen=True, slots=True)
class _Reading:
    session: Session
    class_id: int
    simulations: Simulations
    told: Told

    def add(
        self, cells: Cells, runs: Runs, anew: Ids, seen: tuple[int, int], newest: tuple[int, int]
    ) -> None:
        """Adds all that the learners ``anew`` did, and what anybody did after the rows ``seen``."""
        whole = len(anew) > FEW and (
            WHOLE * store.answered(self.session, self.class_id) >= newest[0]
        )
        attempts, experiments = (
            _scopes(anew, *rows, whole=whole) for rows in zip(seen, newest, strict=True)
        )
        texts = sum(_texts(scope, len(cells.learners)) for scope in attempts)
        done = 0
        for scope in attempts:
            for part in store.attempts(self.session, self.class_id, cells.questions, scope):
                cells.add(part)
                done += part.texts
                self.told(done / texts)
        topics = {each[0] for each in self.simulations.values() if each is not None}
        for scope in experiments if topics else ():
            for part in store.experiments(self.session, self.class_id, topics, scope):
                runs.add(part)


def _fresh(counted: Learners, before: Read) -> Ids:
    """Who was not read before: a number may have passed to somebody else, who joined later."""
    rows, known = rows_of(before.cells.learners, counted.ids)
    known[known] = before.joined_at[rows[known]] == counted.joined_at[known]
    found: Ids = counted.ids[~known]
    return found


def _scopes(anew: Ids, seen: int, newest: int, *, whole: bool) -> Sequence[Scope]:
    """Which rows to read for the learners ``anew``, and after the row ``seen`` for everybody."""
    if len(anew) > FEW:
        return [Since(0, newest) if whole else Of()]
    of_some: list[Scope] = [Of(anew.tolist())] if len(anew) else []
    return [*of_some, *([Since(max(0, seen - OVERLAP), newest)] if newest > seen else [])]


def _texts(scope: Scope, learners: int) -> int:
    if isinstance(scope, Since):
        return max(1, math.ceil((scope.newest - scope.row) / AT_ONCE))
    return max(1, learners if scope.people is None else len(scope.people))
