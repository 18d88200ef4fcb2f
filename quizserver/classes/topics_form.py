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

MOVE_STEPS = {"up": -1, "down": 1, "remove": 0}


@dataclass(frozen=True, slots=True)
class SubmittedTopics:
    """What the form sent: topics in order with what was written as due, and what to do with one.

    ``add`` is a topic to put at the end; ``move`` is ``up:``, ``down:`` or ``remove:`` and a topic.
    ``seen`` is the ``mark`` of the topics that the page was made from.
    """

    fingerprint: str
    zone: str
    topics: Sequence[str]
    dues: Sequence[str]
    add: str = ""
    move: str = ""


@dataclass(frozen=True, slots=True)
class TopicFormRow:
    """One chosen topic in the form; ``title`` is None when the content has it not."""

    topic: str
    title: str | None
    due: str
    error: str | None


class TopicsFormError(ValueError):
    """Some fields can't be read: the message of each by its topic."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def topics_fingerprint(topics: Sequence[ClassTopic]) -> str:
    """Changes with the topics, their order and their due moments."""
    content = [
        (class_topic.topic, class_topic.due_at and class_topic.due_at.isoformat())
        for class_topic in topics
    ]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def apply_topics_form(
    submitted: SubmittedTopics, saved_topics: Sequence[ClassTopic], snapshot: Snapshot
) -> list[tuple[str, datetime | None]]:
    """The topics of the class as the form wants them, in order, with due moments in UTC.

    Topics that are neither in the content nor were there ``before``, and repeated ones, are left
    out. Raises ChoiceError when a due moment or the time zone can't be read, when the form is not
    whole, or when it was made from other topics than these.
    """
    if submitted.fingerprint != topics_fingerprint(saved_topics):
        raise TopicsFormError({"": _conflict_message(saved_topics, snapshot, submitted.zone)})
    known_topics = {*snapshot.topics, *(class_topic.topic for class_topic in saved_topics)}
    tz = due.find_zone(submitted.zone)
    if tz is None:
        raise TopicsFormError({"": "Choose a time zone from the list."})
    if len(submitted.topics) != len(submitted.dues):
        raise TopicsFormError({"": "The form did not arrive whole. Open the settings anew."})
    due_by_topic: dict[str, datetime | None] = {}
    errors: dict[str, str] = {}
    saved_due = {class_topic.topic: class_topic.due_at for class_topic in saved_topics}
    for topic, text in zip(submitted.topics, submitted.dues, strict=True):
        if topic not in known_topics:
            continue
        try:
            due_by_topic.setdefault(topic, _parse_due_field(text, saved_due.get(topic), tz))
        except due.DueError as error:
            errors[topic] = str(error)
    if errors:
        raise TopicsFormError(errors)
    if submitted.add in known_topics:
        due_by_topic.setdefault(submitted.add, None)
    return [
        (topic, due_by_topic[topic]) for topic in _move_topic(list(due_by_topic), submitted.move)
    ]


def topic_form_rows(
    topics: Sequence[ClassTopic],
    submitted: SubmittedTopics | None,
    errors: Mapping[str, str],
    snapshot: Snapshot,
    tz: tzinfo,
) -> list[TopicFormRow]:
    """The form's rows: as kept, or as sent when something in them can't be read."""
    if submitted is not None:
        pairs = list(
            zip_longest(submitted.topics, submitted.dues[: len(submitted.topics)], fillvalue="")
        )
    else:
        pairs = [
            (class_topic.topic, due.format_due_field(class_topic.due_at, tz))
            for class_topic in topics
        ]
    return [
        TopicFormRow(
            topic,
            content_topic.title if (content_topic := snapshot.topics.get(topic)) else None,
            text,
            error,
        )
        for topic, text in pairs
        for error in [errors.get(topic)]
    ]


def _parse_due_field(text: str, saved: datetime | None, tz: tzinfo) -> datetime | None:
    """What stands in a field as it was written there is what is kept: of an hour that the clocks
    show twice, the field can't say which."""
    return saved if text == due.format_due_field(saved, tz) else due.parse_due(text, tz)


def _conflict_message(saved_topics: Sequence[ClassTopic], snapshot: Snapshot, zone: str) -> str:
    """What became of the topics while somebody had the form open."""
    titles = {topic.id: topic.title for topic in snapshot.topics.values()}
    tz = due.find_zone(zone) or UTC
    topic_texts = [
        titles.get(class_topic.topic, class_topic.topic)
        + (
            f" (due {due.format_moment(class_topic.due_at, tz)})"
            if class_topic.due_at is not None
            else ""
        )
        for class_topic in saved_topics
    ]
    return (
        "The topics were changed meanwhile, by another instructor or in another tab. Now they are:"
        f" {'; '.join(topic_texts) or 'none'}. Nothing of yours is saved yet: save again to replace that"
        " by what stands below, or open the settings anew to keep it."
    )


def _move_topic(topics: list[str], move: str) -> list[str]:
    step, _, topic = move.partition(":")
    if step not in MOVE_STEPS or topic not in topics:
        return topics
    index = topics.index(topic)
    topics.remove(topic)
    if step != "remove":
        topics.insert(max(0, index + MOVE_STEPS[step]), topic)
    return topics
