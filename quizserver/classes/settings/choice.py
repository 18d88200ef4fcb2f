"""The form in which an instructor chooses topics, orders them and says until when. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import zip_longest

from quizserver.classes import due
from quizserver.classes.model import ClassTopic
from quizserver.topics.model import Snapshot

MOVES = {"up": -1, "down": 1, "remove": 0}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form sent: topics in order with what was written as due, and what to do with one.

    ``add`` is a topic to put at the end; ``move`` is ``up:``, ``down:`` or ``remove:`` and a topic.
    ``seen`` is the ``mark`` of the topics that the page was made from.
    """

    seen: str
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


def mark(topics: Sequence[ClassTopic]) -> str:
    """Changes with the topics, their order and their due moments."""
    said = [(each.topic, each.due_at and each.due_at.isoformat()) for each in topics]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def changed(
    choice: Choice, before: Sequence[ClassTopic], snapshot: Snapshot
) -> list[tuple[str, datetime | None]]:
    """The topics of the class as the form wants them, in order, with due moments in UTC.

    Topics that are neither in the content nor were there ``before``, and repeated ones, are left
    out. Raises ChoiceError when a due moment or the time zone can't be read, when the form is not
    whole, or when it was made from other topics than these.
    """
    if choice.seen != mark(before):
        raise ChoiceError({"": _meanwhile(before, snapshot, choice.zone)})
    known = {*snapshot.topics, *(each.topic for each in before)}
    where = due.zone(choice.zone)
    if where is None:
        raise ChoiceError({"": "Choose a time zone from the list."})
    if len(choice.topics) != len(choice.dues):
        raise ChoiceError({"": "The form did not arrive whole. Open the settings anew."})
    wanted: dict[str, datetime | None] = {}
    errors: dict[str, str] = {}
    kept = {each.topic: each.due_at for each in before}
    for topic, text in zip(choice.topics, choice.dues, strict=True):
        if topic not in known:
            continue
        try:
            wanted.setdefault(topic, _moment(text, kept.get(topic), where))
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
        pairs = list(zip_longest(choice.topics, choice.dues[: len(choice.topics)], fillvalue=""))
    else:
        pairs = [(each.topic, due.written(each.due_at, where)) for each in topics]
    return [
        Row(topic, found.title if (found := snapshot.topics.get(topic)) else None, text, why)
        for topic, text in pairs
        for why in [errors.get(topic)]
    ]


def _moment(text: str, kept: datetime | None, where: tzinfo) -> datetime | None:
    """What stands in a field as it was written there is what is kept: of an hour that the clocks
    show twice, the field can't say which."""
    return kept if text == due.written(kept, where) else due.parse(text, where)


def _meanwhile(before: Sequence[ClassTopic], snapshot: Snapshot, zone: str) -> str:
    """What became of the topics while somebody had the form open."""
    names = {topic.id: topic.title for topic in snapshot.topics.values()}
    where = due.zone(zone) or UTC
    told = [
        names.get(each.topic, each.topic)
        + (f" (due {due.told(each.due_at, where)})" if each.due_at is not None else "")
        for each in before
    ]
    return (
        "The topics were changed meanwhile, by another instructor or in another tab. Now they are:"
        f" {'; '.join(told) or 'none'}. Nothing of yours is saved yet: save again to replace that"
        " by what stands below, or open the settings anew to keep it."
    )


def _moved(topics: list[str], move: str) -> list[str]:
    step, _, topic = move.partition(":")
    if step not in MOVES or topic not in topics:
        return topics
    place = topics.index(topic)
    topics.remove(topic)
    if step != "remove":
        topics.insert(max(0, place + MOVES[step]), topic)
    return topics
