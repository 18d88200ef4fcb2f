"""The form in which an instructor chooses topics, orders them and says until when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from quizserver.classes import due
from quizserver.classes.model import ClassTopic
from quizserver.topics.model import Snapshot

TOPICS_MAX = 500
MOVES = {"up": -1, "down": 1, "remove": 0}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form sent: topics in order with what was written as due, and what to do with one.

    ``add`` is a topic to put at the end; ``move`` is ``up:``, ``down:`` or ``remove:`` and a topic.
    """

    zone: str
    topics: Sequence[str]
    dues: Sequence[str]
    add: str = ""
    move: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One chosen topic in the form; ``title`` is None when the content has it not."""

    topic: str
    title: str | None
    due: str
    error: str | None


class ChoiceError(ValueError):
    """Some fields can't be read: the message of each by its topic."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def changed(choice: Choice, known: Collection[str]) -> list[tuple[str, datetime | None]]:
    """The topics of the class as the form wants them, in order, with due moments in UTC.

    Topics not among ``known`` and repeated ones are left out. Raises ChoiceError when a due moment
    or the time zone can't be read.
    """
    where = due.zone(choice.zone)
    if where is None:
        raise ChoiceError({"": "Choose a time zone from the list."})
    wanted: dict[str, datetime | None] = {}
    errors: dict[str, str] = {}
    pairs = zip(choice.topics[:TOPICS_MAX], [*choice.dues, *[""] * TOPICS_MAX], strict=False)
    for topic, text in pairs:
        if topic not in known:
            continue
        try:
            wanted.setdefault(topic, due.parse(text, where))
        except due.DueError as error:
            errors[topic] = str(error)
    if errors:
        raise ChoiceError(errors)
    if choice.add in known:
        wanted.setdefault(choice.add, None)
    return [(topic, wanted[topic]) for topic in _moved(list(wanted), choice.move)]


def rows(
    topics: Sequence[ClassTopic],
    choice: Choice | None,
    errors: Mapping[str, str],
    snapshot: Snapshot,
    where: tzinfo,
) -> list[Row]:
    """The form's rows: as kept, or as sent when something in them can't be read."""
    if choice is not None:
        sent = zip(choice.topics, [*choice.dues, *[""] * len(choice.topics)], strict=False)
        pairs = [(topic, text) for topic, text in sent]
    else:
        pairs = [(each.topic, due.written(each.due_at, where)) for each in topics]
    return [
        Row(topic, found.title if (found := snapshot.topics.get(topic)) else None, text, why)
        for topic, text in pairs
        for why in [errors.get(topic)]
    ]


def _moved(topics: list[str], move: str) -> list[str]:
    step, _, topic = move.partition(":")
    if step not in MOVES or topic not in topics:
        return topics
    place = topics.index(topic)
    topics.remove(topic)
    if step != "remove":
        topics.insert(max(0, place + MOVES[step]), topic)
    return topics
