"""What a web process does beside its pages: logs a new key, and prunes old data once a day."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quizserver.administration import retention, retention_store
from quizserver.administration.key_log import record_key_change
from quizserver.db.session import Database
from quizserver.settings import Settings, secret_key

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
FIRST_LOOK_SECONDS = 10.0
LOOK_SECONDS = 3600.0


def start_schedule(settings: Settings) -> threading.Thread:
    """Starts the thread for it, which ends soon when the settings keep everything for ever."""
    thread = threading.Thread(target=_run_schedule, args=[settings], name="schedule", daemon=True)
    thread.start()
    return thread


def prune_if_due(settings: Settings, database: Database, now: datetime) -> bool:
    """Prunes unless any process, on any host, has done so within the last day; whether it did."""
    with database.write() as session:
        if not retention_store.claim_task(session, "prune", now, EVERY):
            return False
    deleted = retention.prune_data(settings, database, now, source="server")
    counts = ", ".join(f"{old.rows} {old.kind}" for old in deleted if old.before is not None)
    log.info("old data deleted: %s", counts)
    return True


def _run_schedule(settings: Settings) -> None:
    pause = threading.Event()
    pause.wait(FIRST_LOOK_SECONDS)  # a start has other things to do
    _attempt(settings, lambda database, now: record_key_change(database, secret_key(settings), now))
    while not retention.keeps_everything(settings):
        _attempt(settings, lambda database, now: prune_if_due(settings, database, now))
        pause.wait(LOOK_SECONDS)


def _attempt(settings: Settings, work: Callable[[Database, datetime], object]) -> None:
    """Does the work with a connection of its own; a failure is logged, and tried again later."""
    database = Database(settings.data_url, connections=1)
    try:
        work(database, datetime.now(UTC))
    except Exception as error:
        # Tomorrow is early enough; pages say that the database is gone, if it is.
        log.warning("the work of the day failed: %s", error)
    finally:
        database.dispose()
