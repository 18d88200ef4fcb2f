"""What the class pages show, from memberships, topics and standings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from quizserver.attempts.model import Standing
from quizserver.attempts.views import LinkView
from quizserver.classes.columns import Column
from quizserver.classes.model import Class, ClassTopic, Member, folded
from quizserver.progress.views import QuestionLine, question_line
from quizserver.topics.model import Snapshot
from quizserver.web.paging import Paging

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
    """A page of the memberships that match ``search``; ``counted`` and ``gone`` are of all."""

    rows: Sequence[Member]
    paging: Paging
    search: str
    counted: int
    gone: int

    @property
    def place(self) -> dict[str, Any]:
        """The arguments of this page's address."""
        return {"page": self.paging.page if self.paging.page > 1 else None} | self.kept

    @property
    def kept(self) -> dict[str, Any]:
        """The arguments that every page of this search has."""
        return {"search": self.search or None}


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A class in a list, for who may look into it; nobody joins one that nobody instructs."""

    id: int
    title: str
    joining: Literal["open", "closed", "no instructor"]
    learners: int


def class_lines(
    classes: Iterable[Class], sizes: Mapping[int, int], taught: Collection[int]
) -> list[ClassLine]:
    """``taught`` are the ids of those that have an instructor."""

    def joining(each: Class) -> Literal["open", "closed", "no instructor"]:
        if each.id not in taught:
            return "no instructor"
        return "open" if each.join_code is not None else "closed"

    return [
        ClassLine(each.id, each.title, joining(each), sizes.get(each.id, 0)) for each in classes
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


def roster_page(members: Iterable[Member], search: str, page: str) -> RosterPage:
    """The memberships whose name or address holds ``search``, on the page that is asked for.

    Who is in the class comes first, then who left or was removed.
    """
    everybody = list(members)
    wanted = folded(search.strip())
    found = [each for each in everybody if wanted in folded(f"{each.name}\n{each.email}")]
    found.sort(key=lambda each: each.state != "active")
    paging = Paging.asked(page, len(found), ROSTER_PAGE)
    return RosterPage(
        rows=found[paging.offset : paging.last],
        paging=paging,
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
