"""The queue between the web and the workers: huey, with one task whose argument is a run's id.

A message only says "look at this run"; the run's state decides whether there is anything to do. So
a message that is lost, late or given twice does no harm.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from quizserver.db.computed import replace_if_damaged
from quizserver.db.session import CONNECTION_TIMEOUTS

NAME = "quizserver-runs"

# A Redis that says nothing must not hold a page, nor a worker, for ever. Workers wait a second at a
# time for a message.
_REDIS = {"socket_connect_timeout": "5", "socket_timeout": "5", "health_check_interval": "30"}


class _JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON: whoever can write to the queue must not be able to make a worker run code,
    which huey's default (pickle) would allow."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(bytes(data)))


class RunQueue:
    """Run ids on their way to a worker.

    ``url``: ``sqlite:///path`` (one machine; the file is made when missing), ``redis://…`` or
    ``postgresql://…``. Workers pass ``execute``, which is called with each id; the web does not.
    """

    def __init__(self, url: str, execute: Callable[[str], None] | None = None) -> None:
        # huey tells of every task twice; what matters is said by the worker itself.
        logging.getLogger("huey").setLevel(logging.WARNING)
        self.huey = _create_huey(url)

        def train_run(run_id: str) -> None:
            if execute is None:
                raise RuntimeError("this process only puts runs into the queue")
            execute(run_id)

        self._train_task = self.huey.task(name="train")(train_run)

    def put(self, run_id: str) -> None:
        """Puts a run's id into the queue. Raises whatever the queue's own driver raises."""
        try:
            self._train_task(run_id)
        except Exception:
            if isinstance(self.huey, SqliteHuey):
                raise
            # Of a connection that was cut while nothing was sent, only the first use fails.
            self._train_task(run_id)

    def __len__(self) -> int:
        return int(self.huey.pending_count())

    def close(self) -> None:
        self.huey.storage.close()


def _with_defaults(url: str, defaults: Mapping[str, str]) -> str:
    """The address with those parameters that it does not give itself."""
    query = urlsplit(url).query
    missing = [(name, value) for name, value in defaults.items() if f"{name}=" not in query]
    return f"{url}{'&' if query else '?'}{urlencode(missing)}" if missing else url


def _create_huey(url: str) -> Huey:
    options = {"results": False, "serializer": _JsonSerializer()}
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        path = url.removeprefix("sqlite:///")
        replace_if_damaged(path)
        # No fsync: after a power cut the worker finds the waiting runs in the store again.
        return SqliteHuey(NAME, filename=path, fsync=False, **options)
    if scheme in ("redis", "rediss"):
        return RedisHuey(NAME, url=_with_defaults(url, _REDIS), **options)
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        dsn = url.replace(f"{scheme}://", "postgresql://", 1)  # SQLAlchemy's spelling is its own
        return PostgresHuey(NAME, dsn=_with_defaults(dsn, CONNECTION_TIMEOUTS), **options)
    raise ValueError(f"{scheme}: is not a queue; use sqlite:///path, redis://… or postgresql://…")
