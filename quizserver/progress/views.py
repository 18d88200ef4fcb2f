"""A learner's progress, from their standings and the topics as they are served. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.attempts.model import Attempt, Standing
from quizserver.attempts.views import LinkView
from quizserver.lab_views.topic_evidence import described_figure
from quizserver.topics.model import Question, Snapshot, Topic
from quizserver.web.urls import UrlBuilder

Standings = Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class QuestionLine:
    title: str
    url: str
    state: Literal["new", "right", "wrong"]
    first_right: bool | None
    attempts: int


@dataclass(frozen=True, slots=True)
class TopicCard:
    id: str
    title: str
    summary: str
    url: str
    answered: int
    total: int
    first_try_right: int
    questions: tuple[QuestionLine, ...]


@dataclass(frozen=True, slots=True)
class ProgressTotals:
    answered: int
    total: int
    first_try_right: int
    attempts: int


@dataclass(frozen=True, slots=True)
class RecentLine:
    title: str
    url: str
    right: bool
    answered_at: datetime


def question_line(question: Question, standings: Standings, url: UrlBuilder) -> QuestionLine:
    standing = standings.get(question.id)
    address = url("attempts.question", question=question.id)
    if standing is None:
        return QuestionLine(question.title, address, "new", None, 0)
    state: Literal["right", "wrong"] = "right" if standing.best_mark == 1 else "wrong"
    return QuestionLine(question.title, address, state, standing.first_mark == 1, standing.attempts)


def topic_card(topic: Topic, standings: Standings, url: UrlBuilder) -> TopicCard:
    lines = tuple(question_line(question, standings, url) for question in topic.questions)
    return TopicCard(
        topic.id,
        topic.title,
        topic.summary,
        url("progress.topic", topic=topic.id),
        answered=sum(line.state != "new" for line in lines),
        total=len(lines),
        first_try_right=sum(line.first_right is True for line in lines),
        questions=lines,
    )


def sum_progress(cards: Iterable[TopicCard]) -> ProgressTotals:
    """Sums over the questions that exist now; answers to removed questions are left out."""
    cards = list(cards)
    return ProgressTotals(
        answered=sum(card.answered for card in cards),
        total=sum(card.total for card in cards),
        first_try_right=sum(card.first_try_right for card in cards),
        attempts=sum(line.attempts for card in cards for line in card.questions),
    )


def resume_link(snapshot: Snapshot, standings: Standings, url: UrlBuilder) -> LinkView | None:
    """The link to continue with: a question not yet right, first in the topic answered last."""
    latest = max(standings.values(), key=lambda s: s.latest_at, default=None)
    last_question = snapshot.questions.get(latest.question) if latest else None
    topics = sorted(
        snapshot.topics.values(),
        key=lambda topic: last_question is None or topic.id != last_question.topic,
    )
    open_questions = [
        question
        for topic in topics
        for question in topic.questions
        if question.id not in standings or standings[question.id].best_mark < 1
    ]
    # Questions without an attempt come before those that were answered wrong.
    open_questions.sort(key=lambda question: question.id in standings)
    if not open_questions:
        return None
    first = open_questions[0]
    return LinkView(
        first.title, url("attempts.question", question=first.id), described_figure(first)
    )


def recent_lines(
    attempts: Iterable[Attempt], snapshot: Snapshot, url: UrlBuilder
) -> list[RecentLine]:
    return [
        RecentLine(
            snapshot.questions[attempt.question].title,
            url("attempts.question", question=attempt.question),
            attempt.right,
            attempt.answered_at,
        )
        for attempt in attempts
        if attempt.question in snapshot.questions
    ]
