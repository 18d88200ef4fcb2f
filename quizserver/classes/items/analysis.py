"""Cached answers of whole classes with their statistics.

A click from one question to the next must not read a million answers again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from quizserver.classes.items.answer_tables import ClassAnswers, Simulations
from quizserver.classes.items.class_content import ClassContent
from quizserver.classes.items.loader import LoadedAnswers, load_answers
from quizserver.classes.items.single_flight import ReportProgress
from quizserver.classes.items.store import CountedLearners, counted_learners
from quizserver.classes.statistics.answers import AttemptTable, ItemKey, WhichAttempt
from quizserver.classes.statistics.item_statistics import ItemStatistics, item_statistics
from quizserver.classes.statistics.set_statistics import SetStatistics, set_statistics

CELLS_MAX = 2_000_000
"""Cells of all cached classes together, about 70 bytes each; the latest class is always kept."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Views:
    """What was made of an analysis and of ``content``."""

    content: ClassContent
    by_name: dict[Hashable, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """A class's answers, and the statistics of its questions, each computed once on demand."""

    items: Sequence[ItemKey]
    answers: ClassAnswers
    _results: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _views: list[_Views] = field(default_factory=list)

    def attempts_of(self, which: WhichAttempt) -> AttemptTable:
        return self.answers.first if which == "first" else self.answers.latest

    def statistics_of(self, which: WhichAttempt) -> tuple[ItemStatistics, ...]:
        """The statistics of each question, in the class's order."""
        result: tuple[ItemStatistics, ...] = self._compute_once(
            which, lambda: item_statistics(self.attempts_of(which), self.items)
        )
        return result

    def set_statistics_of(self, which: WhichAttempt, questions: tuple[str, ...]) -> SetStatistics:
        """The statistics of some questions as a set."""
        result: SetStatistics = self._compute_once(
            (which, questions),
            lambda: set_statistics(self.attempts_of(which).select_questions(questions)),
        )
        return result

    def view_of(self, content: ClassContent, name: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` makes of this analysis and of ``content``, kept by its name until another
        content is asked for. Two threads may make the same at once."""
        views = next((views for views in self._views if views.content is content), None)
        if views is None:
            views = _Views(content)
            self._views[:] = [views]
        if name not in views.by_name:
            views.by_name[name] = make()
        view: T = views.by_name[name]
        return view

    @property
    def learner_count(self) -> int:
        return len(self.answers.first.learners)

    def _compute_once(self, key: Any, compute: Callable[[], Any]) -> Any:
        with self._lock:  # other threads wait for the same result
            if key not in self._results:
                self._results[key] = compute()
            return self._results[key]


@dataclass(frozen=True, slots=True)
class _CachedAnalysis:
    key: tuple[Any, ...]
    loaded: LoadedAnswers
    analysis: Analysis


class AnalysisCache:
    """Reads analyses of classes, and caches the latest. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[int, _CachedAnalysis] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: dict[int, threading.Lock] = {}

    def get_analysis(
        self,
        session: Session,
        class_id: int,
        items: Sequence[ItemKey],
        simulations: Simulations,
        report: ReportProgress = lambda _progress: None,
        counted: CountedLearners | None = None,
    ) -> Analysis:
        """The analysis of the class's questions, which ``items`` and ``simulations`` both name.

        ``counted`` are its learners, if they were read in this session.
        """
        with self._lock:
            turn = self._turns.setdefault(class_id, threading.Lock())
        # Loaded answers and what they are updated to share the words that were read so far.
        with turn:
            return self._update_analysis(session, class_id, items, simulations, report, counted)

    def _update_analysis(
        self,
        session: Session,
        class_id: int,
        items: Sequence[ItemKey],
        simulations: Simulations,
        report: ReportProgress,
        counted: CountedLearners | None,
    ) -> Analysis:
        key = (tuple(items), tuple(simulations.items()))
        with self._lock:
            entry = self._entries.get(class_id)
        if entry is not None and entry.key != key:
            entry = None
        previous = entry.loaded if entry is not None else None
        counted = counted or counted_learners(session, class_id)
        loaded = load_answers(
            session, class_id, counted, simulations, previous, self._clock(), report
        )
        if entry is None or loaded.tables is not entry.loaded.tables:
            answers = loaded.tables.to_class_answers(loaded.joined_at, simulations, loaded.runs)
            entry = _CachedAnalysis(key, loaded, Analysis(tuple(items), answers))
        else:
            entry = _CachedAnalysis(key, loaded, entry.analysis)
        self._store_entry(class_id, entry)
        return entry.analysis

    def _store_entry(self, class_id: int, entry: _CachedAnalysis) -> None:
        with self._lock:
            self._entries[class_id] = entry
            self._entries.move_to_end(class_id)
            while (
                len(self._entries) > 1
                and sum(cached.loaded.tables.cell_count for cached in self._entries.values())
                > CELLS_MAX
            ):
                self._entries.popitem(last=False)
