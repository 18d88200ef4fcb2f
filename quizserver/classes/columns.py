"""The questions of a class in their order, which are the columns of its matrix and tables. Pure.

Pages name what has gone from the content: ``missing_topics`` finds topics,
``counted_store.answered_missing_questions`` finds questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from quizserver.classes.model import ClassTopic
from quizserver.topics.model import Question, Snapshot, Topic


@dataclass(frozen=True, slots=True)
class QuestionColumn:
    """One question of a class. ``number`` counts the class's questions from 1."""

    question: str
    title: str
    topic: str
    topic_title: str
    number: int
    due_at: datetime | None


def question_columns(
    topics: Iterable[ClassTopic], snapshot: Snapshot
) -> tuple[QuestionColumn, ...]:
    """The questions of a class: its topics in the instructor's order, each in its own order."""
    return tuple(
        QuestionColumn(question.id, question.title, topic.id, topic.title, number, due_at)
        for number, (topic, question, due_at) in enumerate(
            _class_questions(topics, snapshot), start=1
        )
    )


def missing_topics(topics: Iterable[ClassTopic], snapshot: Snapshot) -> tuple[ClassTopic, ...]:
    """The topics of a class that are not in the content now and so have no columns."""
    return tuple(class_topic for class_topic in topics if class_topic.topic not in snapshot.topics)


def _class_questions(
    topics: Iterable[ClassTopic], snapshot: Snapshot
) -> Iterator[tuple[Topic, Question, datetime | None]]:
    for class_topic in topics:
        topic = snapshot.topics.get(class_topic.topic)
        if topic is not None:
            yield from ((topic, question, class_topic.due_at) for question in topic.questions)
