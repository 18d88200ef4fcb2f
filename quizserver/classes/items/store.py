"""A class's answers as arrays. The only SQL of item analysis; nothing here writes.

A class of 5,000 with 200 questions has a million answers: they come as plain tuples, some ten
thousand at a time, and go straight into arrays. The number of statements does not grow with it.

Moments are whole seconds of Unix time, so that both kinds of database give the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.classes.statistics.answers import Bools, Floats, Ids, Ints, Marks
from quizserver.classes.statistics.pace import Pace
from quizserver.classes.store import COUNTS, WITH_PERSON
from quizserver.db.tables import attempt, experiment, member, person, standing

AT_ONCE = 20_000
_SECOND = attempt.alias("second")
_OF_MEMBER = standing.c.person_id == member.c.person_id
Simulations = Mapping[str, tuple[str, str] | None]
"""The topic and the name of each question's simulation, None where it has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Learners:
    """Whom the class counts: ``ids`` (R,) ascending, ``joined_at`` (R,) in Unix time."""

    ids: Ids
    joined_at: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What R learners did at Q questions: their first attempts, their latest, and how far."""

    first: Marks
    latest: Marks
    pace: Pace


def learners(session: Session, class_id: int) -> Learners:
    """Whom the class counts."""
    rows = session.execute(
        sa.select(member.c.person_id, _unix(member.c.joined_at))
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, COUNTS)
        .order_by(member.c.person_id)
    ).all()
    ids, joined = zip(*rows, strict=True) if rows else ((), ())
    return Learners(np.array(ids, np.int64), _whole(joined))


def names(session: Session, class_id: int, people: Collection[int]) -> dict[int, str]:
    """What the class calls some of its members, by person."""
    rows = session.execute(
        sa.select(member.c.person_id, member.c.name, person.c.email)
        .select_from(WITH_PERSON)
        .where(member.c.class_id == class_id, member.c.person_id.in_(people))
    )
    return {person_id: name or email for person_id, name, email in rows}


def latest_answer(session: Session) -> datetime | None:
    """The moment of the latest answer on this server: the cheapest sign that something changed."""
    found: datetime | None = session.scalar(sa.select(sa.func.max(standing.c.latest_at)))
    return found


def latest_experiment(session: Session) -> int | None:
    """The number of the latest experiment on this server, for the same reason."""
    found: int | None = session.scalar(sa.select(sa.func.max(experiment.c.id)))
    return found


def answers(
    session: Session, class_id: int, counted: Learners, simulations: Simulations
) -> Answers:
    """First and latest attempts of ``counted`` at the questions of ``simulations``, in its order.

    Three statements, whatever the size of the class.
    """
    questions = tuple(simulations)
    grid = _Grid(counted.ids, questions)
    first = _first(session, class_id, grid)
    again = _again(session, class_id, grid)
    ran = _ran(session, class_id, grid, again, list(simulations.values()))
    sets = tuple(grid.sets)
    common: dict[str, Any] = {
        "questions": questions,
        "learners": counted.ids,
        "sets": sets,
        "tried_again": first.attempts >= 2,
        "ran": ran,
    }
    once = first.attempts < 2
    return Answers(
        Marks(marks=first.marks, chosen=first.chosen, seconds=first.seconds, **common),
        Marks(
            marks=np.where(once, first.marks, again.marks),
            chosen=np.where(once, first.chosen, again.chosen),
            seconds=np.where(once, first.seconds, again.seconds),
            which="latest",
            **common,
        ),
        Pace(
            questions,
            counted.ids,
            counted.joined_at,
            first.attempts,
            first.best == 1,
            first.latest_at,
        ),
    )


class _Grid:
    """Which row and column an answer belongs to, and which set of options it chose."""

    def __init__(self, people: Ids, questions: Sequence[str]) -> None:
        self.people = people
        self.questions = questions
        self.shape = (len(people), len(questions))
        self.columns = {question: number for number, question in enumerate(questions)}
        self.sets: list[tuple[str, ...]] = []
        self._numbers: dict[str, int] = {}

    def table(self, empty: float, kind: Any = np.float64) -> Any:
        return np.full(self.shape, empty, kind)

    def at(self, people: Sequence[int], questions: Sequence[str]) -> tuple[Any, Any, Any]:
        """The row and the column of each answer, and which of them belong into the table.

        Somebody who joined in this moment may have answers and no row yet.
        """
        wanted = np.array(people, np.int64)
        rows = np.minimum(np.searchsorted(self.people, wanted), max(0, len(self.people) - 1))
        known = self.people[rows] == wanted if len(self.people) else np.zeros(len(wanted), bool)
        columns = np.array([self.columns[question] for question in questions], int)
        return rows[known], columns[known], known

    def chosen(self, texts: Sequence[str]) -> Ints:
        """The numbers of sets of options, each read from its JSON once."""
        for text in set(texts) - self._numbers.keys():
            self._numbers[text] = len(self.sets)
            self.sets.append(tuple(json.loads(text)))
        return np.array([self._numbers[text] for text in texts], np.int32)


@dataclass(slots=True, eq=False)
class _Firsts:
    marks: Floats
    chosen: Ints
    seconds: Floats
    attempts: Ints
    best: Floats
    latest_at: Floats


@dataclass(slots=True, eq=False)
class _Agains:
    """Of who tried again: the latest attempt, and when the first and the second were made."""

    marks: Floats
    chosen: Ints
    seconds: Floats
    first_at: Floats
    second_at: Floats


def _first(session: Session, class_id: int, grid: _Grid) -> _Firsts:
    found = _Firsts(
        grid.table(np.nan), grid.table(-1, np.int32), grid.table(np.nan),
        grid.table(0, np.int32), grid.table(np.nan), grid.table(np.nan),
    )  # fmt: skip
    statement = _of_class(
        class_id,
        grid.questions,
        attempt.c.mark,
        sa.cast(attempt.c.chosen, sa.Text),
        attempt.c.seconds,
        standing.c.attempts,
        standing.c.best_mark,
        _unix(standing.c.latest_at),
    ).where(_attempt(attempt, sa.literal(1)))
    for people, questions, *values in _parts(session, statement):
        rows, columns, known = grid.at(people, questions)
        marks, chosen, seconds, attempts, best, latest_at = values
        found.marks[rows, columns] = np.array(marks, float)[known]
        found.chosen[rows, columns] = grid.chosen(chosen)[known]
        found.seconds[rows, columns] = np.array(seconds, float)[known]
        found.attempts[rows, columns] = np.array(attempts, np.int32)[known]
        found.best[rows, columns] = np.array(best, float)[known]
        found.latest_at[rows, columns] = _whole(latest_at)[known]
    return found


def _again(session: Session, class_id: int, grid: _Grid) -> _Agains:
    """The latest attempt of those who tried again; of the others the first is the latest."""
    found = _Agains(
        grid.table(np.nan), grid.table(-1, np.int32), grid.table(np.nan),
        grid.table(np.nan), grid.table(np.nan),
    )  # fmt: skip
    statement = _of_class(
        class_id,
        grid.questions,
        attempt.c.mark,
        sa.cast(attempt.c.chosen, sa.Text),
        attempt.c.seconds,
        _unix(standing.c.first_at),
        _unix(_SECOND.c.answered_at),
    ).where(
        standing.c.attempts >= 2,
        _attempt(attempt, standing.c.attempts),
        _attempt(_SECOND, sa.literal(2)),
    )
    for people, questions, marks, chosen, seconds, first_at, second_at in _parts(
        session, statement
    ):
        rows, columns, known = grid.at(people, questions)
        found.marks[rows, columns] = np.array(marks, float)[known]
        found.chosen[rows, columns] = grid.chosen(chosen)[known]
        found.seconds[rows, columns] = np.array(seconds, float)[known]
        found.first_at[rows, columns] = _whole(first_at)[known]
        found.second_at[rows, columns] = _whole(second_at)[known]
    return found


def _ran(
    session: Session,
    class_id: int,
    grid: _Grid,
    again: _Agains,
    simulations: Sequence[tuple[str, str] | None],
) -> Bools:
    """Who ran a question's experiment between their first and their second attempt."""
    ran: Bools = grid.table(False, np.bool_)
    runs: dict[tuple[str, str], list[tuple[int, float]]] = {}
    statement = (
        sa.select(
            experiment.c.person_id,
            experiment.c.topic,
            experiment.c.simulation,
            _unix(experiment.c.started_at),
        )
        .select_from(WITH_PERSON.join(experiment, experiment.c.person_id == member.c.person_id))
        .where(
            member.c.class_id == class_id,
            COUNTS,
            experiment.c.topic.in_({each[0] for each in simulations if each is not None}),
        )
    )
    for people, topics, names, moments in _parts(session, statement):
        for who, topic, name, moment in zip(people, topics, names, moments, strict=True):
            runs.setdefault((topic, name), []).append((who, float(moment)))
    sorted_runs = {simulation: _by_person(found) for simulation, found in runs.items()}
    for column, simulation in enumerate(simulations):
        if simulation in sorted_runs:
            rows = np.flatnonzero(~np.isnan(again.second_at[:, column]))
            ran[rows, column] = _between(
                sorted_runs[simulation],
                grid.people[rows],
                again.first_at[rows, column],
                again.second_at[rows, column],
            )
    return ran


def _by_person(runs: list[tuple[int, float]]) -> Any:
    """Runs as one sorted array: a person's number and a moment of Unix time in each (N,)."""
    people, moments = zip(*runs, strict=True)
    return np.sort(_key(people, np.array(moments)))


def _key(who: Any, moment: Any) -> Any:
    # Both in one number: 31 bits for a person, and 32 for seconds until the year 2106.
    return np.asarray(who, np.int64) * 2**32 + np.floor(moment).astype(np.int64)


def _between(runs: Any, people: Ids, since: Floats, until: Floats) -> Bools:
    """Whether each of the people has a run in the time from ``since`` to ``until``."""
    begin = np.searchsorted(runs, _key(people, since), side="left")
    end = np.searchsorted(runs, _key(people, until), side="right")
    found: Bools = end > begin
    return found


def _of_class(class_id: int, questions: Sequence[str], *columns: Any) -> sa.Select[Any]:
    """The standings of the class's learners, for more tables to be joined to."""
    return (
        sa.select(standing.c.person_id, standing.c.question, *columns)
        .select_from(WITH_PERSON.join(standing, _OF_MEMBER))
        # Said so that no index is used for the questions: a learner's standings lie together.
        .where(
            member.c.class_id == class_id,
            COUNTS,
            sa.func.coalesce(standing.c.question, "").in_(questions),
        )
    )


def _attempt(table: Any, number: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The attempt of that number behind a standing."""
    return sa.and_(
        table.c.person_id == standing.c.person_id,
        table.c.question == standing.c.question,
        table.c.number == number,
    )


def _parts(session: Session, statement: sa.Select[Any]) -> Iterator[Any]:
    """The columns of the result, some rows at a time."""
    result = session.execute(statement, execution_options={"yield_per": AT_ONCE})
    for part in result.partitions():
        yield tuple(zip(*part, strict=True))


def _unix(moment: sa.ColumnElement[Any]) -> sa.ColumnElement[float]:
    return sa.cast(sa.extract("epoch", moment), sa.Float)


def _whole(seconds: Sequence[float]) -> Floats:
    found: Floats = np.floor(np.array(seconds, np.float64))
    return found
