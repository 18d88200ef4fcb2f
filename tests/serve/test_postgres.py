"""A whole server on PostgreSQL with two web processes: one address is all it takes."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.classes import join_store
from quizserver.classes import store as classes
from quizserver.db.session import Database
from quizserver.db.tables import person
from tests.classes.matrix_setup import create_account
from tests.postgres import Postgres
from tests.serve.server import HttpClient, field_value, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def two_processes(postgres: Postgres, monkeypatch: pytest.MonkeyPatch):
    with postgres.fresh(migrated=False) as url:
        monkeypatch.setenv("QUIZSERVER_DATABASE_URL", url)
        monkeypatch.setenv("QUIZSERVER_WEB_PROCESSES", "2")
        monkeypatch.setenv("QUIZSERVER_WEB_THREADS", "8")
        yield


def test_two_web_processes_answer_train_and_stream(tmp_path: Path, two_processes: None):
    data = tmp_path / "data"
    with serving(data) as server:
        client = HttpClient(server.url)
        for _ in range(12):  # whichever process gets it
            client.answer("strange-loss", "low-rate")
        assert [a["number"] for a in client.attempts()] == list(range(1, 13))
        body = {"topic": "strange-loss", "simulation": "simulation", "arm": "healthy"}
        token = client.token()
        status, run = client.post_json("/runs", body | {"replicas": 8}, token)
        assert status == 202
        events = list(client.stream(run["events"]))
        assert (events[-1][0], events[-1][1]["state"]) == ("end", "done")
        assert client.post_json("/runs", body | {"replicas": 8}, token)[0] == 200
        download_while_the_database_goes(server.url)
    assert not list(data.glob("*.sqlite3*")), "nothing of it lies in SQLite files"


def download_while_the_database_goes(url: str) -> None:
    """A gradebook whose connection is lost while it is read is an error, and no shorter one."""
    client = HttpClient(url)
    page = client.get("/sign-up")
    account = {"email": "teacher@example.org", "password": "correct horse", "next": ""}
    fields = account | {"csrf_token": field_value(page, "csrf_token")}
    client.open("/sign-up", urllib.parse.urlencode(fields).encode()).close()
    database = Database(os.environ["QUIZSERVER_DATABASE_URL"])
    try:
        address = create_class_of(database, account["email"], learners=120)
        with database.write() as session:
            # The download has read the class, and waits for the standings.
            session.execute(sa.text("LOCK TABLE standing IN ACCESS EXCLUSIVE MODE"))
            outcome: list[object] = []
            thread = threading.Thread(target=lambda: outcome.append(fetch_csv(client, address)))
            thread.start()
            waiting = sa.text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query LIKE '%standing%'"
            )
            deadline = time.monotonic() + 30
            while not session.scalar(waiting) and time.monotonic() < deadline:
                time.sleep(0.02)
        thread.join(30)
        assert outcome == [(503, None, 0)]
        status, length, lines = fetch_csv(client, address)
        assert (status, lines) == (200, 121)
        assert length is not None
    finally:
        database.dispose()


def create_class_of(database: Database, email: str, *, learners: int) -> str:
    """Makes the account the instructor of a class; returns the address of its matrix as CSV."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    with database.write() as session:
        is_teacher = person.c.email == email
        session.execute(sa.update(person).where(is_teacher).values(role="instructor"))
        teacher_id = session.scalars(sa.select(person.c.id).where(is_teacher)).one()
        class_id = classes.create_class(session, "Nets", teacher_id, moment).id
        classes.set_class_topics(session, class_id, [("strange-loss", None)])
        for number in range(learners):
            address = f"learner{number}@example.org"
            learner_id = create_account(session, address, "learner")
            join_store.join_class(session, class_id, learner_id, f"Learner {number}", moment)
    return f"/classes/{class_id}/matrix.csv"


def fetch_csv(client: HttpClient, address: str) -> tuple[int, str | None, int]:
    """The status, the stated length and the number of lines of a CSV file."""
    try:
        with client.open(address) as response:
            body = response.read()
            return response.status, response.headers["Content-Length"], body.count(b"\r\n")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None, error.read().count(b"\r\n")


def test_two_hundred_answers_at_once_are_all_kept_and_each_survives_kill_9(
    tmp_path: Path, content: Path, two_processes: None
):
    acknowledged = 0
    with serving(tmp_path / "data", content) as server:
        crowd = [HttpClient(server.url) for _ in range(20)]
        failures: list[Exception] = []

        def answer_ten_times(client: HttpClient) -> None:
            try:
                for _ in range(10):
                    client.answer("even", "two")
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=answer_ten_times, args=[client]) for client in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        client = HttpClient(server.url)
        is_killed = threading.Event()

        def keep_answering() -> None:
            nonlocal acknowledged
            while not is_killed.is_set():
                try:
                    client.answer("even", "two")
                except Exception:  # the server is gone
                    return
                acknowledged += 1

        thread = threading.Thread(target=keep_answering)
        thread.start()
        deadline = time.monotonic() + 30
        while acknowledged < 5 and time.monotonic() < deadline:  # a loaded machine is slow
            time.sleep(0.05)
        for pid in sorted(server.tree(), reverse=True):
            os.kill(pid, signal.SIGKILL)
        is_killed.set()
        thread.join(30)
    assert acknowledged > 0
    with serving(tmp_path / "data", content) as server:
        attempts = HttpClient(server.url, client.jar).attempts()
        kept = [len(HttpClient(server.url, one.jar).attempts()) for one in crowd]
    assert acknowledged <= len(attempts) <= acknowledged + 1
    assert kept == [10] * 20
