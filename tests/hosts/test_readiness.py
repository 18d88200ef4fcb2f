"""Ready means that an answer sent now would be kept, and that its page comes at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from quizserver import web_process
from quizserver.db import session as sessions
from quizserver.db.availability import BusyError
from quizserver.db.session import Database
from quizserver.hosts import readiness as module
from quizserver.hosts.readiness import FULL, STARTING, TOO_SLOW, Readiness
from quizserver.server_log import configure_logging
from quizserver.settings import Settings
from tests.postgres import Postgres


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Probe:
    """A readiness check whose write a test decides."""

    def __init__(self, database: Database) -> None:
        self.clock, self.writes, self.is_renderable = Clock(), 0, True
        self.write: Callable[[], object] = lambda: None
        self.readiness = Readiness(
            database, self._keep_row, lambda: self.is_renderable, clock=self.clock
        )

    def _keep_row(self) -> None:
        self.writes += 1
        self.write()

    def reason_later(self) -> str | None:
        self.clock.now += module.CHECK_SECONDS
        return self.readiness.reason()


def fill_up(database: Database) -> None:
    with database.write() as session:
        pages = session.scalar(sa.text("PRAGMA page_count"))
        session.execute(sa.text(f"PRAGMA max_page_count={pages}"))
        session.execute(sa.text("CREATE TABLE large AS SELECT randomblob(100000)"))


@pytest.fixture
def probe(sqlite_url: str):
    database = Database(sqlite_url)
    yield Probe(database)
    database.dispose()


def settled(client: FlaskClient, address: str = "/readyz", status: int = 200):
    """The answer once it has that status; a loaded machine may take its time."""
    deadline = time.monotonic() + 20
    while (response := client.get(address)).status_code != status:
        assert time.monotonic() < deadline, response.json
        time.sleep(0.05)
    return response


def test_a_process_is_alive_and_ready_at_two_addresses_and_the_older_one_is_ready(
    client: FlaskClient, settings: Settings
):
    assert settled(client).json == {"status": "ok", "topics": 1}
    assert client.get("/healthz").json == {"status": "ok", "topics": 1}
    alive = client.get("/livez")
    assert (alive.status_code, alive.json) == (200, {"status": "alive"})
    for address in ("/livez", "/readyz", "/healthz"):
        response = client.get(address)
        assert response.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in response.headers
    database = Database(settings.data_url)
    with database.read() as session:
        rows = session.execute(sa.text("SELECT name, version FROM host_process")).all()
    database.dispose()
    assert len(rows) == 1, "a check writes into the row of its own process"


@pytest.mark.one_database
def test_a_web_process_has_rendered_its_pages_before_it_listens(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    """Compiling the templates made the first pages take seconds on a busy machine."""
    monkeypatch.setattr(web_process, "freeze_startup_objects", lambda: None)
    web_process.prepare_application(app)
    rendered = {name for _loader, name in app.jinja_env.cache}
    assert {"base.html", "progress/home.html", "attempts/question.html"} <= rendered


def test_however_many_ask_only_one_write_is_tried_in_a_second(probe: Probe):
    assert [probe.readiness.reason() for _ in range(50)] == [None] * 50
    assert probe.writes == 1
    probe.clock.now += module.CHECK_SECONDS / 2
    probe.readiness.reason()
    assert probe.writes == 1
    assert probe.reason_later() is None
    assert probe.writes == 2


def test_a_database_that_hangs_is_told_within_the_stated_time_and_asked_once(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.2)
    assert probe.readiness.reason() is None
    release = threading.Event()
    probe.write = lambda: release.wait(30)
    probe.clock.now += 1
    began = time.monotonic()
    assert probe.readiness.reason() == TOO_SLOW
    assert time.monotonic() - began < 5
    for _ in range(5):
        probe.clock.now += 1
        assert probe.readiness.reason() == TOO_SLOW
    assert probe.writes == 2, "the one that hangs is waited for, and no other one is begun"
    release.set()
    deadline = time.monotonic() + 20
    while probe.reason_later() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_of_a_server_says_what_makes_it_unready_and_when_that_is_over(
    probe: Probe, caplog: pytest.LogCaptureFixture
):
    configure_logging()

    def refuse() -> None:
        raise BusyError("others write")

    assert [probe.reason_later(), probe.reason_later()] == [None, None]
    assert caplog.records == [], "a start is no recovery"
    probe.write = refuse
    assert None not in [probe.reason_later(), probe.reason_later()]
    probe.write = lambda: None
    assert [probe.reason_later(), probe.reason_later()] == [None, None]
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _message in said] == ["ERROR", "INFO"]
    assert said[0][1].startswith("this process is not ready: ")
    assert said[1][1] == "this process is ready again"


def test_without_a_rendered_page_nobody_is_ready(probe: Probe):
    probe.is_renderable = False
    assert probe.readiness.reason() == STARTING
    probe.is_renderable = True
    assert probe.reason_later() is None
    probe.is_renderable = False
    assert probe.reason_later() is None, "rendered once, templates stay"


def test_a_full_disk_is_not_ready_and_a_write_that_found_no_room_is_remembered(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
):
    assert probe.readiness.reason() is None
    monkeypatch.setattr(module, "BYTES_FREE_MIN", 2**62)
    assert probe.reason_later() == FULL
    monkeypatch.undo()
    assert probe.reason_later() is None
    database = probe.readiness.database
    with pytest.raises(sa.exc.OperationalError, match="full"):
        fill_up(database)
    assert probe.reason_later() == FULL
    monkeypatch.setattr(module, "FAULT_SECONDS", 0.0)
    assert probe.reason_later() is None


def reason_of(client: FlaskClient) -> str:
    reason: str = settled(client, "/readyz", 503).json["reason"]
    return reason


@pytest.mark.one_database
def test_a_locked_file_is_not_ready_while_pages_are_read_on(
    app: Flask, client: FlaskClient, settings: Settings
):
    settled(client)
    path = settings.data_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(module.CHECK_SECONDS)
        began = time.monotonic()
        assert client.get("/readyz").status_code == 503
        assert time.monotonic() - began < sessions.BUSY_SECONDS
        assert client.get("/livez").status_code == 200
        assert client.get("/questions/even").status_code == 200
        other.execute("ROLLBACK")
    settled(client)


@pytest.mark.one_database
def test_a_file_that_was_taken_away_is_not_ready_and_its_path_is_not_told(
    client: FlaskClient, settings: Settings
):
    settled(client)
    path = Path(settings.data_url.removeprefix("sqlite:///"))
    path.rename(path.with_suffix(".away"))
    assert reason_of(client) == "the file of the database was removed or replaced"


def test_a_database_without_its_tables_is_not_ready(client: FlaskClient, settings: Settings):
    database = Database(settings.data_url)
    with database.write() as session:
        session.execute(sa.text("DROP TABLE host_process"))
    database.dispose()
    assert reason_of(client) == "the database does not have the tables of this version"


def test_a_postgresql_that_only_reads_or_is_gone_is_not_ready(postgres: Postgres):
    with postgres.fresh() as url:
        admin = Database(url)

        def keep_row() -> None:
            with probe.readiness.database.write() as session:
                session.execute(sa.text("UPDATE host_process SET seen_at = seen_at"))

        name = sa.make_url(url).database
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                sa.text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            )
        probe = Probe(Database(url))
        probe.write = keep_row
        assert probe.readiness.reason() == "the database is read-only"
        probe.readiness.database.dispose()
        admin.dispose()
    nowhere = Database("postgresql://secret:word@127.0.0.1:1/none")
    probe = Probe(nowhere)
    probe.write = keep_row
    assert probe.readiness.reason() == "the database can't be reached"
    nowhere.dispose()
