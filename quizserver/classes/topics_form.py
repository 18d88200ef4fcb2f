"""The form in which an instructor chooses and orders topics and sets due dates. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import zip_longest

from quizserver.classes import due
from quizserver.classes.model import ClassTopic
from quizserver.topics.model import Snapshot
from quizserver.translation import gettext
from quizserver.web.moments import format_moment

MOVE_STEPS = {"up": -1, "down": 1, "remove": 0}


@dataclass(frozen=True, slots=True)
class SubmittedTopics:
    """The submitted form: topics in order with the texts of their due fields, and one action.

    ``add`` is a topic to append; ``move`` is ``up:``, ``down:`` or ``remove:`` and a topic.
    ``fingerprint`` is the ``topics_fingerprint`` of the topics that the page showed.
    """

    fingerprint: str
    zone: str
    topics: Sequence[str]
    dues: Sequence[str]
    add: str = ""
    move: str = ""


@dataclass(frozen=True, slots=True)
class TopicFormRow:
    """One chosen topic in the form; ``title`` is None when it is not in the content."""

    topic: str
    title: str | None
    due: str
    error: str | None


class TopicsFormError(ValueError):
    """Fields that can't be parsed: messages by topic; "" is the form as a whole."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def topics_fingerprint(topics: Sequence[ClassTopic]) -> str:
    """A hash of the topics, their order and their due moments."""
    content = [
        (class_topic.topic, class_topic.due_at and class_topic.due_at.isoformat())
        for class_topic in topics
    ]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def apply_topics_form(
    submitted: SubmittedTopics, saved_topics: Sequence[ClassTopic], snapshot: Snapshot
) -> list[tuple[str, datetime | None]]:
    """The new topics of the class, in order, with due moments in UTC.

    Topics that are neither in the content nor in ``saved_topics``, and repeated ones, are left out.
    Raises TopicsFormError when a due moment or the time zone can't be parsed, when the form is
    incomplete, or when ``saved_topics`` are not those that the page showed.
    """
    if submitted.fingerprint != topics_fingerprint(saved_topics):
        raise TopicsFormError({"": _conflict_message(saved_topics, snapshot, submitted.zone)})
    known_topics = {*snapshot.topics, *(class_topic.topic for class_topic in saved_topics)}
    tz = due.find_zone(submitted.zone)
    if tz is None:
        raise TopicsFormError({"": gettext("Choose a time zone from the list.")})
    if len(submitted.topics) != len(submitted.dues):
        raise TopicsFormError(
            {"": gettext("The form did not arrive whole. Open the settings again.")}
        )
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
    """The rows of the form: as submitted when it has errors, else as saved."""
    if submitted is not None:
        pairs = list(
            zip_longest(submitted.topics, submitted.dues[: len(submitted.topics)], fillvalue="")
        )
    else:
        pairs = [
            (class_topic.topic, due.format_due_field(class_topic.due_at, tz))
            for class_topic in topics
        ]
    titles = {topic.id: topic.title for topic in snapshot.topics.values()}
    return [
        TopicFormRow(topic, titles.get(topic), text, errors.get(topic)) for topic, text in pairs
    ]


def _parse_due_field(text: str, saved: datetime | None, tz: tzinfo) -> datetime | None:
    """The due moment of a field; ``saved`` if the field is unchanged.

    The text alone can't tell the two occurrences of an hour apart when clocks are set back.
    """
    return saved if text == due.format_due_field(saved, tz) else due.parse_due(text, tz)


def _conflict_message(saved_topics: Sequence[ClassTopic], snapshot: Snapshot, zone: str) -> str:
    """The message about topics that were changed while the form was open."""
    titles = {topic.id: topic.title for topic in snapshot.topics.values()}
    tz = due.find_zone(zone) or UTC
    topic_texts = []
    for class_topic in saved_topics:
        title = titles.get(class_topic.topic, class_topic.topic)
        if class_topic.due_at is not None:
            moment = format_moment(class_topic.due_at, tz)
            title = gettext("%(title)s (due %(moment)s)", title=title, moment=moment)
        topic_texts.append(title)
    return gettext(
        "The topics were changed meanwhile, by another instructor or in another tab. Now they are:"
        " %(topics)s. Nothing of yours is saved yet: save again to replace that by what stands"
        " below, or open the settings again to keep it.",
        topics="; ".join(topic_texts) or gettext("none"),
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
