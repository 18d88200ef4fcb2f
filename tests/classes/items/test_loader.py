"""Loaded answers that are updated equal those that are loaded from scratch."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from quizserver.attempts import store as attempt_store
from quizserver.attempts.standings_store import rebuild_standings
from quizserver.classes import join_store
from quizserver.classes import members_store as members
from quizserver.classes.items import loader, store
from quizserver.classes.items.analysis import AnalysisCache
from quizserver.classes.items.answer_tables import ClassAnswers
from quizserver.classes.items.loader import LoadedAnswers, load_answers
from quizserver.classes.statistics.answers import ItemKey
from quizserver.db.session import Database
from quizserver.db.tables import attempt, person, reveal, standing
from tests.classes.items.answer_setup import (
    NOW,
    add_answer,
    add_learner,
    add_run,
    create_account,
    create_class_with_topics,
    minutes_later,
)

QUESTIONS = {"even": ("numbers", "simulation"), "sides": None}
ITEMS = [
    ItemKey("even", ("two", "three", "four"), frozenset({"two", "four"})),
    ItemKey("sides", ("two", "three", "four"), frozenset({"three"})),
]


def load(
    database: Database, class_id: int, previous: LoadedAnswers | None = None, clock: float = 0.0
) -> LoadedAnswers:
    with database.read() as session:
        counted = store.counted_learners(session, class_id)
        return load_answers(
            session, class_id, counted, QUESTIONS, previous, clock, lambda _progress: None
        )


def have_same_answers(loaded: LoadedAnswers, other_loaded: LoadedAnswers) -> bool:
    """Whether the answers are the same; sets of options may be numbered otherwise."""
    answers, other_answers = (
        entry.tables.to_class_answers(entry.joined_at, QUESTIONS, entry.runs)
        for entry in (loaded, other_loaded)
    )
    for name in ("learners", "marks", "seconds", "tried_again", "ran"):
        for which in ("first", "latest"):
            values, other_values = (
                getattr(getattr(entry, which), name) for entry in (answers, other_answers)
            )
            if not np.array_equal(values, other_values, equal_nan=values.dtype.kind == "f"):
                return False
    pace = all(
        np.array_equal(getattr(answers.pace, entry.name), getattr(other_answers.pace, entry.name))
        for entry in fields(answers.pace)
    )
    return pace and chosen_options(answers) == chosen_options(other_answers)


def chosen_options(answers: ClassAnswers) -> Sequence[object]:
    return [
        [table.sets[number] if number >= 0 else None for number in row]
        for table in (answers.first, answers.latest)
        for row in table.chosen
    ]


def add_random_answer(session: sa.orm.Session, rng: random.Random, person_id: int) -> None:
    question = rng.choice(list(QUESTIONS))
    attempts_before = session.scalar(
        sa.select(standing.c.attempts).where(
            standing.c.person_id == person_id, standing.c.question == question
        )
    )
    chosen = sorted(rng.sample(["two", "three", "four"], rng.choice([1, 2])))
    add_answer(
        session, person_id, question, (attempts_before or 0) + 1, chosen, right=rng.random() < 0.5,
        minutes=rng.randrange(10_000) / 10, seconds=rng.choice([None, 0.0, 3.3, 71.9]),
    )  # fmt: skip


@pytest.mark.parametrize(("few_learners", "rows_per_text"), [(500, 10_000), (0, 3)])
def test_updated_answers_follow_whatever_happens(
    database: Database, monkeypatch: pytest.MonkeyPatch, few_learners: int, rows_per_text: int
):
    """Answers, runs, people who join, leave, are removed and come back with what they did."""
    monkeypatch.setattr(loader, "FEW_LEARNERS", few_learners)
    monkeypatch.setattr(store, "ROWS_PER_TEXT", rows_per_text)
    monkeypatch.setattr(loader, "ROWS_PER_TEXT", rows_per_text)
    rng = random.Random(5)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        outsiders = [create_account(session, f"outside{number}") for number in range(3)]
        learners = [add_learner(session, class_id, f"l{number}") for number in range(6)]
    loaded = load(database, class_id)
    for step in range(50):
        with database.write() as session:
            person_id = rng.choice([*learners, *outsiders])
            event = rng.randrange(16)
            if event == 0:
                members.leave_class(session, class_id, person_id, NOW)
            elif event == 1:
                members.remove_learner(session, class_id, person_id, NOW)
                members.take_back_learner(session, class_id, person_id, minutes_later(step))
            elif event < 4 and person_id in outsiders:
                join_store.join_class(
                    session, class_id, person_id, f"joined {step}", minutes_later(step)
                )
            elif event < 7:
                add_run(session, person_id, rng.randrange(1000))
            else:
                add_random_answer(session, rng, person_id)
        loaded = load(database, class_id, loaded)
        assert have_same_answers(loaded, load(database, class_id)), step
    assert loaded.tables.attempt_counts.sum() > 10


def test_a_class_is_read_alike_by_its_learners_and_from_the_whole_table(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "ROWS_PER_TEXT", 7)
    rng = random.Random(6)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        person_ids = [add_learner(session, class_id, f"l{number}") for number in range(9)]
        person_ids.append(create_account(session, "outside"))
        for _ in range(60):
            add_random_answer(session, rng, rng.choice(person_ids))
    loaded = []
    for few_learners, share in ((500, 4), (0, 0), (0, 10**9)):
        monkeypatch.setattr(loader, "FEW_LEARNERS", few_learners)
        monkeypatch.setattr(loader, "WHOLE_TABLE_SHARE", share)
        loaded.append(load(database, class_id))
    assert have_same_answers(loaded[0], loaded[1])
    assert have_same_answers(loaded[0], loaded[2])
    assert loaded[0].tables.attempt_counts.sum() > 40


@pytest.mark.parametrize(
    ("few_learners", "many_rows"),
    [(500, 100), (0, 100), (0, -1)],
    ids=["by learner", "whole table", "large table"],
)
def test_what_was_answered_after_the_answer_was_shown_is_an_attempt_and_no_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, few_learners: int, many_rows: int
):
    """Ana saw the answer after a wrong one, Bo before any, Cy never."""
    monkeypatch.setattr(loader, "FEW_LEARNERS", few_learners)
    monkeypatch.setattr(store, "MANY_ROWS", many_rows)
    monkeypatch.setattr(loader, "WHOLE_TABLE_SHARE", 10**9)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana, bo, cy = (add_learner(session, class_id, name) for name in ("ana", "bo", "cy"))
        add_answer(session, ana, "even", 1, ["three"], right=False, minutes=1)
        for person_id, minutes in ((ana, 2), (bo, 0)):
            shown = {"person_id": person_id, "question": "even", "why": "asked"}
            session.execute(sa.insert(reveal).values(**shown, revealed_at=minutes_later(minutes)))
        add_answer(session, ana, "even", 2, ["two", "four"], right=True, minutes=3)
        add_answer(session, bo, "even", 1, ["two", "four"], right=True, minutes=4)
        add_answer(session, cy, "even", 1, ["three"], right=False, minutes=1)
        add_answer(session, cy, "even", 2, ["two", "four"], right=True, minutes=5)
        rebuild_standings(session)
    loaded = load(database, class_id)
    answers = loaded.tables.to_class_answers(loaded.joined_at, QUESTIONS, loaded.runs)
    marks = {"first": answers.first.marks[:, 0], "latest": answers.latest.marks[:, 0]}
    assert np.array_equal(marks["first"], [0, np.nan, 0], equal_nan=True)
    assert np.array_equal(marks["latest"], [0, np.nan, 1], equal_nan=True)
    assert [row[0] for row in chosen_options(answers)] == [
        ("three",), None, ("three",), ("three",), None, ("two", "four"),
    ]  # fmt: skip
    assert answers.pace.attempts[:, 0].tolist() == [2, 1, 2]
    assert answers.pace.solved[:, 0].tolist() == [False, False, True]


def test_what_counts_is_the_same_where_reveals_are_looked_up_for_few_attempts_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    rng = random.Random(8)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        person_ids = [add_learner(session, class_id, f"l{number}") for number in range(12)]
        for _ in range(90):
            add_random_answer(session, rng, rng.choice(person_ids))
        # The attempts of a person at a question are numbered by their moments.
        session.execute(sa.update(attempt).values(answered_at=minutes_later(0)))
        for number in range(2, 20):
            moment = minutes_later(10 * number)
            session.execute(
                sa.update(attempt).where(attempt.c.number == number).values(answered_at=moment)
            )
        for person_id, question in itertools.product(person_ids, QUESTIONS):
            if rng.random() < 0.7:
                moment = minutes_later(rng.choice([-1, 0, 5, 20, 25, 40]))
                shown = {"person_id": person_id, "question": question, "why": "asked"}
                session.execute(sa.insert(reveal).values(**shown, revealed_at=moment))
        rebuild_standings(session)
    monkeypatch.setattr(loader, "FEW_LEARNERS", 0)
    loaded = []
    for many_rows, share in ((10**6, 10**9), (-1, 10**9), (10**6, 0)):
        monkeypatch.setattr(store, "MANY_ROWS", many_rows)
        monkeypatch.setattr(loader, "WHOLE_TABLE_SHARE", share)
        loaded.append(load(database, class_id))
    monkeypatch.setattr(loader, "FEW_LEARNERS", 500)
    loaded.append(load(database, class_id))
    for other in loaded[1:]:
        assert have_same_answers(loaded[0], other)
    tables = loaded[0].tables.to_class_answers(loaded[0].joined_at, QUESTIONS, loaded[0].runs)
    is_attempted = tables.pace.attempts > 0
    assert 0 < np.isnan(tables.first.marks[is_attempted]).sum() < is_attempted.sum()


def test_attempts_merged_from_a_guest_show_at_once(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana, guest = add_learner(session, class_id, "ana"), create_account(session, "guest")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
        add_answer(session, guest, "even", 1, ["two", "four"], right=True, minutes=1)
        add_answer(session, guest, "sides", 1, ["three"], right=True, minutes=2)
        add_run(session, guest, 3)
    loaded = load(database, class_id)
    with database.write() as session:
        attempt_store.merge_guest_attempts(session, guest, ana)
        add_answer(session, ana, "even", 3, ["two"], right=False, minutes=9)
    loaded = load(database, class_id, loaded)
    assert have_same_answers(loaded, load(database, class_id))
    assert loaded.tables.attempt_counts.tolist() == [4]


def test_an_id_that_is_used_again_brings_no_answers_along(database: Database):
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana = add_learner(session, class_id, "ana")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
    loaded = load(database, class_id)
    with database.write() as session:
        session.execute(sa.delete(person).where(person.c.id == ana))
        bo = create_account(session, "bo")
        session.execute(sa.update(person).where(person.c.id == bo).values(id=ana))
        join_store.join_class(session, class_id, ana, "Bo", minutes_later(60))
    loaded = load(database, class_id, loaded)
    assert loaded.tables.learners.tolist() == [ana]
    assert have_same_answers(loaded, load(database, class_id))
    assert loaded.tables.attempt_counts.tolist() == [0]


def test_a_row_that_appears_after_a_later_one_is_not_missed(database: Database):
    """As in PostgreSQL, where the number of a row is taken long before others see it."""
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana, bo = add_learner(session, class_id, "ana"), add_learner(session, class_id, "bo")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=5)
        add_answer(session, bo, "even", 1, ["two"], right=False, minutes=5)
        session.execute(sa.update(attempt).where(attempt.c.person_id == bo).values(id=900))
    loaded = load(database, class_id)
    with database.write() as session:
        add_answer(session, ana, "even", 2, ["two", "four"], right=True, minutes=6)
        session.execute(sa.update(attempt).where(attempt.c.number == 2).values(id=899))
        add_answer(session, bo, "sides", 1, ["three"], right=True, minutes=7)
        session.execute(sa.update(attempt).where(attempt.c.question == "sides").values(id=901))
    assert have_same_answers(load(database, class_id, loaded), load(database, class_id))


def test_the_progress_is_reported(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loader, "FEW_LEARNERS", 0)
    monkeypatch.setattr(store, "TEXTS_PER_BATCH", 1)
    for module in (store, loader):
        monkeypatch.setattr(module, "ROWS_PER_TEXT", 5)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        for number in range(20):
            person_id = add_learner(session, class_id, f"l{number}")
            add_answer(session, person_id, "even", 1, ["two"], right=False, minutes=1)
    progress: list[float] = []
    with database.read() as session:
        counted = store.counted_learners(session, class_id)
        load_answers(session, class_id, counted, QUESTIONS, None, 0.0, progress.append)
    assert progress == [0.25, 0.5, 0.75, 1.0]


def test_an_analysis_is_the_same_one_until_something_happens(database: Database):
    cache = AnalysisCache(lambda: 0.0)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        ana, bo = add_learner(session, class_id, "ana"), add_learner(session, class_id, "bo")
        add_answer(session, ana, "even", 1, ["two"], right=False, minutes=1)

    def get_analysis() -> object:
        with database.read() as session:
            return cache.get_analysis(session, class_id, ITEMS, QUESTIONS)

    first = get_analysis()
    assert get_analysis() is first
    with database.write() as session:
        add_answer(session, ana, "even", 2, ["four", "two"], right=True, minutes=2)
    second = get_analysis()
    assert second is not first, "an answer came"
    with database.write() as session:
        add_run(session, ana, 3)
    third = get_analysis()
    assert third is not second, "an experiment was run"
    with database.write() as session:
        members.remove_learner(session, class_id, bo, NOW)
    fourth = get_analysis()
    assert fourth is not third, "somebody was taken out"
    with database.write() as session:
        session.execute(sa.update(person).where(person.c.id == ana).values(role="author"))
    assert get_analysis() is not fourth, "and somebody counts no more"


def test_answers_of_one_class_are_updated_by_one_thread_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Those of another class meanwhile, which may take long."""
    cache, inside, seen = AnalysisCache(lambda: 0.0), [], []
    both_inside = threading.Barrier(2)
    with database.write() as session:
        first, second = (
            create_class_with_topics(session, teacher=name) for name in ("first", "second")
        )

    def load_watched(session: Session, class_id: int, *arguments: Any) -> LoadedAnswers:
        inside.append(class_id)
        if class_id == second or len(seen) == 0:
            both_inside.wait(20)
        seen.append(inside.count(class_id))
        loaded = load_answers(session, class_id, *arguments)
        inside.remove(class_id)
        return loaded

    def get_analysis(class_id: int) -> None:
        with database.read() as session:
            cache.get_analysis(session, class_id, ITEMS, QUESTIONS)

    monkeypatch.setattr("quizserver.classes.items.analysis.load_answers", load_watched)
    threads = [threading.Thread(target=get_analysis, args=(first,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    get_analysis(second)
    for thread in threads:
        thread.join()
    assert seen == [1] * 5


def test_the_statistics_go_with_the_key(database: Database):
    cache = AnalysisCache(lambda: 0.0)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        add_answer(
            session,
            add_learner(session, class_id, "ana"),
            "even",
            1,
            ["two"],
            right=False,
            minutes=1,
        )
    changed = [ItemKey("even", ("two", "three", "four"), frozenset({"two"})), ITEMS[1]]
    with database.read() as session:
        before = cache.get_analysis(session, class_id, ITEMS, QUESTIONS)
        after = cache.get_analysis(session, class_id, changed, QUESTIONS)
    assert before.statistics_of("first")[0].options[2].right
    assert not after.statistics_of("first")[0].options[2].right


def test_only_so_many_cells_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("quizserver.classes.items.analysis.CELLS_MAX", 5)
    cache, analyses = AnalysisCache(lambda: 0.0), []
    with database.write() as session:
        first, second = (
            create_class_with_topics(session, teacher=name) for name in ("first", "second")
        )
        for class_id in (first, second):
            for number in range(2):
                add_learner(session, class_id, f"l{class_id}-{number}")
    with database.read() as session:
        for class_id in (first, second, second, first):
            analyses.append(cache.get_analysis(session, class_id, ITEMS, QUESTIONS))
    assert analyses[1] is analyses[2]
    assert analyses[0] is not analyses[3], "it was dropped for the other"
