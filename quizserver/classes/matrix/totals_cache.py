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

from sqlalchemy.orm import Session

from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import LearnerTotals
from quizserver.db.session import OpenReading

CLASSES_MAX = 8
OVERLAP_SECONDS = 15.0
"""Rows that came within this time are looked at again: a slow transaction commits a row late, after
others with higher ids."""
REFRESH_SECONDS = 60.0
"""After this time all totals are summed up again, while the old ones serve: rows may have been
deleted, which leaves no new one."""

ClassKey = tuple[int, tuple[str, ...]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _SeenRows:
    """The newest attempt's id at a moment of this process's clock.

    New attempts are found by their ids, which the database gives in one order for all machines;
    their moments may be those of another machine's clock, or of a guest's visit long ago.
    """

    newest_id: int
    seen_at: float


@dataclass(frozen=True, slots=True)
class _SummedTotals:
    """Rows after ``settled`` are looked at again; ``latest`` takes its place once that is old
    enough."""

    people: frozenset[int]
    totals: dict[int, LearnerTotals]
    settled: _SeenRows
    latest: _SeenRows
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
        """The totals of ``people``, whom the class counts now, over these questions."""
        key = (class_id, questions)
        entry = self._find_entry(key)
        with entry.lock:
            if entry.summed is None:
                entry.summed = self._sum_class(session, key, people)
            else:
                entry.summed = self._add_new_answers(session, entry.summed, people, questions)
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
        seen = _SeenRows(store.newest_attempt_id(session), summed_at)
        totals = store.totals_of_class(session, *key)
        return _SummedTotals(people, totals, seen, seen, summed_at)

    def _add_new_answers(
        self,
        session: Session,
        summed: _SummedTotals,
        people: frozenset[int],
        questions: tuple[str, ...],
    ) -> _SummedTotals:
        seen = _SeenRows(store.newest_attempt_id(session), self._clock())
        since = summed.settled.newest_id
        answered = (
            store.people_with_attempts_after(session, since) if seen.newest_id > since else set()
        )
        changed = (answered & people) | (people - summed.people)
        totals = summed.totals
        if changed:
            totals = totals | store.learner_totals(session, changed, questions)
        if seen.seen_at - summed.latest.seen_at >= OVERLAP_SECONDS:
            return replace(summed, people=people, totals=totals, settled=summed.latest, latest=seen)
        return replace(summed, people=people, totals=totals)
