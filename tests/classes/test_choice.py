"""Choosing topics: every button saves the whole form, and what can't be read stays as written."""

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


BEFORE = [ClassTopic(name, number, None) for number, name in enumerate("abcd", start=1)]
NOTHING = Snapshot(topics={}, questions={}, diagnostics=())


def choice(**changes: object) -> SubmittedTopics:
    sent = {
        "fingerprint": topics_fingerprint(BEFORE),
        "zone": "Europe/Berlin",
        "topics": ["a", "b", "c"],
        "dues": ["", "2027-03-01T23:59", ""],
    }
    return SubmittedTopics(**sent | changes)  # type: ignore[arg-type]


def test_topics_are_kept_in_order_with_their_due_moment():
    assert apply_topics_form(choice(), BEFORE, NOTHING) == [("a", None), ("b", DUE), ("c", None)]


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
    found = apply_topics_form(choice(move=move), BEFORE, NOTHING)
    assert "".join(topic for topic, _ in found) == order
    assert all((moment == DUE) == (topic == "b") for topic, moment in found)


def test_a_topic_is_added_at_the_end_once_and_only_if_there_is_one():
    assert [t for t, _ in apply_topics_form(choice(add="d"), BEFORE, NOTHING)] == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert [t for t, _ in apply_topics_form(choice(add="a"), BEFORE, NOTHING)] == ["a", "b", "c"]
    assert [t for t, _ in apply_topics_form(choice(add="unknown"), BEFORE, NOTHING)] == [
        "a",
        "b",
        "c",
    ]
    assert apply_topics_form(
        choice(topics=["a", "a", "x"], dues=["", "", ""]), BEFORE, NOTHING
    ) == [("a", None)]


def test_a_due_moment_that_cannot_be_read_is_refused_and_stays_in_its_field(content: Path):
    wrong = choice(topics=["numbers"], dues=["soon"])
    with pytest.raises(TopicsFormError) as caught:
        apply_topics_form(wrong, BEFORE, Library(content).snapshot())
    (row,) = topic_form_rows([], wrong, caught.value.errors, Library(content).snapshot(), UTC)
    assert (row.topic, row.due) == ("numbers", "soon")
    assert "2027-03-01T23:59" in (row.error or "")


def test_an_unknown_time_zone_moves_no_due_moment_silently():
    with pytest.raises(TopicsFormError):
        apply_topics_form(choice(zone="Mars/Olympus"), BEFORE, NOTHING)


def test_what_was_changed_meanwhile_is_told_and_not_overwritten(content: Path):
    now = [ClassTopic("numbers", 1, DUE), ClassTopic("gone", 2, None)]
    with pytest.raises(TopicsFormError) as caught:
        apply_topics_form(choice(), now, Library(content).snapshot())
    told = "Numbers, gently (due 1 March 2027, 23:59 UTC+01:00); gone"
    assert told in caught.value.errors[""]
    again = choice(fingerprint=topics_fingerprint(now), topics=["gone"], dues=[""])
    assert apply_topics_form(again, now, NOTHING) == [("gone", None)], "saved again, knowing it"


def test_a_form_that_lost_its_fields_takes_no_topic_out():
    with pytest.raises(TopicsFormError):
        apply_topics_form(choice(fingerprint="", topics=[], dues=[]), BEFORE, NOTHING)


def test_due_moments_are_not_lost_with_fields_that_did_not_arrive():
    with pytest.raises(TopicsFormError, match="did not arrive whole"):
        apply_topics_form(choice(dues=["", ""]), BEFORE, NOTHING)


def test_a_due_moment_that_nobody_touched_stays_in_the_hour_that_clocks_show_twice():
    late = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)  # in Berlin the second 02:30 of that night
    before = [ClassTopic("a", 1, late), ClassTopic("b", 2, None)]
    sent = {
        "fingerprint": topics_fingerprint(before),
        "topics": ["a", "b"],
        "dues": ["2027-10-31T02:30", ""],
    }
    assert apply_topics_form(choice(**sent, move="down:a"), before, NOTHING) == [
        ("b", None),
        ("a", late),
    ]


def test_the_mark_changes_with_topics_order_and_due_moments():
    a, b = ClassTopic("a", 1, None), ClassTopic("b", 2, None)
    late = ClassTopic("a", 1, DUE)
    assert len({topics_fingerprint(each) for each in ([], [a], [a, b], [b, a], [late, b])}) == 5


def test_columns_follow_the_instructors_order_and_gone_topics_are_told(content: Path):
    (content / "letters").mkdir()
    (content / "letters" / "vowel.md").write_text("# Which is a vowel?\n\n- [x] A\n- [ ] B\n")
    snapshot = Library(content).snapshot()
    topics = [ClassTopic("letters", 1, DUE), ClassTopic("gone", 2, None)]
    topics += [ClassTopic("numbers", 3, None)]
    found = question_columns(topics, snapshot)
    assert [(c.question, c.topic, c.number) for c in found] == [
        ("vowel", "letters", 1),
        ("even", "numbers", 2),
        ("sides", "numbers", 3),
    ]
    assert (found[0].due_at, found[1].due_at) == (DUE, None)
    assert found[1].topic_title == "Numbers, gently"
    assert [each.topic for each in missing_topics(topics, snapshot)] == ["gone"]
