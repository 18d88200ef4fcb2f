"""The totals of whole classes, kept for a while: what their learners are sorted by.

Summing up a million standings takes a second. Who looks first waits for it; from then on only who
has answered since is summed up again. What a page shows of a learner never comes from here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from quizserver.classes.matrix import store
from quizserver.classes.matrix.model import LearnerTotals

CLASSES_MAX = 8
OVERLAP = timedelta(seconds=15)
"""A slower transaction may bring an answer whose moment is past: this far back is looked again."""
REFRESH_SECONDS = 60.0
"""After so long everything is summed up anew, while the old sums serve: a guest's answers that an
account took over came with moments of their own."""

ClassKey = tuple[int, tuple[str, ...]]
OpenReading = Callable[[], AbstractContextManager[Session]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _SummedTotals:
    people: frozenset[int]
    totals: dict[int, LearnerTotals]
    until: datetime | None
    summed_at: float


@dataclass(slots=True)
class _CacheEntry:
    """What is kept of a class. Who asks while it is summed up waits for the same sum."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    summed: _SummedTotals | None = None
    refreshing: bool = False


class TotalsCache:
    """Totals of classes by person, for sorting, made anew in ``beside``. Threads may share it."""

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
        """The totals of ``people``, whom the class counts now, over these questions.

        Only in what accounts took over from guests they lag, by about ``SECONDS``.
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
        """Beside the requests. Who answers or joins meanwhile is found again by the next one."""
        try:
            with self._open_reading() as session:
                summed = self._sum_class(session, key, people)
            with entry.lock:
                entry.summed = summed
        except Exception:
            log.exception(
                "The sums of class %s could not be made anew; the old ones serve.", key[0]
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
