"""The messages that carry the ids of runs to a worker."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from quizserver.db.session import database_url
from quizserver.runs.queue import RunQueue, _with_defaults
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
