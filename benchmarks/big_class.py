"""The speed of a big class's pages: 5,000 learners, 200 questions, a million cells, in SQLite."""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from benchmarks.measurement import Measurement
from quizserver.accounts import sessions_store
from quizserver.accounts.current_user import ACCOUNT_KEY
from quizserver.app import create_app
from quizserver.classes import store as classes
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.db.tables import class_, member, person, standing
from quizserver.settings import Settings
from quizserver.web_process import freeze_startup_objects

LEARNERS, QUESTIONS, TOPICS = 5000, 200, 10
NOW = datetime(2027, 3, 1, tzinfo=UTC)
TEACHER = LEARNERS + 1
TOKEN = "the token of the class's instructor"
GROUP = f"a class of {LEARNERS:,} at {QUESTIONS} questions"
# Label, address, repetitions, and the most seconds wanted.
VIEWS: tuple[tuple[str, str, int, float | None], ...] = (
    ("window of 50 × 40 by name", "matrix", 40, 0.05),
    ("last window", "matrix?page=100&columns=5", 40, 0.05),
    ("by how many are right, first time", "matrix?sort=-right", 1, None),
    ("by how many are right, then", "matrix?sort=-right", 40, 0.05),
    ("who is stuck", "matrix?state=stuck", 40, 0.05),
    ("by one question", "matrix?sort=question:q-7", 40, None),
    ("what a page asks for, all of it", "matrix/window.json", 40, 0.05),
)


def class_rows() -> Iterator[Measurement]:
    """p95 of the pages of a big class, and its download with the memory that it takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data=folder, content=folder / "content")
        write_content(settings.content)
        database = Database(settings.data_url)
        migrate_database(database)
        fill_class(database)
        database.dispose()
        app = create_app(settings)
        client = teacher_client(app)
        client.get("/classes/1/matrix")  # the first request of a process also loads caches
        freeze_startup_objects()
        yield from _page_rows(client)
        yield from _download_rows(client)
        app.extensions["quizserver-close"]()


def teacher_client(app: Flask) -> FlaskClient:
    """A browser in which the class's instructor is signed in."""
    client = app.test_client()
    with client.session_transaction() as session:
        session[ACCOUNT_KEY] = TOKEN
    return client


def _page_rows(client: FlaskClient) -> Iterator[Measurement]:
    for what, address, times, aim in VIEWS:
        spent = sorted(_timed_get(client, address)[0] for _ in range(times))
        middle = statistics.median(spent)
        p95 = spent[min(times - 1, round(0.95 * times))]
        note = f"p95; p50 {1000 * middle:.1f} ms" if times > 1 else ""
        yield Measurement(GROUP, what, p95, aim=aim, note=note)
    response = client.get("/classes/1/matrix/window.json")
    conditional = {"If-None-Match": response.headers["ETag"]}
    spent = sorted(_timed_get(client, "matrix/window.json", conditional)[0] for _ in range(40))
    yield Measurement(GROUP, "the same when nothing is new", spent[38], aim=0.05, note="p95")


def _download_rows(client: FlaskClient) -> Iterator[Measurement]:
    for kind, aim in (("csv", 3.0), ("json", None)):
        before = process_memory("VmRSS")
        seconds, size, most = _timed_get(client, f"matrix.{kind}", watch=True)
        note = f"{size / 1e6:.1f} MB, +{(most - before) / 1024:.0f} MiB of memory at most"
        yield Measurement(GROUP, f"matrix.{kind} of a million cells", seconds, aim=aim, note=note)


def _timed_get(
    client: FlaskClient, rest: str, headers: Any = None, *, watch: bool = False
) -> tuple[float, int, int]:
    """Seconds, bytes, and the most memory in KiB seen meanwhile, a hundred times a second."""
    seen, done = [0], threading.Event()

    def watch_memory() -> None:
        while not done.wait(0.01):
            seen.append(process_memory("VmRSS"))

    watcher = threading.Thread(target=watch_memory)
    if watch:
        watcher.start()
    started = time.perf_counter()
    response = client.get(f"/classes/1/{rest}", headers=headers, buffered=False)
    size = sum(len(chunk) for chunk in response.iter_encoded())
    spent = time.perf_counter() - started
    if watch:
        done.set()
        watcher.join()
    assert response.status_code in (200, 304), response.status
    response.close()
    return spent, size, max(seen)


def process_memory(name: str) -> int:
    """KiB of the field ``name`` of /proc/self/status; 0 where there is none."""
    status = Path("/proc/self/status")
    return int(status.read_text().split(f"{name}:")[1].split()[0]) if status.exists() else 0


def write_content(folder: Path) -> None:
    for topic in range(TOPICS):
        (folder / f"topic-{topic}").mkdir(parents=True)
        for number in range(topic, QUESTIONS, TOPICS):
            path = folder / f"topic-{topic}" / f"q-{number}.md"
            path.write_text(f"# Which number is {number}?\n\n- [x] This\n- [ ] That\n")


def fill_class(database: Database) -> None:
    """A class in which everybody has answered everything, once or, when that was wrong, twice."""
    draw = random.Random(7)
    with database.write() as session:
        account = {"password_hash": "x", "created_at": NOW}
        roles = {TEACHER: "instructor"}
        session.execute(sa.insert(class_).values(id=1, title="Big", created_at=NOW))
        everybody = range(1, TEACHER + 1)
        session.execute(
            sa.insert(person),
            [
                {"id": n, "visitor": f"v{n}", "email": f"{n}@example.org"}
                | {"role": roles.get(n, "learner")}
                | account
                for n in everybody
            ],
        )
        sessions_store.open_session(session, TEACHER, TOKEN, "", datetime.now(UTC))
        joined = {"class_id": 1, "joined_at": NOW, "state_since": NOW}
        session.execute(
            sa.insert(member),
            [
                {"person_id": n, "role": roles.get(n, "learner")}
                | {"name": f"Learner {draw.randrange(10**6)}"}
                | joined
                for n in everybody
            ],
        )
        for first in range(1, LEARNERS + 1, 100):
            learners = range(first, first + 100)
            session.execute(
                sa.insert(standing),
                [_standing_row(draw, n, q) for n in learners for q in range(QUESTIONS)],
            )
        classes.set_class_topics(session, 1, [(f"topic-{topic}", None) for topic in range(TOPICS)])


def _standing_row(draw: random.Random, person_id: int, question: int) -> dict[str, Any]:
    moment = NOW + timedelta(seconds=question * LEARNERS + draw.randrange(LEARNERS))
    first = float(draw.random() < 0.6)
    attempts = 1 if first else draw.randrange(1, 3)
    best = first if attempts == 1 else float(draw.random() < 0.7)
    return {
        "person_id": person_id,
        "question": f"q-{question}",
        "attempts": attempts,
        "first_mark": first,
        "best_mark": best,
        "latest_mark": best,
        "first_at": moment,
        "latest_at": moment + timedelta(minutes=5 * (attempts - 1)),
    }
