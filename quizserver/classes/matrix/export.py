"""The matrix and the attempts as CSV and JSON, fifty learners at a time.

Every chunk is one short reading: a slow download holds neither a connection nor a snapshot.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.columns import Column
from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import NOTHING, SHOWS, Answer, Cell, Learner, Show, Totals
from quizserver.classes.model import Class
from quizserver.classes.spreadsheet import csv_file

Reading = Callable[[], AbstractContextManager[Session]]
Line = tuple[Learner, Totals, Mapping[str, Cell]]

LEARNERS = 50
"""How many are read at once."""
_FIRST = ("name", "email", "answered", "right_{}", "attempts", "latest_at")
ATTEMPT_HEAD = (
    *("name", "email", "topic", "question", "number", "answered_at", "right", "mark"),
    *("chosen", "shown", "hints_seen", "seconds", "version"),
)


def matrix_csv(
    reading: Reading, learners: Sequence[Learner], columns: Sequence[Column], show: Show
) -> Iterator[str]:
    """One line a learner; of each question the mark of the ``show`` attempt, and how many."""
    questions = [column.question for column in columns]
    head = [*(name.format(show) for name in _FIRST)]
    head += [name for q in questions for name in (f"{q} {show}", f"{q} attempts")]
    place = {question: len(_FIRST) + 2 * number for number, question in enumerate(questions)}
    number = functools.cache(lambda text: _mark(float(text)))  # there are only a few different

    def line(learner: Learner, totals: Totals, cells: Sequence[Sequence[str]]) -> list[object]:
        row: list[object] = [learner.name, learner.email, totals.answered, totals.right(show)]
        row += [totals.attempts, _moment(totals), *[None] * (2 * len(questions))]
        for question, mark, attempts in cells:
            at = place[question]
            row[at], row[at + 1] = number(mark), number(attempts)
        return row

    def chunks() -> Iterator[list[list[object]]]:
        for some in _parts(learners, LEARNERS):
            with reading() as session:
                found = store.packed(session, [each.person_id for each in some], questions, show)
            yield [line(each, *found.get(each.person_id, (NOTHING, ()))) for each in some]

    return csv_file(head, chunks())


def matrix_json(
    reading: Reading, room: Class, learners: Sequence[Learner], columns: Sequence[Column]
) -> Iterator[str]:
    """An object with the questions and the learners, each with first, best and latest mark."""
    questions = [column.question for column in columns]

    def told(learner: Learner, totals: Totals, cells: Mapping[str, Cell]) -> dict[str, Any]:
        return {
            "id": learner.person_id,
            "name": learner.name,
            "email": learner.email,
            "answered": totals.answered,
            "right": {show: totals.right(show) for show in SHOWS},
            "attempts": totals.attempts,
            "latest_at": _moment(totals),
            "questions": {
                question: {
                    "attempts": cell.attempts,
                    **{show: _mark(cell.mark(show)) for show in SHOWS},
                }
                for question in questions
                if (cell := cells.get(question)) is not None
            },
        }

    head = {"class": room.title, "questions": [_question(column) for column in columns]}
    chunks = _matrix(reading, learners, questions)
    return _json(head, "learners", ([told(*each) for each in chunk] for chunk in chunks))


def attempts_csv(
    reading: Reading, learners: Sequence[Learner], columns: Sequence[Column]
) -> Iterator[str]:
    """One line an attempt, by learner, question and number; lists are joined with spaces."""

    def line(learner: Learner, column: Column, answer: Answer) -> list[object]:
        told = _attempt(learner, column, answer)
        told["right"] = int(answer.right)
        told["chosen"], told["shown"] = " ".join(answer.chosen), " ".join(answer.shown)
        return [*told.values()]

    chunks = _attempts(reading, learners, columns)
    return csv_file(ATTEMPT_HEAD, ([line(*each) for each in chunk] for chunk in chunks))


def attempts_json(
    reading: Reading, room: Class, learners: Sequence[Learner], columns: Sequence[Column]
) -> Iterator[str]:
    """The same as an object with a list of attempts."""
    head = {"class": room.title, "questions": [_question(column) for column in columns]}
    chunks = _attempts(reading, learners, columns)
    return _json(head, "attempts", ([_attempt(*each) for each in chunk] for chunk in chunks))


def _matrix(
    reading: Reading, learners: Sequence[Learner], questions: Sequence[str]
) -> Iterator[list[Line]]:
    for some in _parts(learners, LEARNERS):
        ids = [each.person_id for each in some]
        with reading() as session:
            totals = store.totals(session, ids, questions)
            cells = store.cells(session, ids, questions)
        yield [
            (each, totals.get(each.person_id, NOTHING), cells.get(each.person_id, {}))
            for each in some
        ]


def _attempts(
    reading: Reading, learners: Sequence[Learner], columns: Sequence[Column]
) -> Iterator[Iterator[tuple[Learner, Column, Answer]]]:
    """In the order of the learners' names, then of the class's questions."""
    by_question = {column.question: column for column in columns}
    for some in _parts(learners, LEARNERS):
        with reading() as session:
            found = list(store.answers(session, [each.person_id for each in some], by_question))
        yield _in_order(found, some, by_question)


def _in_order(
    answers: list[Answer], learners: Sequence[Learner], columns: Mapping[str, Column]
) -> Iterator[tuple[Learner, Column, Answer]]:
    place = {each.person_id: number for number, each in enumerate(learners)}
    answers.sort(key=lambda each: (place[each.person_id], columns[each.question].number))
    return ((learners[place[each.person_id]], columns[each.question], each) for each in answers)


def _attempt(learner: Learner, column: Column, attempt: Answer) -> dict[str, Any]:
    """In the order of ``ATTEMPT_HEAD``."""
    return {
        "name": learner.name,
        "email": learner.email,
        "topic": column.topic,
        "question": attempt.question,
        "number": attempt.number,
        "answered_at": attempt.answered_at.isoformat(),
        "right": attempt.right,
        "mark": _mark(attempt.mark),
        "chosen": attempt.chosen,
        "shown": attempt.shown,
        "hints_seen": attempt.hints_seen,
        "seconds": attempt.seconds,
        "version": attempt.version,
    }


def _question(column: Column) -> dict[str, Any]:
    return {
        "id": column.question,
        "title": column.title,
        "topic": column.topic,
        "due_at": column.due_at.isoformat() if column.due_at is not None else None,
    }


def _json(
    head: Mapping[str, Any], name: str, chunks: Iterable[Iterable[Mapping[str, Any]]]
) -> Iterator[str]:
    """One object: ``head``, and under ``name`` a list with one item a line."""
    yield f'{_dumped(head)[:-1]},"{name}":['
    before = "\n"
    for chunk in chunks:
        lines = [_dumped(each) for each in chunk]
        if lines:
            yield before + ",\n".join(lines)
            before = ",\n"
    yield "\n]}\n"


def _dumped(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _parts(learners: Sequence[Learner], size: int) -> Iterator[Sequence[Learner]]:
    for start in range(0, len(learners), size):
        yield learners[start : start + size]


def _moment(totals: Totals) -> str | None:
    return totals.latest_at.isoformat() if totals.latest_at is not None else None


def _mark(mark: float) -> float | int:
    """A whole mark without its fraction: 1, not 1.0."""
    return int(mark) if mark == int(mark) else mark
