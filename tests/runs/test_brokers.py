"""Whole workers whose store lies in a real PostgreSQL, and the queue there or in a real Redis."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.postgres import Postgres

from .fakes import order
from .farm import Farm
from .test_worker import assert_complete

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


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
