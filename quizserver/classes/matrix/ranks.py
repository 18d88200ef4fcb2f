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
from quizserver.classes.matrix.model import Totals

CLASSES = 8
OVERLAP = timedelta(seconds=15)
"""A slower transaction may bring an answer whose moment is past: this far back is looked again."""
SECONDS = 60.0
"""After so long everything is summed up anew, while the old sums serve: a guest's answers that an
account took over came with moments of their own."""

Key = tuple[int, tuple[str, ...]]
Reading = Callable[[], AbstractContextManager[Session]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    people: frozenset[int]
    totals: dict[int, Totals]
    until: datetime | None
    made: float


@dataclass(slots=True)
class _Place:
    """What is kept of a class. Who asks while it is summed up waits for the same sum."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: _Kept | None = None
    renewing: bool = False


class Ranks:
    """Totals of classes by person, for sorting, made anew in ``beside``. Threads may share it."""

    def __init__(
        self, reading: Reading, beside: Executor, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reading = reading
        self._beside = beside
        self._clock = clock
        self._places: OrderedDict[Key, _Place] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, session: Session, class_id: int, people: frozenset[int], questions: tuple[str, ...]
    ) -> Mapping[int, Totals]:
        """The totals of ``people``, whom the class counts now, over these questions.

        Only in what accounts took over from guests they lag, by about ``SECONDS``.
        """
        key = (class_id, questions)
        place = self._place(key)
        with place.lock:
            if place.kept is None:
                place.kept = self._made(session, key, people)
            else:
                place.kept = _renewed(session, place.kept, people, questions)
                if not place.renewing and self._clock() - place.kept.made > SECONDS:
                    place.renewing = True
                    self._beside.submit(self._renew, place, key, people)
            return place.kept.totals

    def _place(self, key: Key) -> _Place:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > CLASSES:
                self._places.popitem(last=False)
        return place

    def _renew(self, place: _Place, key: Key, people: frozenset[int]) -> None:
        """Beside the requests. Who answers or joins meanwhile is found again by the next one."""
        try:
            with self._reading() as session:
                made = self._made(session, key, people)
            with place.lock:
                place.kept = made
        except Exception:
            log.exception(
                "The sums of class %s could not be made anew; the old ones serve.", key[0]
            )
        finally:
            place.renewing = False

    def _made(self, session: Session, key: Key, people: frozenset[int]) -> _Kept:
        made = self._clock()
        until = store.latest_answer(session)
        return _Kept(people, store.totals_of_class(session, *key), until, made)


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
