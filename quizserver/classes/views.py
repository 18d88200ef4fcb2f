"""What the class pages show, from memberships, topics and standings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quizserver.attempts.model import Standing
from quizserver.attempts.views import LinkView
from quizserver.classes.columns import Column
from quizserver.classes.model import Class, ClassTopic, Member
from quizserver.progress.views import QuestionLine, question_line
from quizserver.topics.model import Snapshot

Url = Callable[..., str]
Standings = Mapping[str, Standing]
ROSTER_PAGE = 200


@dataclass(frozen=True, slots=True)
class TopicLine:
    """A topic of a class with the learner's own standing; ``gone`` when the content has it not."""

    id: str
    title: str
    url: str | None
    due_at: datetime | None
    overdue: bool
    questions: tuple[QuestionLine, ...]

    @property
    def gone(self) -> bool:
        return self.url is None

    @property
    def answered(self) -> int:
        return sum(line.state != "new" for line in self.questions)

    @property
    def first_try_right(self) -> int:
        return sum(line.first_right is True for line in self.questions)


@dataclass(frozen=True, slots=True)
class RosterPage:
    """A part of the roster: ``found`` of all memberships match, of which ``rows`` are shown."""

    rows: Sequence[Member]
    found: int
    page: int
    pages: int
    search: str
    counted: int
    gone: int


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A class in a list. ``learners`` and ``open`` are for who instructs it."""

    id: int
    title: str
    open: bool
    learners: int


def class_lines(classes: Iterable[Class], sizes: Mapping[int, int]) -> list[ClassLine]:
    return [
        ClassLine(each.id, each.title, each.join_code is not None, sizes.get(each.id, 0))
        for each in classes
    ]


def topic_lines(
    topics: Iterable[ClassTopic],
    snapshot: Snapshot,
    standings: Standings,
    now: datetime,
    url: Url,
) -> list[TopicLine]:
    """The topics of a class in its order, each with every question as it stands for the learner."""
    return [_topic_line(each, snapshot, standings, now, url) for each in topics]


def next_step(columns: Sequence[Column], standings: Standings, url: Url) -> LinkView | None:
    """The first question of the class not tried yet, else the first not right yet, else None."""
    new = [column for column in columns if column.question not in standings]
    wrong = [
        column
        for column in columns
        if column.question in standings and standings[column.question].best_mark < 1
    ]
    for column in [*new, *wrong][:1]:
        return LinkView(column.title, url("attempts.question", question=column.question))
    return None


def roster_page(members: Iterable[Member], search: str, page: int) -> RosterPage:
    """The memberships whose name or address holds ``search``, in pages counted from 1.

    Who is in the class comes first, then who left or was removed.
    """
    everybody = list(members)
    wanted = search.strip().casefold()
    found = [each for each in everybody if wanted in f"{each.name}\n{each.email}".casefold()]
    found.sort(key=lambda each: each.state != "active")
    pages = max(1, -(-len(found) // ROSTER_PAGE))
    page = min(max(page, 1), pages)
    return RosterPage(
        rows=found[(page - 1) * ROSTER_PAGE : page * ROSTER_PAGE],
        found=len(found),
        page=page,
        pages=pages,
        search=search.strip(),
        counted=sum(each.counts for each in everybody),
        gone=sum(each.state != "active" for each in everybody),
    )


def _topic_line(
    topic: ClassTopic, snapshot: Snapshot, standings: Standings, now: datetime, url: Url
) -> TopicLine:
    found = snapshot.topics.get(topic.topic)
    if found is None:
        return TopicLine(topic.topic, topic.topic, None, topic.due_at, False, ())
    lines = tuple(question_line(question, standings, url) for question in found.questions)
    late = topic.due_at is not None and topic.due_at < now
    return TopicLine(
        found.id,
        found.title,
        url("progress.topic", topic=found.id),
        topic.due_at,
        late and any(line.state == "new" for line in lines),
        lines,
    )
