"""A learner's progress, from their standings and the topics as they are served. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.attempts.model import Attempt, LearnerProgress
from quizserver.attempts.views import LinkView
from quizserver.lab_views.topic_evidence import described_figure
from quizserver.topics.model import Question, Snapshot, Topic
from quizserver.web.urls import UrlBuilder


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """A question as it stands for a learner: "shown" is one whose answer they saw without being
    right before."""

    title: str
    url: str
    state: Literal["new", "right", "wrong", "shown"]
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


def question_line(question: Question, progress: LearnerProgress, url: UrlBuilder) -> QuestionLine:
    standing = progress.standings.get(question.id)
    address = url("attempts.question", question=question.id)
    is_shown = question.id in progress.reveals
    if standing is None:
        return QuestionLine(question.title, address, "shown" if is_shown else "new", None, 0)
    state: Literal["right", "wrong", "shown"] = "shown" if is_shown else "wrong"
    if standing.best_mark == 1:
        state = "right"
    return QuestionLine(question.title, address, state, standing.first_mark == 1, standing.attempts)


def topic_card(topic: Topic, progress: LearnerProgress, url: UrlBuilder) -> TopicCard:
    lines = tuple(question_line(question, progress, url) for question in topic.questions)
    return TopicCard(
        topic.id,
        topic.title,
        topic.summary,
        url("progress.topic", topic=topic.id),
        answered=sum(line.attempts > 0 for line in lines),
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


def resume_link(snapshot: Snapshot, progress: LearnerProgress, url: UrlBuilder) -> LinkView | None:
    """The link to continue with: a question whose answer is not known yet, first in the topic that
    was answered last."""
    standings = progress.standings
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
        if not progress.is_finished(question.id)
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
