"""The figures of a class are the same, to the last digit, in SQLite and in PostgreSQL."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.classes.items import loader, store
from quizserver.classes.items.analysis import Analysis, AnalysisCache
from quizserver.classes.statistics.answers import ItemKey
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.db.tables import attempt
from tests.classes.items.answer_setup import (
    add_answer,
    add_learner,
    add_run,
    create_class_with_topics,
)
from tests.postgres import Postgres

OPTIONS = ("one", "two", "three", "four")
ITEMS = [ItemKey(f"q{number}", OPTIONS, frozenset({OPTIONS[number % 4]})) for number in range(5)]
SIMULATIONS = {item.question: ("numbers", "simulation") for item in ITEMS}


def analyse_class(url: str) -> Analysis:
    """A class of 45 whose answers are drawn alike, with moments that are not whole seconds."""
    rng = random.Random(11)
    database = Database(url)
    with database.write() as session:
        class_id = create_class_with_topics(session)
        for number in range(45):
            person_id = add_learner(session, class_id, f"l{number}")
            for item in rng.sample(ITEMS, rng.choice([3, 5, 5, 5])):
                begin = rng.random() * 9000
                for number_of_attempt in range(1, rng.choice([2, 3, 4])):
                    chosen = rng.sample(OPTIONS, rng.choice([1, 1, 2]))
                    right = set(chosen) == item.right
                    seconds = rng.choice([None, round(rng.random() * 900, 1)])
                    add_answer(
                        session, person_id, item.question, number_of_attempt, sorted(chosen),
                        right=right, minutes=begin + 3 * number_of_attempt, seconds=seconds,
                    )  # fmt: skip
                    if rng.random() < 0.3:
                        add_run(
                            session, person_id, begin + 3 * number_of_attempt + rng.random() * 4
                        )
    with database.write() as session:  # a mark that is no binary fraction
        third = attempt.c.seconds.between(100, 130)
        session.execute(sa.update(attempt).where(third).values(mark=1 / 3))
    with database.read() as session:
        analysis = AnalysisCache().get_analysis(session, class_id, ITEMS, SIMULATIONS)
    database.dispose()
    return analysis


@pytest.mark.parametrize("few_learners", [500, 0])
def test_both_kinds_of_database_give_the_same_figures(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, few_learners: int
):
    monkeypatch.setattr(loader, "FEW_LEARNERS", few_learners)
    monkeypatch.setattr(store, "ROWS_PER_TEXT", 50)
    monkeypatch.setattr(loader, "ROWS_PER_TEXT", 50)
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    migrate_database(database)
    database.dispose()
    with postgres.fresh() as url:
        sqlite, postgresql = (
            analyse_class(f"sqlite:///{tmp_path / 'store.sqlite3'}"),
            analyse_class(url),
        )
    questions = tuple(SIMULATIONS)
    for which in ("first", "latest"):
        assert sqlite.statistics_of(which) == postgresql.statistics_of(which)
        assert sqlite.set_statistics_of(which, questions) == postgresql.set_statistics_of(
            which, questions
        )
    assert sqlite.statistics_of("first")[0].discrimination.known
    assert sum(statistics.ran for statistics in sqlite.statistics_of("first")) > 5
    assert sqlite.set_statistics_of("first", questions).consistency.known
