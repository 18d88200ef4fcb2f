"""Run ids on their way to a worker."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from quizserver.db.session import database_url
from quizserver.runs.queue import RunQueue, _with_defaults
from tests.postgres import Postgres


def test_a_worker_gets_the_ids_in_the_order_in_which_they_came(queue_url: str) -> None:
    got: list[str] = []
    web, worker = RunQueue(queue_url), RunQueue(queue_url, got.append)
    for run_id in ("one", "two", "three"):
        web.put(run_id)
    assert len(worker) == 3
    while (task := worker.huey.dequeue()) is not None:
        worker.huey.execute(task)
    assert got == ["one", "two", "three"]
    assert len(web) == 0
    web.close()
    worker.close()


def test_messages_are_json_so_that_the_queue_can_not_carry_code(queue_url: str) -> None:
    queue = RunQueue(queue_url)
    queue.put("abc")
    data = queue.huey.storage.dequeue()
    queue.close()
    assert ["abc"] in json.loads(data)


def test_an_address_that_is_no_queue_is_named() -> None:
    with pytest.raises(ValueError, match="amqp: is not a queue"):
        RunQueue("amqp://localhost")


def test_an_address_gets_the_patience_that_it_does_not_name_itself() -> None:
    assert _with_defaults("redis://h/0?socket_timeout=1", {"socket_timeout": "5", "a": "2"}) == (
        "redis://h/0?socket_timeout=1&a=2"
    )
    assert _with_defaults("postgresql://u:p@h/name", {"a": "2"}) == "postgresql://u:p@h/name?a=2"
    assert (
        _with_defaults("postgresql:///name?host=/tmp", {"a": "2"})
        == "postgresql:///name?host=/tmp&a=2"
    )


def test_a_connection_that_was_cut_does_not_lose_the_next_message(postgres: Postgres) -> None:
    with postgres.fresh(migrated=False) as url:
        queue = RunQueue(url)
        queue.put("first")
        with sa.create_engine(database_url(url), poolclass=sa.NullPool).connect() as other:
            other.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        queue.put("second")
        assert len(queue) == 2
        queue.close()
