"""A computed store and orders to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quizserver.db.computed import open_computed
from quizserver.runs.model import Batch, Run, RunRequest
from quizserver.runs.store import RunStore, RunSubmission
from quizserver.worker.summary import summarise_points
from tests import redis_server
from tests.postgres import Postgres

from . import fakes

Ask = Callable[..., RunSubmission]


@pytest.fixture(params=["sqlite", "postgresql"])
def runs_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a computed store can be made: every test of the store runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'runs.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.empty() as url:
        yield url


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """The address of a real Redis of this test process."""
    if redis_server.program() is None:
        pytest.skip("there is no redis-server (Debian: apt install redis-server)")
    with redis_server.running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a queue can lie: every test of the queue runs on all three kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'queue.sqlite3'}"
    elif request.param == "redis":
        yield request.getfixturevalue("redis")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.fresh(migrated=False) as url:
            yield url


@pytest.fixture
def store(runs_url: str) -> Iterator[RunStore]:
    database = open_computed(runs_url)
    yield RunStore(database)
    database.dispose()


@pytest.fixture
def ask(store: RunStore) -> Ask:
    """Asks for a run as a visitor, with bounds that are far away unless told otherwise."""

    def ask(
        order: RunRequest | None = None,
        visitor: str = "ann",
        now: float = 1000.0,
        waiting_max: int = 99,
        per_visitor: int = 99,
    ) -> RunSubmission:
        return store.submit(
            order or fakes.order(),
            visitor,
            now,
            waiting_max=waiting_max,
            per_visitor=per_visitor,
        )

    return ask


@pytest.fixture
def running(store: RunStore, ask: Ask) -> Run:
    """A run that a worker has taken."""
    run = store.claim_run(ask().run.id, 1001.0)
    assert run is not None
    return run


def batch(order: RunRequest, seq: int, start: int, stop: int) -> Batch:
    """The points ``start`` to ``stop`` of the fake training as a worker would store them."""
    loss, accuracy = (values[:, start:stop] for values in fakes.expected(order))
    data = loss.astype("<f8").tobytes() + accuracy.astype("<f8").tobytes()
    summary = summarise_points(list(range(start, stop)), {"loss": loss, "accuracy": accuracy})
    return Batch(seq, stop - start, summary, data)
