"""The queue between the web process and the workers: huey, whose messages carry a run's id.

The run's state in the store decides whether a message has any effect (``RunStore.claim_next``). So
a message that is lost, late or sent twice does no harm.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from quizserver.db.computed import replace_if_damaged
from quizserver.db.session import CONNECTION_TIMEOUTS

NAME = "quizserver-runs"

# A Redis that does not answer must not block a page or a worker for ever. Workers wait a second at
# a time for a message.
_REDIS = {"socket_connect_timeout": "5", "socket_timeout": "5", "health_check_interval": "30"}


class _JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON: somebody who can write to the queue must not be able to run code in a
    worker, which huey's default (pickle) would allow."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(bytes(data)))


class RunQueue:
    """The messages with the ids of queued runs.

    ``url``: ``sqlite:///path`` (one machine; the file is made when missing), ``redis://…`` or
    ``postgresql://…``.
    """

    def __init__(self, url: str) -> None:
        # huey logs every task twice; the worker itself logs what matters.
        logging.getLogger("huey").setLevel(logging.WARNING)
        self.huey = _create_huey(url)
        self._train_task = self.huey.task(name="train")(_refuse_execution)

    def send_run(self, run_id: str) -> None:
        """Sends the id of a queued run to the workers: the one way in which a run reaches them.

        Raises whatever the queue's own driver raises.
        """
        try:
            self._train_task(run_id)
        except Exception:
            if isinstance(self.huey, SqliteHuey):
                raise
            # On a connection that was cut while nothing was sent, only the first use fails.
            self._train_task(run_id)

    def receive_run(self) -> str | None:
        """The run's id of the next message, which is then no longer in the queue; None without one.

        A Redis is waited for up to a second.
        """
        task = self.huey.dequeue()
        return None if task is None else str(task.args[0])

    def sent_ids(self) -> list[str]:
        """The ids of all messages that no worker has received yet, in their order."""
        return [str(task.args[0]) for task in self.huey.pending()]

    def __len__(self) -> int:
        return int(self.huey.pending_count())

    def close(self) -> None:
        self.huey.storage.close()


def _refuse_execution(_run_id: str) -> None:
    """Stands for the task whose messages are received; huey never executes it."""
    raise RuntimeError("a message is received by RunQueue.receive_run and not executed by huey")


def _with_defaults(url: str, defaults: Mapping[str, str]) -> str:
    """The address with the default of each parameter that it does not set."""
    query = urlsplit(url).query
    missing = [(name, value) for name, value in defaults.items() if f"{name}=" not in query]
    return f"{url}{'&' if query else '?'}{urlencode(missing)}" if missing else url


def _create_huey(url: str) -> Huey:
    options = {"results": False, "serializer": _JsonSerializer()}
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        path = url.removeprefix("sqlite:///")
        replace_if_damaged(path)
        # No fsync: after a power cut the reaper sends the queued runs of the store again.
        return SqliteHuey(NAME, filename=path, fsync=False, **options)
    if scheme in ("redis", "rediss"):
        return RedisHuey(NAME, url=_with_defaults(url, _REDIS), **options)
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        dsn = url.replace(f"{scheme}://", "postgresql://", 1)  # not SQLAlchemy's spelling
        return PostgresHuey(NAME, dsn=_with_defaults(dsn, CONNECTION_TIMEOUTS), **options)
    raise ValueError(f"{scheme}: is not a queue; use sqlite:///path, redis://… or postgresql://…")
