"""The views of the class pages, from memberships, topics and standings. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from quizserver.attempts.model import LearnerProgress
from quizserver.attempts.views import LinkView
from quizserver.classes.columns import QuestionColumn
from quizserver.classes.model import Class, ClassTopic, Member, fold_text
from quizserver.progress.views import QuestionLine, question_line
from quizserver.topics.model import Snapshot
from quizserver.web.paging import Paging
from quizserver.web.urls import UrlBuilder

ROSTER_PAGE = 200


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic of a class with the learner's standings; ``url`` is None for a missing topic."""

    id: str
    title: str
    url: str | None
    due_at: datetime | None
    overdue: bool
    questions: tuple[QuestionLine, ...]

    @property
    def is_missing(self) -> bool:
        return self.url is None

    @property
    def answered(self) -> int:
        return sum(line.attempts > 0 for line in self.questions)

    @property
    def first_try_right(self) -> int:
        return sum(line.first_right is True for line in self.questions)


@dataclass(frozen=True, slots=True)
class RosterPage:
    """A page of the memberships that match ``search``.

    ``counted_learners`` and ``inactive`` count all memberships, not only the matching ones.
    """

    members: Sequence[Member]
    paging: Paging
    search: str
    counted_learners: int
    inactive: int

    @property
    def url_arguments(self) -> dict[str, Any]:
        """The query arguments of this page's address."""
        return {"page": self.paging.page if self.paging.page > 1 else None} | self.search_arguments

    @property
    def search_arguments(self) -> dict[str, Any]:
        """The query arguments that all pages of this search share."""
        return {"search": self.search or None}


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A class in a list; ``joining`` says whether it can be joined now."""

    id: int
    title: str
    joining: Literal["open", "closed", "no instructor"]
    learners: int


def class_lines(
    classes: Iterable[Class], sizes: Mapping[int, int], ids_with_instructor: Collection[int]
) -> list[ClassLine]:
    """The classes of a list.

    ``sizes`` has the number of learners by class, ``ids_with_instructor`` the ids of the classes
    that have an instructor.
    """

    def joining_state(class_: Class) -> Literal["open", "closed", "no instructor"]:
        if class_.id not in ids_with_instructor:
            return "no instructor"
        return "open" if class_.join_code is not None else "closed"

    return [
        ClassLine(class_.id, class_.title, joining_state(class_), sizes.get(class_.id, 0))
        for class_ in classes
    ]


def topic_lines(
    topics: Iterable[ClassTopic],
    snapshot: Snapshot,
    progress: LearnerProgress,
    now: datetime,
    url: UrlBuilder,
) -> list[TopicLine]:
    """The topics of a class in its order, each with the learner's standing at every question."""
    return [_topic_line(topic, snapshot, progress, now, url) for topic in topics]


def next_step(
    columns: Sequence[QuestionColumn], progress: LearnerProgress, url: UrlBuilder
) -> LinkView | None:
    """The first question without an attempt, else the first not known yet, else None."""
    open_columns = [column for column in columns if not progress.is_finished(column.question)]
    open_columns.sort(key=lambda column: column.question in progress.standings)
    for column in open_columns[:1]:
        return LinkView(column.title, url("attempts.question", question=column.question))
    return None


def roster_page(members: Iterable[Member], search: str, page: str) -> RosterPage:
    """The page of the memberships whose name or email address contains ``search``.

    Active members come first, then those who left or were removed.
    """
    all_members = list(members)
    search_key = fold_text(search.strip())
    matching = [
        member
        for member in all_members
        if search_key in fold_text(f"{member.name}\n{member.email}")
    ]
    matching.sort(key=lambda member: member.state != "active")
    paging = Paging.from_query(page, len(matching), ROSTER_PAGE)
    return RosterPage(
        members=matching[paging.offset : paging.last],
        paging=paging,
        search=search.strip(),
        counted_learners=sum(member.is_counted for member in all_members),
        inactive=sum(member.state != "active" for member in all_members),
    )


def _topic_line(
    topic: ClassTopic,
    snapshot: Snapshot,
    progress: LearnerProgress,
    now: datetime,
    url: UrlBuilder,
) -> TopicLine:
    content_topic = snapshot.topics.get(topic.topic)
    if content_topic is None:
        return TopicLine(topic.topic, topic.topic, None, topic.due_at, False, ())
    lines = tuple(question_line(question, progress, url) for question in content_topic.questions)
    is_late = topic.due_at is not None and topic.due_at < now
    return TopicLine(
        content_topic.id,
        content_topic.title,
        url("progress.topic", topic=content_topic.id),
        topic.due_at,
        is_late and any(line.state == "new" for line in lines),
        lines,
    )
