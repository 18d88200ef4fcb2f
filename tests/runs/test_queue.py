"""The messages that carry the ids of runs to a worker."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from quizserver.db.session import database_url
from quizserver.runs.file_watch import FileWatch
from quizserver.runs.huey_queue import with_defaults
from quizserver.runs.queue import RunQueue
from tests.postgres import Postgres


def test_a_worker_receives_the_ids_in_the_order_in_which_they_came(queue_url: str) -> None:
    web, worker = RunQueue(queue_url), RunQueue(queue_url)
    for run_id in ("one", "two", "three"):
        web.send_run(run_id)
    assert (len(worker), worker.sent_ids()) == (3, ["one", "two", "three"])
    assert [worker.receive_run() for _ in range(3)] == ["one", "two", "three"]
    assert (len(web), web.sent_ids()) == (0, [])
    assert worker.receive_run() is None
    web.close()
    worker.close()


def test_messages_are_json_so_that_the_queue_can_not_carry_code(queue_url: str) -> None:
    queue = RunQueue(queue_url)
    queue.send_run("abc")
    data = queue.huey.storage.dequeue()
    queue.close()
    assert ["abc"] in json.loads(data)


def test_an_address_that_is_no_queue_is_named() -> None:
    with pytest.raises(ValueError, match="amqp: is not a queue"):
        RunQueue("amqp://localhost")


def test_an_address_gets_the_patience_that_it_does_not_name_itself() -> None:
    assert with_defaults("redis://h/0?socket_timeout=1", {"socket_timeout": "5", "a": "2"}) == (
        "redis://h/0?socket_timeout=1&a=2"
    )
    assert with_defaults("postgresql://u:p@h/name", {"a": "2"}) == "postgresql://u:p@h/name?a=2"
    assert (
        with_defaults("postgresql:///name?host=/tmp", {"a": "2"})
        == "postgresql:///name?host=/tmp&a=2"
    )


def test_a_connection_that_was_cut_does_not_lose_the_next_message(postgres: Postgres) -> None:
    with postgres.fresh(migrated=False) as url:
        queue = RunQueue(url)
        queue.send_run("first")
        with sa.create_engine(database_url(url), poolclass=sa.NullPool).connect() as other:
            other.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        queue.send_run("second")
        assert len(queue) == 2
        queue.close()


def test_a_message_is_noticed_at_once_although_most_looks_at_a_file_are_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of 50 messages, sent at another moment of the file system's clock."""
    monkeypatch.setattr(FileWatch, "REGULAR_SECONDS", 3600.0)
    url = f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    web, worker = RunQueue(url), RunQueue(url)
    web.send_run("first")
    assert worker.receive_run() == "first"
    for number in range(50):
        time.sleep(0.003 * (number % 7))
        web.send_run(str(number))
        deadline = time.monotonic() + 10
        while (received := worker.receive_run()) is None:
            assert time.monotonic() < deadline, f"message {number} was not noticed"
        assert received == str(number)
    time.sleep(2 * FileWatch.SETTLE_SECONDS)
    watch = worker.watch
    assert watch is not None
    watch.may_have_changed()  # the last one's own change
    time.sleep(2 * FileWatch.SETTLE_SECONDS)
    assert not any(watch.may_have_changed() for _ in range(20))
    web.close()
    worker.close()


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_a_message_wakes_whoever_waits_for_the_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    web, worker = RunQueue(url), RunQueue(url)
    assert worker.watch is not None
    worker.watch.open_events()
    assert worker.watch.events is not None
    for run_id in ("one", "two"):
        while worker.receive_run() is None and select.select([worker.watch.events], [], [], 0.3)[0]:
            pass
        started = time.monotonic()
        web.send_run(run_id)
        assert select.select([worker.watch.events], [], [], 30)[0]
        while worker.receive_run() is None:
            assert not worker.watch.is_settled or time.monotonic() < started + 0.5
    worker.watch.close_events()
    web.close()
    worker.close()


def test_a_file_is_looked_at_regularly_where_its_times_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quizserver.runs.file_watch._file_times", lambda _path: (0, 0))
    monkeypatch.setattr(FileWatch, "REGULAR_SECONDS", 0.2)
    monkeypatch.setattr(FileWatch, "SETTLE_SECONDS", 0.0)
    url = f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    web, worker = RunQueue(url), RunQueue(url)
    assert worker.receive_run() is None
    web.send_run("one")
    assert worker.receive_run() is None
    time.sleep(0.25)
    assert worker.receive_run() == "one"
    web.close()
    worker.close()


def test_a_web_process_loads_huey_when_the_first_run_is_sent() -> None:
    code = "import sys, quizserver.runs.service; print('huey' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("urls", "loaded"),
    [
        ({}, set()),
        ({"queue_url": "redis://h"}, {"redis"}),
        ({"database_url": "postgresql://h/n"}, {"psycopg"}),
        ({"database_url": "postgresql://h/n", "queue_url": "rediss://h"}, {"psycopg", "redis"}),
    ],
)
def test_a_process_loads_the_drivers_that_its_settings_need(
    urls: dict[str, str], loaded: set[str]
) -> None:
    code = f"""
import sys
from quizserver.runs.queue import skip_unused_drivers
from quizserver.settings import Settings
skip_unused_drivers(Settings(**{urls!r}))
import huey
print(*(name for name in ("redis", "psycopg") if sys.modules.get(name)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == loaded
