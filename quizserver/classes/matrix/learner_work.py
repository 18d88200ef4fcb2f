"""The work of one learner as an instructor sees it: at all questions of the class, and at one.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from quizserver.attempts.grading import OptionStatus, option_status
from quizserver.attempts.model import Attempt
from quizserver.classes.columns import QuestionColumn
from quizserver.classes.matrix.model import MatrixCell
from quizserver.topics.model import Question


@dataclass(frozen=True, slots=True)
class QuestionWork:
    """A question of the class and the learner's work at it; ``cell`` is None without an attempt."""

    column: QuestionColumn
    cell: MatrixCell | None
    first_at: datetime | None
    latest_at: datetime | None


@dataclass(frozen=True, slots=True)
class TopicWork:
    title: str
    due_at: datetime | None
    questions: Sequence[QuestionWork]


@dataclass(frozen=True, slots=True)
class ShownOption:
    """An option as the learner saw it.

    ``html`` and ``result`` are None when the answered version of the question, and with it the key,
    can't be parsed any more.
    """

    id: str
    html: str | None
    chosen: bool
    result: OptionStatus | None


@dataclass(frozen=True, slots=True)
class AttemptWork:
    """One attempt.

    ``question`` is the version that was answered, None when it can't be parsed any more; ``edited``
    says that the present one asks something else, or is graded otherwise. ``ran`` are the moments
    at which the learner ran the question's experiment since the attempt before.
    """

    attempt: Attempt
    question: Question | None
    edited: bool
    options: Sequence[ShownOption]
    ran: Sequence[datetime]


def topic_work(columns: Iterable[QuestionColumn], standings: Iterable[Any]) -> list[TopicWork]:
    """A learner's work at the questions of a class, topic by topic.

    ``standings`` are rows (question, attempts, first, best, latest, first_at, latest_at).
    """
    by_question = {row[0]: row for row in standings}
    topics = []
    for _, topic_columns in groupby(columns, key=lambda column: column.topic):
        questions = [
            _question_work(column, by_question.get(column.question)) for column in topic_columns
        ]
        topics.append(
            TopicWork(questions[0].column.topic_title, questions[0].column.due_at, questions)
        )
    return topics


def attempt_work(
    attempts: Sequence[Attempt],
    texts: Mapping[str, Question | None],
    present: Question,
    ran: Sequence[datetime],
) -> tuple[list[AttemptWork], list[datetime]]:
    """The attempts with the experiments run before each, and the runs after the last attempt.

    ``texts`` holds the question by version; ``ran`` are the moments of all runs.
    """
    work: list[AttemptWork] = []
    since: datetime | None = None
    for attempt in attempts:
        ran_before = [moment for moment in ran if _is_between(moment, since, attempt.answered_at)]
        question = texts.get(attempt.version)
        options = _shown_options(attempt, question)
        edited = question is None or question.graded_version != present.graded_version
        work.append(AttemptWork(attempt, question, edited, options, ran_before))
        since = attempt.answered_at
    return work, [moment for moment in ran if since is None or moment > since]


def _question_work(column: QuestionColumn, row: Any) -> QuestionWork:
    if row is None:
        return QuestionWork(column, None, None, None)
    return QuestionWork(column, MatrixCell(*row[1:5]), row[5], row[6])


def _shown_options(attempt: Attempt, question: Question | None) -> list[ShownOption]:
    """The options in the order in which they were shown to the learner."""
    html = {option.id: option.html for option in question.options} if question else {}
    return [
        ShownOption(
            option_id,
            html.get(option_id),
            option_id in attempt.chosen,
            option_status(option_id, question.right_ids, attempt.chosen) if question else None,
        )
        for option_id in attempt.shown
    ]


def _is_between(moment: datetime, after: datetime | None, until: datetime) -> bool:
    return (after is None or moment > after) and moment <= until
