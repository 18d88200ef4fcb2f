"""Fixtures of all tests: a database, a content folder, and the whole application."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings

from quizserver.accounts import passwords
from quizserver.app import create_app
from quizserver.db.computed import open_computed
from quizserver.db.migrate import migrate_database
from quizserver.db.session import Database
from quizserver.settings import Settings
from tests.postgres import Postgres, running
from tests.shared_work import share_work

# The same examples at every run, so that a run tells of the change and not of its luck;
# HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis_settings.register_profile("same", derandomize=True, deadline=None)
hypothesis_settings.register_profile("search", deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# What tests write is gone after them, so it need not wait for a disk where memory can hold it.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 2**30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    tempfile.tempdir = str(MEMORY)

# Networks are small and the tests run in as many processes as there are cores: more threads would
# mostly wait for each other, which takes a quarter of the processor's time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that runs the tests in the background makes them, and whatever they start, deaf to Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


SECRET_KEY = "signs the cookies of tests alone"

PLAIN = """\
# Which one is even?

Pick the even numbers.

- [x] Two {#two}
  > Two is twice one. FEEDBACK-TWO
- [ ] Three {#three}
  > Three is odd. FEEDBACK-THREE
- [x] Four {#four}

## Hint

Halve them. HINT-ONE

## Hint

Count in pairs. HINT-TWO

## Answer

Even numbers are multiples of two. EXPLANATION

## References

- [Parity](https://example.org/parity) REFERENCES
"""

SINGLE = """\
# How many sides has a triangle?

- [ ] Two {#two}
- [x] Three {#three}
- [ ] Four {#four}
"""

LESSON = """\
# Numbers, gently

A lesson about numbers. Euler knew that $e^{i\\pi} = -1$.

```question
even
```

That is all.
"""


share_work([PLAIN, SINGLE, LESSON])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test process."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "store.sqlite3"
    store = Database(f"sqlite:///{path}")
    migrate_database(store)
    _close_whole(store)
    return path


@pytest.fixture(scope="session")
def empty_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file of runs without any, to be copied."""
    path = tmp_path_factory.mktemp("empty_runs") / "runs.sqlite3"
    _close_whole(open_computed(f"sqlite:///{path}"))
    return path


def _close_whole(store: Database) -> None:
    """Leaves everything in the one file."""
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated: Path) -> str:
    """The address of a migrated, empty SQLite file."""
    path = shutil.copy(migrated, tmp_path / "store.sqlite3")
    return f"sqlite:///{path}"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """What is collected stays until the end: no collection of garbage looks at it, now or later.

    It is half a million objects, through which each full one went for a third of a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--databases",
        choices=["marked", "both", "sqlite", "postgresql"],
        default="marked",
        help="which databases tests run on: both, but for those marked one_database (the default);"
        " or all of them on both, or on one",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Stores and flows that write run on both databases, pages that only read them on SQLite."""
    if "database_url" not in metafunc.fixturenames:
        return
    databases = metafunc.config.getoption("--databases")
    if databases == "marked":
        marked = metafunc.definition.get_closest_marker("one_database")
        databases = "sqlite" if marked else "both"
    kinds = ["sqlite", "postgresql"] if databases == "both" else [databases]
    metafunc.parametrize("database_url", kinds, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a migrated, empty database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.empty() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty store of what people did."""
    store = Database(database_url)
    yield store
    store.dispose()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder of one topic: a lesson, a question with two right options, one with one."""
    folder = tmp_path / "content" / "numbers"
    folder.mkdir(parents=True)
    (folder / "even.md").write_text(PLAIN)
    (folder / "sides.md").write_text(SINGLE)
    (folder / "lesson.md").write_text(LESSON)
    return folder.parent


@pytest.fixture
def settings(tmp_path: Path, content: Path, database_url: str, empty_runs: Path) -> Settings:
    """Runs and queue lie where the database's address alone puts them."""
    data = tmp_path / "data"
    data.mkdir()
    if database_url.startswith("sqlite"):
        shutil.copy(empty_runs, data / "runs.sqlite3")
    return Settings(
        data=data, content=content, secret_key=SECRET_KEY, port=0, database_url=database_url
    )


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost next to nothing: what they cost in earnest is a test of passwords."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "_DUMMY_HASH", hasher.hash("the password of nobody"))


@pytest.fixture
def app(settings: Settings, quick_passwords: None) -> Iterator[Flask]:
    """The whole application on an empty store, as a web process has it."""
    application = create_app(settings)
    application.config["TESTING"] = True
    application.config["PROPAGATE_EXCEPTIONS"] = False
    yield application
    application.extensions["quizserver-close"]()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
