"""Where the computed store and the queue lie: two files in the data folder."""

from __future__ import annotations

from quizserver.settings import Settings


def store_url(settings: Settings) -> str:
    """SQLAlchemy URL of the store of runs and points."""
    return f"sqlite:///{settings.data / 'runs.sqlite3'}"


def queue_url(settings: Settings) -> str:
    """URL of the queue, as ``queue.Queue`` takes it."""
    return f"sqlite:///{settings.data / 'queue.sqlite3'}"
