"""How far a learner has come: counted from the questions that exist now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from quizserver.attempts.model import Standing
from quizserver.progress.views import resume_link, sum_progress, topic_card
from quizserver.topics.model import AnswerOption, Question, Snapshot, Topic

START = datetime(2026, 5, 1, tzinfo=UTC)


def url(endpoint: str, **values: str) -> str:
    return "/".join([endpoint, *values.values()])


def question(name: str, topic: str) -> Question:
    option = AnswerOption("a", "A", "A", True, None, 3)
    return Question(
        id=name, topic=topic, title=name.title(), stem_html="", options=(option,), hints_html=(),
        explanation_html=None, references_html=None, tags=(), shuffle=True, simulation=None,
        claims=(), described_curve=(), version="v", source="", path=f"{topic}/{name}.md",
    )  # fmt: skip


def snapshot(**topics: list[str]) -> Snapshot:
    made = {
        name: Topic(
            name, name.title(), "", None, tuple(question(q, name) for q in questions), {}, Path()
        )
        for name, questions in topics.items()
    }
    return Snapshot(made, {q.id: q for t in made.values() for q in t.questions})


def standing(name: str, first: float, best: float, day: int, attempts: int = 1) -> Standing:
    moment = START + timedelta(days=day)
    return Standing(name, attempts, first, best, best, moment, moment)


def standings(*each: Standing) -> dict[str, Standing]:
    return {s.question: s for s in each}


def test_totals_tell_answered_right_at_first_try_and_attempts_apart():
    have = snapshot(one=["a", "b"], two=["c"])
    done = standings(standing("a", 1, 1, 0), standing("c", 0, 1, 1, attempts=4))
    cards = [topic_card(topic, done, url) for topic in have.topics.values()]
    counted = sum_progress(cards)
    assert (counted.answered, counted.total, counted.first_try_right, counted.attempts) == (
        2,
        3,
        1,
        5,
    )
    assert [line.state for card in cards for line in card.questions] == ["right", "new", "right"]


def test_answers_to_questions_taken_away_count_no_more():
    have = snapshot(one=["a"])
    counted = sum_progress(
        [topic_card(have.topics["one"], standings(standing("gone", 1, 1, 0)), url)]
    )
    assert (counted.answered, counted.total) == (0, 1)


def test_a_new_learner_starts_at_the_first_question():
    link = resume_link(snapshot(one=["a", "b"]), {}, url)
    assert link is not None
    assert link.title == "A"


def test_one_goes_on_in_the_topic_that_was_answered_last():
    have = snapshot(one=["a", "b"], two=["c", "d"])
    link = resume_link(have, standings(standing("a", 1, 1, 0), standing("c", 1, 1, 5)), url)
    assert link is not None
    assert link.title == "D"


def test_new_questions_come_before_those_that_went_wrong():
    have = snapshot(one=["a", "b"], two=["c"])
    link = resume_link(have, standings(standing("a", 0, 0, 3), standing("b", 1, 1, 4)), url)
    assert link is not None
    assert link.title == "C"
    link = resume_link(
        have, standings(standing("a", 0, 0, 3), standing("b", 1, 1, 4), standing("c", 1, 1, 1)), url
    )
    assert link is not None
    assert link.title == "A"


def test_there_is_nowhere_to_go_on_when_all_is_right_or_nothing_is_there():
    assert resume_link(snapshot(one=["a"]), standings(standing("a", 0, 1, 0)), url) is None
    assert resume_link(snapshot(), {}, url) is None
