"""Cached totals of whole classes, by which their learners are sorted.

Summing up a million standings takes a second. The first request waits for it; later ones only sum
up again the learners who have answered since. The totals that a page shows never come from here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import LearnerTotals
from quizserver.db.session import OpenReading

CLASSES_MAX = 8
OVERLAP = timedelta(seconds=15)
"""New answers are looked for this far back: a slow transaction commits an answer late."""
REFRESH_SECONDS = 60.0
"""After this time all totals are summed up again, while the old ones serve: answers taken over from
a guest account may lie further back."""

ClassKey = tuple[int, tuple[str, ...]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _SummedTotals:
    people: frozenset[int]
    totals: dict[int, LearnerTotals]
    until: datetime | None
    summed_at: float


@dataclass(slots=True)
class _CacheEntry:
    """The cached totals of a class. Requests wait on ``lock`` while they are summed up."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    summed: _SummedTotals | None = None
    refreshing: bool = False


class TotalsCache:
    """Caches the totals of classes by person; ``executor`` refreshes them. Thread-safe."""

    def __init__(
        self,
        open_reading: OpenReading,
        executor: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_reading = open_reading
        self._executor = executor
        self._clock = clock
        self._entries: OrderedDict[ClassKey, _CacheEntry] = OrderedDict()
        self._lock = threading.Lock()

    def totals_of(
        self, session: Session, class_id: int, people: frozenset[int], questions: tuple[str, ...]
    ) -> Mapping[int, LearnerTotals]:
        """The totals of ``people``, the learners whom the class counts now, over these questions.

        Totals of attempts merged from a guest account may lag by about ``REFRESH_SECONDS``.
        """
        key = (class_id, questions)
        entry = self._find_entry(key)
        with entry.lock:
            if entry.summed is None:
                entry.summed = self._sum_class(session, key, people)
            else:
                entry.summed = _add_latest_answers(session, entry.summed, people, questions)
                if (
                    not entry.refreshing
                    and self._clock() - entry.summed.summed_at > REFRESH_SECONDS
                ):
                    entry.refreshing = True
                    self._executor.submit(self._refresh_entry, entry, key, people)
            return entry.summed.totals

    def _find_entry(self, key: ClassKey) -> _CacheEntry:
        with self._lock:
            entry = self._entries.setdefault(key, _CacheEntry())
            self._entries.move_to_end(key)
            while len(self._entries) > CLASSES_MAX:
                self._entries.popitem(last=False)
        return entry

    def _refresh_entry(self, entry: _CacheEntry, key: ClassKey, people: frozenset[int]) -> None:
        """Sums up the class again, in ``executor``.

        The next request adds those who answer or join meanwhile.
        """
        try:
            with self._open_reading() as session:
                summed = self._sum_class(session, key, people)
            with entry.lock:
                entry.summed = summed
        except Exception:
            log.exception(
                "The sums of class %s could not be made again; the old ones serve.", key[0]
            )
        finally:
            entry.refreshing = False

    def _sum_class(self, session: Session, key: ClassKey, people: frozenset[int]) -> _SummedTotals:
        summed_at = self._clock()
        until = store.latest_answer_at(session)
        return _SummedTotals(people, store.totals_of_class(session, *key), until, summed_at)


def _add_latest_answers(
    session: Session, summed: _SummedTotals, people: frozenset[int], questions: tuple[str, ...]
) -> _SummedTotals:
    until = store.latest_answer_at(session)
    since = summed.until - OVERLAP if summed.until is not None else None
    changed = (store.people_answered_since(session, since) & people) | (people - summed.people)
    if not changed:
        return replace(summed, people=people, until=until)
    totals = summed.totals | store.learner_totals(session, changed, questions)
    return _SummedTotals(people, totals, until, summed.summed_at)
