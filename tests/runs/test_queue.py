"""Run ids on their way to a worker."""

from __future__ import annotations

import json

import pytest

from quizserver.runs.queue import Queue


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


def test_an_address_that_is_no_queue_is_named() -> None:
    with pytest.raises(ValueError, match="amqp: is not a queue"):
        Queue("amqp://localhost")
