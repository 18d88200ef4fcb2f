"""Finds the part of a class's matrix that a view asks for, in a fixed number of statements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.columns import Column
from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import NOTHING, Cell, Learner, Totals
from quizserver.classes.matrix.ranks import Ranks
from quizserver.classes.matrix.view import COLUMNS, ROWS, View
from quizserver.classes.model import folded

Cells = Mapping[int, Mapping[str, Cell]]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Frame:
    """The rows and columns of a part of a matrix, with the totals of its rows, without its cells.

    ``columns`` are those of this page, ``of`` those that the totals are over; ``found`` of
    ``everybody`` learners match. ``moved`` when the view would have other rows, or others first,
    than those that were asked for.
    """

    view: View
    columns: tuple[Column, ...]
    of: tuple[Column, ...]
    rows: tuple[Learner, ...]
    totals: Mapping[int, Totals]
    everybody: int
    found: int
    moved: bool = False

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS))

    def totals_of(self, learner: Learner) -> Totals:
        return self.totals.get(learner.person_id, NOTHING)

    @property
    def mark(self) -> str:
        """Changes with everything that this part shows: every answer changes somebody's totals."""
        rows = [
            (*row, *self.totals_of(row)[:-1], str(self.totals_of(row)[-1])) for row in self.rows
        ]
        columns = [(column.question, column.title) for column in self.columns]
        said = [self.view.show, rows, columns, len(self.of), self.found, self.moved]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


class Board:
    """Reads matrices; it keeps what their learners are sorted by."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks

    def frame(
        self,
        session: Session,
        class_id: int,
        columns: Sequence[Column],
        view: View,
        kept: Sequence[int] | None = None,
    ) -> Frame:
        """The part that ``view`` asks for; with ``kept``, of the learners with these ids instead,
        as far as the class still counts them."""
        of = tuple(each for each in columns if not view.topic or each.topic == view.topic)
        everybody = store.learners(session, class_id)
        chosen = self._chosen(session, class_id, everybody, of, view)
        pages = max(1, -(-len(chosen) // ROWS))
        wide = max(1, -(-len(of) // COLUMNS))
        view = view.at(min(view.page, pages), min(view.columns, wide))
        rows = chosen[(view.page - 1) * ROWS : view.page * ROWS]
        moved = False
        if kept is not None:
            moved = [each.person_id for each in rows] != list(kept)
            by_id = {each.person_id: each for each in everybody}
            rows = [by_id[person_id] for person_id in kept if person_id in by_id]
        ids = [each.person_id for each in rows]
        return Frame(
            view=view,
            columns=of[(view.columns - 1) * COLUMNS : view.columns * COLUMNS],
            of=of,
            rows=tuple(rows),
            totals=store.totals(session, ids, [each.question for each in of]),
            everybody=len(everybody),
            found=len(chosen),
            moved=moved,
        )

    def cells(self, session: Session, frame: Frame) -> Cells:
        """The cells of a frame, by person and question; there is none where nothing is answered."""
        people = [each.person_id for each in frame.rows]
        return store.cells(session, people, [each.question for each in frame.columns])

    def _chosen(
        self,
        session: Session,
        class_id: int,
        everybody: Sequence[Learner],
        of: Sequence[Column],
        view: View,
    ) -> list[Learner]:
        """The learners whom the view asks for, in its order."""
        totals: Mapping[int, Totals] = {}
        questions = tuple(each.question for each in of)
        if view.needs_totals:
            ids = frozenset(each.person_id for each in everybody)
            totals = self._ranks.of(session, class_id, ids, questions)
        chosen = list(everybody)
        if view.search or view.state:
            chosen = [each for each in everybody if _is_wanted(each, totals, len(of), view)]
        if view.sort == "name":
            return chosen[::-1] if view.down else chosen
        key = _totals_key(totals, view)
        if view.sort == "question":
            key = _cell_key(store.column(session, class_id, view.question, view.show))
        # Equal learners stay in the order of their names, whichever way they are sorted.
        return sorted(chosen, key=key, reverse=view.down)


def _is_wanted(learner: Learner, totals: Mapping[int, Totals], questions: int, view: View) -> bool:
    wanted = folded(view.search)
    if wanted and wanted not in folded(f"{learner.name}\n{learner.email}"):
        return False
    return not view.state or totals.get(learner.person_id, NOTHING).state(questions) == view.state


def _totals_key(totals: Mapping[int, Totals], view: View) -> Callable[[Learner], Any]:
    if view.sort == "right":
        right = attrgetter(view.show, "answered")
        return lambda learner: right(totals.get(learner.person_id, NOTHING))
    if view.sort == "attempts":
        return lambda learner: totals.get(learner.person_id, NOTHING).attempts
    return lambda learner: totals.get(learner.person_id, NOTHING).latest_at or _NEVER


def _cell_key(cells: Mapping[int, tuple[float, int]]) -> Callable[[Learner], Any]:
    """Not answered, then wrong, then right; of each, the ones with more attempts first."""

    def key(learner: Learner) -> Any:
        mark, attempts = cells.get(learner.person_id, (-1.0, 0))
        return mark, -attempts

    return key
