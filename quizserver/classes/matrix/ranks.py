"""The totals of whole classes, kept for a short while: what their learners are sorted by.

Summing up a million standings takes most of a second. It is done once; from then on only who has
answered since is summed up again. What a page shows of a learner never comes from here.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import Totals

CLASSES = 8
OVERLAP = timedelta(seconds=15)
"""A slower transaction may bring an answer whose moment is past: this far back is looked again."""
SECONDS = 60.0
"""After so long everything is summed up anew: a guest's answers that an account took over came
with moments of their own."""

Key = tuple[int, tuple[str, ...]]


@dataclass(slots=True)
class _Kept:
    people: frozenset[int]
    totals: dict[int, Totals]
    until: datetime | None
    made: float


class Ranks:
    """Totals of classes by person, for sorting. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, session: Session, class_id: int, people: frozenset[int], questions: tuple[str, ...]
    ) -> Mapping[int, Totals]:
        """The totals of ``people``, whom the class counts now, over these questions.

        They lag by at most ``SECONDS``, and only in what accounts took over from guests.
        """
        key = (class_id, questions)
        with self._lock:  # who asks meanwhile waits for the same sum rather than making it twice
            kept = self._kept.get(key)
            if kept is None or self._clock() - kept.made > SECONDS:
                kept = self._made(session, class_id, people, questions)
            else:
                kept = _renewed(session, kept, people, questions)
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > CLASSES:
                self._kept.popitem(last=False)
        return kept.totals

    def _made(
        self, session: Session, class_id: int, people: frozenset[int], questions: tuple[str, ...]
    ) -> _Kept:
        until = store.latest_answer(session)
        totals = store.totals_of_class(session, class_id, questions)
        return _Kept(people, totals, until, self._clock())


def _renewed(
    session: Session, kept: _Kept, people: frozenset[int], questions: tuple[str, ...]
) -> _Kept:
    until = store.latest_answer(session)
    since = kept.until - OVERLAP if kept.until is not None else None
    changed = (store.answered_since(session, since) & people) | (people - kept.people)
    if not changed:
        return replace(kept, people=people, until=until)
    totals = kept.totals | store.totals(session, changed, questions)
    return _Kept(people, totals, until, kept.made)
