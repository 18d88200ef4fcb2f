"""What is kept of a class and brought up to date is what a new reading would find."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
import sqlalchemy as sa

from quizserver.attempts import store as attempts
from quizserver.classes import join_store as joining
from quizserver.classes import members_store as members
from quizserver.classes.items import loader, store
from quizserver.classes.items.analysis import AnalysisCache
from quizserver.classes.items.answer_tables import ClassAnswers
from quizserver.classes.items.loader import LoadedAnswers, load_answers
from quizserver.classes.statistics.answers import ItemKey
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person, standing
from tests.classes.items.rooms import NOW, account, answer, at, learner, new_room, run

QUESTIONS = {"even": ("numbers", "simulation"), "sides": None}
ITEMS = [
    ItemKey("even", ("two", "three", "four"), frozenset({"two", "four"})),
    ItemKey("sides", ("two", "three", "four"), frozenset({"three"})),
]


def now_of(
    database: Database, room: int, before: LoadedAnswers | None = None, clock: float = 0.0
) -> LoadedAnswers:
    with database.read() as session:
        return load_answers(session, room, QUESTIONS, before, clock, lambda _part: None)


def same(one: LoadedAnswers, other: LoadedAnswers) -> bool:
    """Whether the answers are the same; sets of options may be numbered otherwise."""
    a, b = (
        each.tables.to_class_answers(each.joined_at, QUESTIONS, each.runs) for each in (one, other)
    )
    for name in ("learners", "marks", "seconds", "tried_again", "ran"):
        for which in ("first", "latest"):
            left, right = (getattr(getattr(each, which), name) for each in (a, b))
            if not np.array_equal(left, right, equal_nan=left.dtype.kind == "f"):
                return False
    pace = all(
        np.array_equal(getattr(a.pace, each.name), getattr(b.pace, each.name))
        for each in fields(a.pace)
    )
    return pace and chosen(a) == chosen(b)


def chosen(answers: ClassAnswers) -> Sequence[object]:
    return [
        [marks.sets[number] if number >= 0 else None for number in row]
        for marks in (answers.first, answers.latest)
        for row in marks.chosen
    ]


def next_answer(session: sa.orm.Session, draw: random.Random, who: int) -> None:
    question = draw.choice(list(QUESTIONS))
    done = session.scalar(
        sa.select(standing.c.attempts).where(
            standing.c.person_id == who, standing.c.question == question
        )
    )
    picked = sorted(draw.sample(["two", "three", "four"], draw.choice([1, 2])))
    answer(
        session, who, question, (done or 0) + 1, picked, right=draw.random() < 0.5,
        minutes=draw.randrange(10_000) / 10, seconds=draw.choice([None, 0.0, 3.3, 71.9]),
    )  # fmt: skip


@pytest.mark.parametrize(("few", "at_once"), [(500, 10_000), (0, 3)])
def test_a_kept_reading_follows_whatever_happens(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, at_once: int
):
    """Answers, runs, people who join, leave, are removed and come back with what they did."""
    monkeypatch.setattr(loader, "FEW_LEARNERS", few)
    monkeypatch.setattr(store, "ROWS_PER_TEXT", at_once)
    monkeypatch.setattr(loader, "ROWS_PER_TEXT", at_once)
    draw = random.Random(5)
    with database.write() as session:
        room = new_room(session)
        outside = [account(session, f"outside{number}") for number in range(3)]
        people = [learner(session, room, f"l{number}") for number in range(6)]
    kept = now_of(database, room)
    for step in range(50):
        with database.write() as session:
            who = draw.choice([*people, *outside])
            kind = draw.randrange(16)
            if kind == 0:
                members.leave_class(session, room, who, NOW)
            elif kind == 1:
                members.remove_learner(session, room, who, NOW)
                members.take_back_learner(session, room, who, at(step))
            elif kind < 4 and who in outside:
                joining.join_class(session, room, who, f"joined {step}", at(step))
            elif kind < 7:
                run(session, who, draw.randrange(1000))
            else:
                next_answer(session, draw, who)
        kept = now_of(database, room, kept)
        assert same(kept, now_of(database, room)), step
    assert kept.tables.attempt_counts.sum() > 10


def test_a_class_is_read_alike_by_its_learners_and_from_the_whole_table(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "ROWS_PER_TEXT", 7)
    draw = random.Random(6)
    with database.write() as session:
        room = new_room(session)
        people = [learner(session, room, f"l{number}") for number in range(9)]
        people.append(account(session, "outside"))
        for _ in range(60):
            next_answer(session, draw, draw.choice(people))
    found = []
    for few, share in ((500, 4), (0, 0), (0, 10**9)):
        monkeypatch.setattr(loader, "FEW_LEARNERS", few)
        monkeypatch.setattr(loader, "WHOLE_TABLE_SHARE", share)
        found.append(now_of(database, room))
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    assert found[0].tables.attempt_counts.sum() > 40


def test_what_an_account_took_over_from_a_guest_shows_within_a_minute(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana, guest = learner(session, room, "ana"), account(session, "guest")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
        answer(session, guest, "even", 1, ["two", "four"], right=True, minutes=1)
        answer(session, guest, "sides", 1, ["three"], right=True, minutes=2)
        run(session, guest, 3)
    kept = now_of(database, room)
    with database.write() as session:
        attempts.merge_guest_attempts(session, guest, ana)
    assert now_of(database, room, kept, clock=59) is kept, "no new row says so"
    kept = now_of(database, room, kept, clock=60)
    assert same(kept, now_of(database, room))
    assert kept.tables.attempt_counts.tolist() == [3]


def test_a_number_that_passes_to_somebody_else_brings_nothing_along(database: Database):
    with database.write() as session:
        room = new_room(session)
        ana = learner(session, room, "ana")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
    kept = now_of(database, room)
    with database.write() as session:
        session.execute(sa.delete(person).where(person.c.id == ana))
        bo = account(session, "bo")
        session.execute(sa.update(person).where(person.c.id == bo).values(id=ana))
        joining.join_class(session, room, ana, "Bo", at(60))
    kept = now_of(database, room, kept)
    assert kept.tables.learners.tolist() == [ana]
    assert same(kept, now_of(database, room))
    assert kept.tables.attempt_counts.tolist() == [0]


def test_a_row_that_appears_after_a_later_one_is_not_missed(database: Database):
    """As in PostgreSQL, where the number of a row is taken long before others see it."""
    with database.write() as session:
        room = new_room(session)
        ana, bo = learner(session, room, "ana"), learner(session, room, "bo")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
        answer(session, bo, "even", 1, ["two"], right=False, minutes=5)
        session.execute(sa.update(attempt).where(attempt.c.person_id == bo).values(id=900))
    kept = now_of(database, room)
    with database.write() as session:
        answer(session, ana, "even", 2, ["two", "four"], right=True, minutes=6)
        session.execute(sa.update(attempt).where(attempt.c.number == 2).values(id=899))
        answer(session, bo, "sides", 1, ["three"], right=True, minutes=7)
        session.execute(sa.update(attempt).where(attempt.c.question == "sides").values(id=901))
    assert same(now_of(database, room, kept), now_of(database, room))


def test_how_much_is_done_is_told(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loader, "FEW_LEARNERS", 0)
    monkeypatch.setattr(store, "TEXTS_PER_BATCH", 1)
    for module in (store, loader):
        monkeypatch.setattr(module, "ROWS_PER_TEXT", 5)
    with database.write() as session:
        room = new_room(session)
        for number in range(20):
            who = learner(session, room, f"l{number}")
            answer(session, who, "even", 1, ["two"], right=False, minutes=1)
    told: list[float] = []
    with database.read() as session:
        load_answers(session, room, QUESTIONS, None, 0.0, told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_an_analysis_is_the_same_one_until_something_happens(database: Database):
    analyses = AnalysisCache(lambda: 0.0)
    with database.write() as session:
        room = new_room(session)
        ana, bo = learner(session, room, "ana"), learner(session, room, "bo")
        answer(session, ana, "even", 1, ["two"], right=False, minutes=1)

    def ask() -> object:
        with database.read() as session:
            return analyses.get_analysis(session, room, ITEMS, QUESTIONS)

    first = ask()
    assert ask() is first
    with database.write() as session:
        answer(session, ana, "even", 2, ["four", "two"], right=True, minutes=2)
    second = ask()
    assert second is not first, "an answer came"
    with database.write() as session:
        run(session, ana, 3)
    third = ask()
    assert third is not second, "an experiment was run"
    with database.write() as session:
        members.remove_learner(session, room, bo, NOW)
    fourth = ask()
    assert fourth is not third, "somebody was taken out"
    with database.write() as session:
        session.execute(sa.update(person).where(person.c.id == ana).values(role="author"))
    assert ask() is not fourth, "and somebody counts no more"


def test_the_statistics_go_with_the_key(database: Database):
    analyses = AnalysisCache(lambda: 0.0)
    with database.write() as session:
        room = new_room(session)
        answer(session, learner(session, room, "ana"), "even", 1, ["two"], right=False, minutes=1)
    changed = [ItemKey("even", ("two", "three", "four"), frozenset({"two"})), ITEMS[1]]
    with database.read() as session:
        before = analyses.get_analysis(session, room, ITEMS, QUESTIONS)
        after = analyses.get_analysis(session, room, changed, QUESTIONS)
    assert before.statistics_of("first")[0].options[2].right
    assert not after.statistics_of("first")[0].options[2].right


def test_only_so_many_cells_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("quizserver.classes.items.analysis.CELLS_MAX", 5)
    analyses, found = AnalysisCache(lambda: 0.0), []
    with database.write() as session:
        first, second = (new_room(session, teacher=name) for name in ("first", "second"))
        for room in (first, second):
            for number in range(2):
                learner(session, room, f"l{room}-{number}")
    with database.read() as session:
        for room in (first, second, second, first):
            found.append(analyses.get_analysis(session, room, ITEMS, QUESTIONS))
    assert found[1] is found[2]
    assert found[0] is not found[3], "it made room for the other"
