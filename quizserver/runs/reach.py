"""Sees, before anything is started, that the store of runs and their queue can be had."""

from __future__ import annotations

import sqlalchemy as sa

from quizserver.db.computed import open_computed
from quizserver.db.guards import unavailable
from quizserver.db.session import DatabaseUrlError
from quizserver.runs.queue import Queue
from quizserver.settings import Settings


class UnreachableError(RuntimeError):
    """The store or the queue can't be used; the message is one line that says why."""


def reach(settings: Settings) -> None:
    """Makes the store of runs and asks the queue. Raises UnreachableError."""
    try:
        open_computed(settings.store_url).dispose()
    except DatabaseUrlError as error:
        raise UnreachableError(f"QUIZSERVER_RUNS_URL: {error}") from error
    except sa.exc.DatabaseError as error:
        raise UnreachableError(
            f"Can't open the store of runs: {_line(unavailable(error) or error.orig)}. See that it"
            " can be reached, and that QUIZSERVER_RUNS_URL is right if it is set."
        ) from error
    try:
        queue = Queue(settings.broker_url)
        len(queue)
        queue.close()
    except Exception as error:  # each kind of queue has errors of its own
        raise UnreachableError(
            f"Can't use the queue of runs: {_line(error)}. See that it can be reached, and that"
            " QUIZSERVER_QUEUE_URL is right if it is set."
        ) from error


def _line(said: object) -> str:
    return str(said).strip().partition("\n")[0].rstrip(".")
