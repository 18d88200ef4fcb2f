"""huey's queue at an address, with messages as JSON.

Imported when a queue is first used: huey loads the drivers of every kind of queue that is
installed, which a web process needs only once somebody asks for a run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from quizserver.data_folder import make_private_file
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


def create_huey(url: str) -> Huey:
    """The queue at an address of one of the kinds in ``quizserver.runs.queue``."""
    # huey logs every task twice; the worker itself logs what matters.
    logging.getLogger("huey").setLevel(logging.WARNING)
    options = {"results": False, "serializer": _JsonSerializer()}
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        path = url.removeprefix("sqlite:///")
        replace_if_damaged(path)
        make_private_file(Path(path))
        # No fsync: after a power cut the reaper sends the queued runs of the store again.
        return SqliteHuey(NAME, filename=path, fsync=False, **options)
    if scheme in ("redis", "rediss"):
        return RedisHuey(NAME, url=with_defaults(url, _REDIS), **options)
    dsn = url.replace(f"{scheme}://", "postgresql://", 1)  # not SQLAlchemy's spelling
    return PostgresHuey(NAME, dsn=with_defaults(dsn, CONNECTION_TIMEOUTS), **options)


def with_defaults(url: str, defaults: Mapping[str, str]) -> str:
    """The address with the default of each parameter that it does not set."""
    query = urlsplit(url).query
    missing = [(name, value) for name, value in defaults.items() if f"{name}=" not in query]
    return f"{url}{'&' if query else '?'}{urlencode(missing)}" if missing else url
