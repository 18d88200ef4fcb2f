"""A whole server on PostgreSQL with two web processes: one address is all it takes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.serve.server import HttpClient, serving

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
    assert not list(data.glob("*.sqlite3*")), "nothing of it lies in SQLite files"


def test_two_hundred_answers_at_once_are_all_kept(
    tmp_path: Path, content: Path, two_processes: None
):
    with serving(tmp_path / "data", content) as server:
        clients = [HttpClient(server.url) for _ in range(20)]
        failures: list[Exception] = []

        def answer_ten_times(client: HttpClient) -> None:
            try:
                for _ in range(10):
                    client.answer("even", "two")
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=answer_ten_times, args=[client]) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert [len(client.attempts()) for client in clients] == [10] * 20


def test_an_acknowledged_answer_survives_kill_9(tmp_path: Path, content: Path, two_processes: None):
    acknowledged = 0
    with serving(tmp_path / "data", content) as server:
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
        while not acknowledged and time.monotonic() < deadline:  # a loaded machine is slow at first
            time.sleep(0.05)
        time.sleep(1)
        for pid in sorted(server.tree(), reverse=True):
            os.kill(pid, signal.SIGKILL)
        is_killed.set()
        thread.join(30)
    assert acknowledged > 0
    with serving(tmp_path / "data", content) as server:
        attempts = HttpClient(server.url, client.jar).attempts()
    assert acknowledged <= len(attempts) <= acknowledged + 1
