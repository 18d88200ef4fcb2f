"""A store that can't be used as long as a test wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quizserver.db.availability import BusyError
from quizserver.runs.store import RunStore


class FailingStore:
    """The store, whose methods raise ``error`` as long as ``is_down`` is set."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self.is_down = False
        self.error: Exception = BusyError("it is gone")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if self.is_down:
                raise self.error
            return method(*arguments, **named)

        return call
