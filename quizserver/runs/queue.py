"""The queue between the web process and the workers: huey, whose messages carry a run's id.

The run's state in the store decides whether a message has any effect (``RunStore.claim_next``). So
a message that is lost, late or sent twice does no harm.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from quizserver.data_folder import make_private_file
from quizserver.db.computed import replace_if_damaged
from quizserver.runs.file_watch import FileWatch

if TYPE_CHECKING:
    from huey import Huey

    from quizserver.settings import Settings

SCHEMES = ("sqlite", "redis", "rediss", "postgres", "postgresql", "postgresql+psycopg")


class RunQueue:
    """The messages with the ids of queued runs.

    ``url``: ``sqlite:///path`` (one machine; the file is made when missing), ``redis://…`` or
    ``postgresql://…``. Nothing is opened before the first use. Raises ValueError for another kind.
    """

    def __init__(self, url: str) -> None:
        scheme = urlsplit(url).scheme
        if scheme not in SCHEMES:
            raise ValueError(
                f"{scheme}: is not a queue; use sqlite:///path, redis://… or postgresql://…"
            )
        self._url = url
        self._lock = threading.Lock()
        # Of a SQLite file; None where ``receive_run`` itself waits for a message.
        self.watch = FileWatch(url.removeprefix("sqlite:///")) if scheme == "sqlite" else None

    @property
    def huey(self) -> Huey:
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Huey, Any]:
        """huey's queue and its one task."""
        from quizserver.runs.huey_queue import create_huey

        huey = create_huey(self._url)
        return huey, huey.task(name="train")(_refuse_execution)

    def check_usable(self) -> None:
        """Raises what the driver raises when the queue can't be used.

        A SQLite file is made again when it is damaged, and opened without loading huey.
        """
        if self.watch is not None:
            replace_if_damaged(self.watch.path)
            make_private_file(Path(self.watch.path))
            with closing(sqlite3.connect(self.watch.path)) as connection:
                connection.execute("PRAGMA user_version")
        else:
            len(self)

    def send_run(self, run_id: str) -> None:
        """Sends the id of a queued run to the workers: the one way in which a run reaches them.

        Raises whatever the queue's own driver raises.
        """
        with self._lock:  # two first messages at once must not open the queue twice
            _, train_task = self._opened
        try:
            train_task(run_id)
        except Exception:
            if self.watch is not None:
                raise
            # On a connection that was cut while nothing was sent, only the first use fails.
            train_task(run_id)

    def receive_run(self) -> str | None:
        """The run's id of the next message, which is then no longer in the queue; None without one.

        A Redis or PostgreSQL is waited for up to a second.
        """
        if self.watch is not None and not self.watch.may_have_changed():
            return None
        task = self.huey.dequeue()
        if task is None:
            return None
        if self.watch is not None:
            self.watch.look_again()
        return str(task.args[0])

    def sent_ids(self) -> list[str]:
        """The ids of all messages that no worker has received yet, in their order."""
        return [str(task.args[0]) for task in self.huey.pending()]

    def __len__(self) -> int:
        return int(self.huey.pending_count())

    def close(self) -> None:
        if "_opened" in self.__dict__:
            self.huey.storage.close()


def skip_unused_drivers(settings: Settings) -> None:
    """Lets huey, in a process that works with these settings alone, load no driver that they do not
    need: it loads every one that is installed, 12 MB and half of a worker's own imports."""
    urls = (settings.data_url, settings.store_url, settings.broker_url)
    for driver, prefix in (("redis", "redis"), ("psycopg", "postgres")):
        if not any(url.startswith(prefix) for url in urls):
            sys.modules.setdefault(driver, None)  # type: ignore[arg-type] # import then fails


def _refuse_execution(_run_id: str) -> None:
    """Stands for the task whose messages are received; huey never executes it."""
    raise RuntimeError("a message is received by RunQueue.receive_run and not executed by huey")
