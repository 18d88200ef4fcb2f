"""A computed store, a queue on every kind of broker, and runs in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from quizserver.db.computed import open_computed
from quizserver.runs.model import Run, RunSubmission
from quizserver.runs.requests import RunRequest
from quizserver.runs.store import RunStore
from tests import redis_server
from tests.postgres import Postgres
from tests.runs.examples import curve_request
from tests.runs.runs_app import RunsApp

Submit = Callable[..., RunSubmission]


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
    """Where a queue can be: every test of the queue runs on all three kinds."""
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
def submit(store: RunStore) -> Submit:
    """Submits a request as a visitor, with bounds that are far away unless given."""

    def submit(
        request: RunRequest | None = None,
        visitor: str = "ann",
        now: float = 1000.0,
        waiting_max: int = 99,
        per_visitor: int = 99,
    ) -> RunSubmission:
        return store.submit_request(
            request or curve_request(),
            visitor,
            now,
            waiting_max=waiting_max,
            per_visitor=per_visitor,
        )

    return submit


@pytest.fixture
def claimed_run(store: RunStore, submit: Submit) -> Run:
    """A run that a worker has claimed."""
    run = store.claim_next(1001.0, offered=submit().run.id)
    assert run is not None
    return run


@pytest.fixture
def runs_app(tmp_path: Path) -> Iterator[RunsApp]:
    runs_app = RunsApp(tmp_path)
    yield runs_app
    runs_app.runs.close()


@pytest.fixture
def client(runs_app: RunsApp) -> FlaskClient:
    return runs_app.flask.test_client()
