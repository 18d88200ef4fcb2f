"""Prunes old data once a day in one of the processes of a server, while it serves."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from quizserver.administration import retention, retention_store
from quizserver.db.session import Database
from quizserver.settings import Settings

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
FIRST_LOOK_SECONDS = 60.0
LOOK_SECONDS = 3600.0


def start_schedule(settings: Settings) -> threading.Thread | None:
    """Starts the thread that prunes; None when the settings keep everything for ever."""
    if retention.keeps_everything(settings):
        return None
    thread = threading.Thread(target=_keep_pruning, args=[settings], name="prune", daemon=True)
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


def _keep_pruning(settings: Settings) -> None:
    pause = threading.Event()
    pause.wait(FIRST_LOOK_SECONDS)  # a start has other things to do
    while True:
        database = Database(settings.data_url, connections=1)
        try:
            prune_if_due(settings, database, datetime.now(UTC))
        except Exception as error:
            # Tomorrow is early enough; a page says that the database is gone, if it is.
            log.warning("old data could not be deleted: %s", error)
        finally:
            database.dispose()
        pause.wait(LOOK_SECONDS)
