"""The matrix and the attempts as CSV and JSON, in chunks of fifty learners.

All chunks are read in the caller's session, and so at one moment. The caller reads them at once: a
slow download must hold no connection.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import (
    NO_TOTALS,
    SHOWN_ATTEMPTS,
    AttemptRow,
    LearnerTotals,
    MatrixCell,
    MatrixLearner,
    ShownAttempt,
)
from quizserver.classes.model import Class
from quizserver.classes.spreadsheet import csv_file

MatrixLine = tuple[MatrixLearner, LearnerTotals, Mapping[str, MatrixCell]]

LEARNERS_PER_CHUNK = 50
_LEARNER_HEADS = ("name", "email", "answered", "right_{}", "attempts", "latest_at")
ATTEMPT_HEADS = (
    *("name", "email", "topic", "question", "number", "answered_at", "right", "mark"),
    *("chosen", "shown", "hints_seen", "seconds", "version"),
)


def matrix_csv(
    session: Session,
    learners: Sequence[MatrixLearner],
    columns: Sequence[QuestionColumn],
    show: ShownAttempt,
) -> Iterator[str]:
    """One line a learner: for each question the mark of the ``show`` attempt and the number of
    attempts."""
    questions = [column.question for column in columns]
    head = [name.format(show) for name in _LEARNER_HEADS]
    head += [name for q in questions for name in (f"{q} {show}", f"{q} attempts")]
    positions = {question: len(_LEARNER_HEADS) + 2 * i for i, question in enumerate(questions)}
    # A million cells hold only a few different texts.
    parse_number = functools.cache(lambda text: _whole_mark(float(text)) if text else None)

    def csv_line(
        learner: MatrixLearner, totals: LearnerTotals, cells: Sequence[Sequence[str]]
    ) -> list[object]:
        row: list[object] = [learner.name, learner.email, totals.answered, totals.right_count(show)]
        row += [totals.attempts, _latest_moment(totals), *[None] * (2 * len(questions))]
        for question, mark, attempts in cells:
            position = positions[question]
            row[position], row[position + 1] = parse_number(mark), parse_number(attempts)
        return row

    def read_chunks() -> Iterator[list[list[object]]]:
        for batch in _split_learners(learners, LEARNERS_PER_CHUNK):
            cells_by_learner = store.packed_cells(
                session, [learner.person_id for learner in batch], questions, show
            )
            yield [
                csv_line(learner, *cells_by_learner.get(learner.person_id, (NO_TOTALS, ())))
                for learner in batch
            ]

    return csv_file(head, read_chunks())


def matrix_json(
    session: Session,
    class_: Class,
    learners: Sequence[MatrixLearner],
    columns: Sequence[QuestionColumn],
) -> Iterator[str]:
    """A JSON object with the questions, and the learners with their marks at each question."""
    questions = [column.question for column in columns]

    def learner_object(
        learner: MatrixLearner, totals: LearnerTotals, cells: Mapping[str, MatrixCell]
    ) -> dict[str, Any]:
        return {
            "id": learner.person_id,
            "name": learner.name,
            "email": learner.email,
            "answered": totals.answered,
            "right": {show: totals.right_count(show) for show in SHOWN_ATTEMPTS},
            "attempts": totals.attempts,
            "latest_at": _latest_moment(totals),
            "questions": {
                question: {
                    "attempts": cell.attempts,
                    **{show: _whole_mark(cell.mark_of(show)) for show in SHOWN_ATTEMPTS},
                }
                for question in questions
                if (cell := cells.get(question)) is not None
            },
        }

    head = {"class": class_.title, "questions": [_question_object(column) for column in columns]}
    chunks = _matrix_chunks(session, learners, questions)
    return _json_parts(
        head,
        "learners",
        ([learner_object(*matrix_line) for matrix_line in chunk] for chunk in chunks),
    )


def attempts_csv(
    session: Session, learners: Sequence[MatrixLearner], columns: Sequence[QuestionColumn]
) -> Iterator[str]:
    """One line an attempt, by learner, question and number; lists are joined with spaces."""

    def csv_line(
        learner: MatrixLearner, column: QuestionColumn, answer: AttemptRow
    ) -> list[object]:
        values = _attempt_object(learner, column, answer)
        values["right"] = int(answer.right)
        values["chosen"], values["shown"] = " ".join(answer.chosen), " ".join(answer.shown)
        return [*values.values()]

    chunks = _attempt_chunks(session, learners, columns)
    return csv_file(
        ATTEMPT_HEADS, ([csv_line(*answered) for answered in chunk] for chunk in chunks)
    )


def attempts_json(
    session: Session,
    class_: Class,
    learners: Sequence[MatrixLearner],
    columns: Sequence[QuestionColumn],
) -> Iterator[str]:
    """A JSON object with the questions and the attempts."""
    head = {"class": class_.title, "questions": [_question_object(column) for column in columns]}
    chunks = _attempt_chunks(session, learners, columns)
    return _json_parts(
        head, "attempts", ([_attempt_object(*answered) for answered in chunk] for chunk in chunks)
    )


def _matrix_chunks(
    session: Session, learners: Sequence[MatrixLearner], questions: Sequence[str]
) -> Iterator[list[MatrixLine]]:
    for batch in _split_learners(learners, LEARNERS_PER_CHUNK):
        ids = [learner.person_id for learner in batch]
        totals = store.learner_totals(session, ids, questions)
        cells = store.learner_cells(session, ids, questions)
        yield [
            (learner, totals.get(learner.person_id, NO_TOTALS), cells.get(learner.person_id, {}))
            for learner in batch
        ]


def _attempt_chunks(
    session: Session, learners: Sequence[MatrixLearner], columns: Sequence[QuestionColumn]
) -> Iterator[Iterator[tuple[MatrixLearner, QuestionColumn, AttemptRow]]]:
    """In the order of the learners' names, then of the class's questions."""
    by_question = {column.question: column for column in columns}
    for batch in _split_learners(learners, LEARNERS_PER_CHUNK):
        ids = [learner.person_id for learner in batch]
        answers = list(store.learner_attempts(session, ids, by_question))
        yield _by_learner_and_column(answers, batch, by_question)


def _by_learner_and_column(
    answers: list[AttemptRow],
    learners: Sequence[MatrixLearner],
    columns: Mapping[str, QuestionColumn],
) -> Iterator[tuple[MatrixLearner, QuestionColumn, AttemptRow]]:
    positions = {learner.person_id: number for number, learner in enumerate(learners)}
    answers.sort(key=lambda answer: (positions[answer.person_id], columns[answer.question].number))
    return (
        (learners[positions[answer.person_id]], columns[answer.question], answer)
        for answer in answers
    )


def _attempt_object(
    learner: MatrixLearner, column: QuestionColumn, attempt: AttemptRow
) -> dict[str, Any]:
    """In the order of ``ATTEMPT_HEADS``."""
    return {
        "name": learner.name,
        "email": learner.email,
        "topic": column.topic,
        "question": attempt.question,
        "number": attempt.number,
        "answered_at": attempt.answered_at.isoformat(),
        "right": attempt.right,
        "mark": _whole_mark(attempt.mark),
        "chosen": attempt.chosen,
        "shown": attempt.shown,
        "hints_seen": attempt.hints_seen,
        "seconds": attempt.seconds,
        "version": attempt.version,
    }


def _question_object(column: QuestionColumn) -> dict[str, Any]:
    return {
        "id": column.question,
        "title": column.title,
        "topic": column.topic,
        "due_at": column.due_at.isoformat() if column.due_at is not None else None,
    }


def _json_parts(
    head: Mapping[str, Any], name: str, chunks: Iterable[Iterable[Mapping[str, Any]]]
) -> Iterator[str]:
    """One JSON object: ``head``, and under ``name`` a list with one entry a line."""
    yield f'{_compact_json(head)[:-1]},"{name}":['
    separator = "\n"
    for chunk in chunks:
        lines = [_compact_json(value) for value in chunk]
        if lines:
            yield separator + ",\n".join(lines)
            separator = ",\n"
    yield "\n]}\n"


def _compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _split_learners(
    learners: Sequence[MatrixLearner], size: int
) -> Iterator[Sequence[MatrixLearner]]:
    for start in range(0, len(learners), size):
        yield learners[start : start + size]


def _latest_moment(totals: LearnerTotals) -> str | None:
    return totals.latest_at.isoformat() if totals.latest_at is not None else None


def _whole_mark(mark: float | None) -> float | int | None:
    """A mark without fraction as an integer: 1, not 1.0; None for an answer without a mark."""
    return int(mark) if mark is not None and mark == int(mark) else mark
