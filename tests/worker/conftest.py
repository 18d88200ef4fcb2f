"""The store, the queues and the claimed run of ``tests/runs`` for the tests of workers."""

from __future__ import annotations

from tests.runs.conftest import claimed_run, queue_url, redis, runs_url, store, submit

__all__ = ["claimed_run", "queue_url", "redis", "runs_url", "store", "submit"]
