"""Values that are made when somebody asks for them first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Deferred(Generic[Value]):
    """A value that is made at its first use, once, whichever threads ask for it at that time.

    What makes it is let go of then. Two are equal when their values are, and a pickle holds the
    value, so either makes it.
    """

    __slots__ = ("_lock", "_make", "_value")
    __hash__ = None  # type: ignore[assignment]

    _value: Value

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make: Callable[[], Value] | None = make
        self._lock = threading.Lock()

    @classmethod
    def of(cls, value: Value) -> Deferred[Value]:
        """A value that is there already."""
        deferred = cls(lambda: value)
        deferred.get()
        return deferred

    @property
    def is_made(self) -> bool:
        return self._make is None

    def get(self) -> Value:
        """The value. When making it raises, so does this, and the next call tries again."""
        if self._make is not None:
            with self._lock:
                if self._make is not None:
                    self._value = self._make()
                    self._make = None  # last: other threads look at it without the lock
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Deferred):
            return NotImplemented
        return self is other or bool(self.get() == other.get())

    def __reduce__(self) -> tuple[Callable[[Value], Deferred[Value]], tuple[Value]]:
        return Deferred.of, (self.get(),)
