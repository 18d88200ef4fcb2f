"""The answers of whole classes and what they say, kept for a short while.

A click from one question to the next must not read a million answers again. What is kept is used
as long as nobody has answered or run anything since, and a while longer where reading takes long:
a class that works all the time is read a tenth of the time at most.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.items import store
from quizserver.classes.items.store import Answers, Simulations
from quizserver.classes.statistics.answers import Item, Marks, Which
from quizserver.classes.statistics.items import ItemStatistics, item_statistics
from quizserver.classes.statistics.whole import SetStatistics, set_statistics

CLASSES = 4
SECONDS = 60.0
"""After so long everything is read anew: answers that an account took over from a guest came with
moments of their own, and show by nothing else."""
SHARE = 10
"""How many times longer than its reading took an analysis is kept, whatever happens."""


@dataclass(frozen=True)
class Analysis:
    """A class's answers, and the statistics of its questions, worked out when asked for."""

    items: Sequence[Item]
    answers: Answers
    _found: dict[Any, Any] = field(default_factory=dict)

    def marks(self, which: Which) -> Marks:
        return self.answers.first if which == "first" else self.answers.latest

    def statistics(self, which: Which) -> tuple[ItemStatistics, ...]:
        """Of each question, in the class's order."""
        if which not in self._found:
            self._found[which] = item_statistics(self.marks(which), self.items)
        found: tuple[ItemStatistics, ...] = self._found[which]
        return found

    def of_set(self, which: Which, questions: tuple[str, ...]) -> SetStatistics:
        """Of some questions as a whole."""
        if (which, questions) not in self._found:
            self._found[which, questions] = set_statistics(self.marks(which).only(questions))
        found: SetStatistics = self._found[which, questions]
        return found

    @cached_property
    def learners(self) -> int:
        return len(self.answers.first.learners)


@dataclass(slots=True)
class _Kept:
    analysis: Analysis
    people: bytes
    change: Any
    made: float
    took: float


class Analyses:
    """Reads analyses of classes, and keeps the latest few. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._gates: dict[int, threading.Lock] = {}

    def of(
        self, session: Session, class_id: int, items: Sequence[Item], simulations: Simulations
    ) -> Analysis:
        """The analysis of the class's questions, which ``items`` and ``simulations`` both name.

        Its learners are always those whom the class counts now.
        """
        counted = store.learners(session, class_id)
        people, change = counted.ids.tobytes(), (tuple(simulations.items()), tuple(items))
        with self._gate(class_id):  # who asks meanwhile waits for this reading
            seen = (change, store.latest_answer(session), store.latest_experiment(session))
            kept = self._kept.get(class_id)
            if kept is None or not self._fresh(kept, people, seen):
                began = self._clock()
                answers = store.answers(session, class_id, counted, simulations)
                now = self._clock()
                kept = _Kept(Analysis(tuple(items), answers), people, seen, now, now - began)
            with self._lock:
                self._kept[class_id] = kept
                self._kept.move_to_end(class_id)
                while len(self._kept) > CLASSES:
                    self._kept.popitem(last=False)
        return kept.analysis

    def _gate(self, class_id: int) -> threading.Lock:
        with self._lock:
            return self._gates.setdefault(class_id, threading.Lock())

    def _fresh(self, kept: _Kept, people: bytes, seen: Any) -> bool:
        age = self._clock() - kept.made
        if kept.people != people or kept.change[0] != seen[0]:
            return False
        return age < SHARE * kept.took or (kept.change == seen and age < SECONDS)
