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
from tests.classes.items.rooms import answer, learner, new_room, run
from tests.postgres import Postgres

OPTIONS = ("one", "two", "three", "four")
ITEMS = [ItemKey(f"q{number}", OPTIONS, frozenset({OPTIONS[number % 4]})) for number in range(5)]
SIMULATIONS = {item.question: ("numbers", "simulation") for item in ITEMS}


def analysed(url: str) -> Analysis:
    """A class of 45 whose answers are drawn alike, with moments that are no whole seconds."""
    draw = random.Random(11)
    database = Database(url)
    with database.write() as session:
        room = new_room(session)
        for number in range(45):
            who = learner(session, room, f"l{number}")
            for item in draw.sample(ITEMS, draw.choice([3, 5, 5, 5])):
                began = draw.random() * 9000
                for count in range(1, draw.choice([2, 3, 4])):
                    chosen = draw.sample(OPTIONS, draw.choice([1, 1, 2]))
                    right = set(chosen) == item.right
                    seconds = draw.choice([None, round(draw.random() * 900, 1)])
                    answer(
                        session, who, item.question, count, sorted(chosen), right=right,
                        minutes=began + 3 * count, seconds=seconds,
                    )  # fmt: skip
                    if draw.random() < 0.3:
                        run(session, who, began + 3 * count + draw.random() * 4)
    with database.write() as session:  # a mark that is no binary fraction
        third = attempt.c.seconds.between(100, 130)
        session.execute(sa.update(attempt).where(third).values(mark=1 / 3))
    with database.read() as session:
        found = AnalysisCache().get_analysis(session, room, ITEMS, SIMULATIONS)
    database.dispose()
    return found


@pytest.mark.parametrize("few", [500, 0])
def test_both_kinds_of_database_give_the_same_figures(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, few: int
):
    monkeypatch.setattr(loader, "FEW_LEARNERS", few)
    monkeypatch.setattr(store, "ROWS_PER_TEXT", 50)
    monkeypatch.setattr(loader, "ROWS_PER_TEXT", 50)
    file = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    migrate_database(file)
    file.dispose()
    with postgres.fresh() as url:
        one, other = analysed(f"sqlite:///{tmp_path / 'store.sqlite3'}"), analysed(url)
    questions = tuple(SIMULATIONS)
    for which in ("first", "latest"):
        assert one.statistics_of(which) == other.statistics_of(which)
        assert one.set_statistics_of(which, questions) == other.set_statistics_of(which, questions)
    assert one.statistics_of("first")[0].discrimination.known
    assert sum(each.ran for each in one.statistics_of("first")) > 5
    assert one.set_statistics_of("first", questions).consistency.known
