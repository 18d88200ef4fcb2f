"""Run ids on their way to a worker."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from quizserver.runs.queue import Queue


def test_a_worker_gets_the_ids_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    got: list[str] = []
    web, worker = Queue(url), Queue(url, got.append)
    for run_id in ("one", "two", "three"):
        web.put(run_id)
    assert len(worker) == 3
    while (task := worker.huey.dequeue()) is not None:
        worker.huey.execute(task)
    assert got == ["one", "two", "three"]
    assert len(web) == 0
    web.close()
    worker.close()


def test_messages_are_json_so_that_the_queue_can_not_carry_code(tmp_path: Path) -> None:
    queue = Queue(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
    queue.put("abc")
    with sqlite3.connect(tmp_path / "queue.sqlite3") as connection:
        [(data,)] = connection.execute("SELECT data FROM task").fetchall()
    connection.close()
    queue.close()
    assert ["abc"] in json.loads(data)


def test_an_address_that_is_no_queue_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="amqp: is not a queue"):
        Queue("amqp://localhost")
