"""A learner's progress, totals over the questions that exist now."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from quizserver.attempts.model import NO_PROGRESS, LearnerProgress, Standing
from quizserver.attempts.reveals import Reveal
from quizserver.progress.views import resume_link, sum_progress, topic_card
from quizserver.topics.deferred import Deferred
from quizserver.topics.model import AnswerOption, Question, QuestionHtml, Snapshot, Topic
from quizserver.topics.question import parse_question

START = datetime(2026, 5, 1, tzinfo=UTC)


def build_url(endpoint: str, **values: str) -> str:
    return "/".join([endpoint, *values.values()])


def make_question(name: str, topic: str) -> Question:
    option = AnswerOption("a", "A", "A", True, None, 3)
    return Question(
        id=name, topic=topic, title=name.title(), option_ids=("a",), right_ids=frozenset({"a"}),
        hint_count=0, tags=(), shuffle=True, reveal="tried", simulation=None, claims=(),
        described_curve=(),
        version="v", path=f"{topic}/{name}.md", parsed=parse_question("", ""),
        html=Deferred.of(QuestionHtml("", (option,), (), None, None)), graded=Deferred.of(""),
    )  # fmt: skip


def make_snapshot(**topics: list[str]) -> Snapshot:
    by_id = {
        name: Topic(
            name,
            name.title(),
            "",
            None,
            tuple(make_question(q, name) for q in questions),
            {},
            Path(),
        )
        for name, questions in topics.items()
    }
    return Snapshot(by_id, {q.id: q for t in by_id.values() for q in t.questions})


def make_standing(name: str, first: float, best: float, day: int, attempts: int = 1) -> Standing:
    moment = START + timedelta(days=day)
    return Standing(name, attempts, first, best, best, moment, moment)


def by_question(*standings: Standing, revealed: Collection[str] = ()) -> LearnerProgress:
    return LearnerProgress(
        {standing.question: standing for standing in standings},
        {question: Reveal(question, START, "asked") for question in revealed},
    )


def test_totals_count_answered_right_at_first_try_and_attempts():
    snapshot = make_snapshot(one=["a", "b"], two=["c"])
    standings = by_question(make_standing("a", 1, 1, 0), make_standing("c", 0, 1, 1, attempts=4))
    cards = [topic_card(topic, standings, build_url) for topic in snapshot.topics.values()]
    totals = sum_progress(cards)
    assert (totals.answered, totals.total, totals.first_try_right, totals.attempts) == (
        2,
        3,
        1,
        5,
    )
    assert [line.state for card in cards for line in card.questions] == ["right", "new", "right"]


def test_a_question_whose_answer_was_shown_is_neither_wrong_nor_what_to_go_on_with():
    snapshot = make_snapshot(one=["a", "b", "c"])
    progress = by_question(make_standing("a", 0, 0, 0), revealed=["a", "b"])
    card = topic_card(snapshot.topics["one"], progress, build_url)
    assert [(line.state, line.attempts) for line in card.questions] == [
        ("shown", 1), ("shown", 0), ("new", 0),
    ]  # fmt: skip
    assert card.answered == 1, "a look at the answer is none"
    link = resume_link(snapshot, progress, build_url)
    assert link is not None
    assert link.title == "C"


def test_an_answer_without_a_mark_is_no_right_one():
    summary = Standing("a", 1, None, None, None, START, START)
    snapshot = make_snapshot(one=["a"])
    card = topic_card(snapshot.topics["one"], by_question(summary, revealed=["a"]), build_url)
    assert (card.questions[0].state, card.first_try_right) == ("shown", 0)
    assert resume_link(snapshot, by_question(summary, revealed=["a"]), build_url) is None


def test_answers_to_questions_taken_away_count_no_more():
    snapshot = make_snapshot(one=["a"])
    totals = sum_progress(
        [topic_card(snapshot.topics["one"], by_question(make_standing("gone", 1, 1, 0)), build_url)]
    )
    assert (totals.answered, totals.total) == (0, 1)


def test_a_new_learner_starts_at_the_first_question():
    link = resume_link(make_snapshot(one=["a", "b"]), NO_PROGRESS, build_url)
    assert link is not None
    assert link.title == "A"


def test_the_resume_link_stays_in_the_topic_that_was_answered_last():
    snapshot = make_snapshot(one=["a", "b"], two=["c", "d"])
    link = resume_link(
        snapshot, by_question(make_standing("a", 1, 1, 0), make_standing("c", 1, 1, 5)), build_url
    )
    assert link is not None
    assert link.title == "D"


def test_new_questions_come_before_those_that_went_wrong():
    snapshot = make_snapshot(one=["a", "b"], two=["c"])
    link = resume_link(
        snapshot, by_question(make_standing("a", 0, 0, 3), make_standing("b", 1, 1, 4)), build_url
    )
    assert link is not None
    assert link.title == "C"
    link = resume_link(
        snapshot,
        by_question(
            make_standing("a", 0, 0, 3), make_standing("b", 1, 1, 4), make_standing("c", 1, 1, 1)
        ),
        build_url,
    )
    assert link is not None
    assert link.title == "A"


def test_there_is_no_resume_link_when_all_is_right_or_there_are_no_questions():
    assert (
        resume_link(make_snapshot(one=["a"]), by_question(make_standing("a", 0, 1, 0)), build_url)
        is None
    )
    assert resume_link(make_snapshot(), NO_PROGRESS, build_url) is None
