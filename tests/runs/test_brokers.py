"""The queue and the store of runs on a real PostgreSQL and a real Redis."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quizserver.runs.queue import Queue
from tests import redis_server
from tests.postgres import Postgres

from .fakes import order
from .farm import Farm
from .test_worker import assert_complete

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with redis_server.running() as url:
        yield url


@pytest.fixture(params=["postgresql", "redis"])
def queue_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "redis":
        yield request.getfixturevalue("redis")
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(migrated=False) as url:
        yield url


def test_a_worker_gets_the_ids_in_the_order_in_which_they_came(queue_url: str) -> None:
    got: list[str] = []
    web, worker = Queue(queue_url), Queue(queue_url, got.append)
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
    queue = Queue(queue_url)
    queue.put("abc")
    data = queue.huey.storage.dequeue()
    queue.close()
    assert ["abc"] in json.loads(data)


@linux
@pytest.mark.parametrize("broker", ["postgresql", "redis"])
def test_workers_train_what_is_asked_and_a_lost_worker_is_replaced(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres, broker: str
) -> None:
    """The address of a PostgreSQL is all it takes; a Redis may carry the queue beside it."""
    redis_url = request.getfixturevalue("redis") if broker == "redis" else ""
    with postgres.fresh() as url:
        farm = Farm(tmp_path, database_url=url, queue_url=redis_url)
        try:
            farm.start()
            assert_complete(farm, farm.ended(farm.ask(order(pause=0.01))))
            run_id = farm.ask(order(seed=7, pause=0.1))
            consumer, _ = farm.trainer()
            os.kill(consumer, signal.SIGKILL)
            run = farm.ended(run_id)
            assert_complete(farm, run)
            assert run.attempt == 2
        finally:
            farm.close()
    assert not list(tmp_path.glob("*.sqlite3*")), "nothing of it lies in SQLite files"
