"""The topics form: every button saves the whole form, and invalid fields stay as written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from quizserver.classes.columns import missing_topics, question_columns
from quizserver.classes.model import ClassTopic
from quizserver.classes.topics_form import (
    SubmittedTopics,
    TopicsFormError,
    apply_topics_form,
    topic_form_rows,
    topics_fingerprint,
)
from quizserver.topics.library import Library
from quizserver.topics.model import Snapshot

DUE = datetime(2027, 3, 1, 22, 59, tzinfo=UTC)


SAVED_TOPICS = [ClassTopic(name, number, None) for number, name in enumerate("abcd", start=1)]
EMPTY_CONTENT = Snapshot(topics={}, questions={}, diagnostics=())


def submitted_form(**changes: object) -> SubmittedTopics:
    fields = {
        "fingerprint": topics_fingerprint(SAVED_TOPICS),
        "zone": "Europe/Berlin",
        "topics": ["a", "b", "c"],
        "dues": ["", "2027-03-01T23:59", ""],
    }
    return SubmittedTopics(**fields | changes)  # type: ignore[arg-type]


def test_topics_are_kept_in_order_with_their_due_moment():
    assert apply_topics_form(submitted_form(), SAVED_TOPICS, EMPTY_CONTENT) == [
        ("a", None),
        ("b", DUE),
        ("c", None),
    ]


@pytest.mark.parametrize(
    ("move", "order"),
    [
        ("up:b", "bac"),
        ("down:b", "acb"),
        ("up:a", "abc"),
        ("down:c", "abc"),
        ("remove:b", "ac"),
        ("up:nothing", "abc"),
        ("sideways:b", "abc"),
    ],
)
def test_moving_a_topic_takes_its_due_moment_along(move: str, order: str):
    topics = apply_topics_form(submitted_form(move=move), SAVED_TOPICS, EMPTY_CONTENT)
    assert "".join(topic for topic, _ in topics) == order
    assert all((moment == DUE) == (topic == "b") for topic, moment in topics)


def test_a_topic_is_added_at_the_end_once_and_only_if_there_is_one():
    assert [
        topic
        for topic, _ in apply_topics_form(submitted_form(add="d"), SAVED_TOPICS, EMPTY_CONTENT)
    ] == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert [
        topic
        for topic, _ in apply_topics_form(submitted_form(add="a"), SAVED_TOPICS, EMPTY_CONTENT)
    ] == ["a", "b", "c"]
    assert [
        topic
        for topic, _ in apply_topics_form(
            submitted_form(add="unknown"), SAVED_TOPICS, EMPTY_CONTENT
        )
    ] == [
        "a",
        "b",
        "c",
    ]
    assert apply_topics_form(
        submitted_form(topics=["a", "a", "x"], dues=["", "", ""]), SAVED_TOPICS, EMPTY_CONTENT
    ) == [("a", None)]


def test_a_due_moment_that_cannot_be_read_is_refused_and_stays_in_its_field(content: Path):
    invalid_form = submitted_form(topics=["numbers"], dues=["soon"])
    with pytest.raises(TopicsFormError) as caught:
        apply_topics_form(invalid_form, SAVED_TOPICS, Library(content).snapshot())
    (row,) = topic_form_rows(
        [], invalid_form, caught.value.errors, Library(content).snapshot(), UTC
    )
    assert (row.topic, row.due) == ("numbers", "soon")
    assert "2027-03-01T23:59" in (row.error or "")


def test_an_unknown_time_zone_moves_no_due_moment_silently():
    with pytest.raises(TopicsFormError):
        apply_topics_form(submitted_form(zone="Mars/Olympus"), SAVED_TOPICS, EMPTY_CONTENT)


def test_topics_changed_meanwhile_are_named_and_not_overwritten(content: Path):
    changed_topics = [ClassTopic("numbers", 1, DUE), ClassTopic("gone", 2, None)]
    with pytest.raises(TopicsFormError) as caught:
        apply_topics_form(submitted_form(), changed_topics, Library(content).snapshot())
    description = "Numbers, gently (due 1 March 2027, 23:59 UTC+01:00); gone"
    assert description in caught.value.errors[""]
    resubmitted = submitted_form(
        fingerprint=topics_fingerprint(changed_topics), topics=["gone"], dues=[""]
    )
    assert apply_topics_form(resubmitted, changed_topics, EMPTY_CONTENT) == [("gone", None)], (
        "saved again, knowing it"
    )


def test_a_form_that_lost_its_fields_takes_no_topic_out():
    with pytest.raises(TopicsFormError):
        apply_topics_form(
            submitted_form(fingerprint="", topics=[], dues=[]), SAVED_TOPICS, EMPTY_CONTENT
        )


def test_due_moments_are_not_lost_with_fields_that_did_not_arrive():
    with pytest.raises(TopicsFormError, match="did not arrive whole"):
        apply_topics_form(submitted_form(dues=["", ""]), SAVED_TOPICS, EMPTY_CONTENT)


def test_a_due_moment_that_nobody_touched_stays_in_the_hour_that_clocks_show_twice():
    late = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)  # in Berlin the second 02:30 of that night
    saved_topics = [ClassTopic("a", 1, late), ClassTopic("b", 2, None)]
    fields = {
        "fingerprint": topics_fingerprint(saved_topics),
        "topics": ["a", "b"],
        "dues": ["2027-10-31T02:30", ""],
    }
    assert apply_topics_form(
        submitted_form(**fields, move="down:a"), saved_topics, EMPTY_CONTENT
    ) == [
        ("b", None),
        ("a", late),
    ]


def test_the_fingerprint_changes_with_topics_order_and_due_moments():
    a, b = ClassTopic("a", 1, None), ClassTopic("b", 2, None)
    late = ClassTopic("a", 1, DUE)
    assert len({topics_fingerprint(topics) for topics in ([], [a], [a, b], [b, a], [late, b])}) == 5


def test_columns_follow_the_instructors_order_and_missing_topics_are_named(content: Path):
    (content / "letters").mkdir()
    (content / "letters" / "vowel.md").write_text("# Which is a vowel?\n\n- [x] A\n- [ ] B\n")
    snapshot = Library(content).snapshot()
    topics = [ClassTopic("letters", 1, DUE), ClassTopic("gone", 2, None)]
    topics += [ClassTopic("numbers", 3, None)]
    columns = question_columns(topics, snapshot)
    assert [(column.question, column.topic, column.number) for column in columns] == [
        ("vowel", "letters", 1),
        ("even", "numbers", 2),
        ("sides", "numbers", 3),
    ]
    assert (columns[0].due_at, columns[1].due_at) == (DUE, None)
    assert columns[1].topic_title == "Numbers, gently"
    assert [class_topic.topic for class_topic in missing_topics(topics, snapshot)] == ["gone"]
