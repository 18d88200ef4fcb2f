"""The answers of whole classes and what they say, kept for the next look at them.

A click from one question to the next must not read a million answers again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from quizserver.classes.items.cells import Answers, Simulations
from quizserver.classes.items.reading import Read, Told, read
from quizserver.classes.statistics.answers import Item, Marks, Which
from quizserver.classes.statistics.items import ItemStatistics, item_statistics
from quizserver.classes.statistics.whole import SetStatistics, set_statistics

CELLS = 2_000_000
"""Of all classes that are kept together, about 70 bytes each; the latest is kept in any case."""


@dataclass(frozen=True)
class Analysis:
    """A class's answers, and the statistics of its questions, worked out once when asked for."""

    items: Sequence[Item]
    answers: Answers
    _found: dict[Any, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def marks(self, which: Which) -> Marks:
        return self.answers.first if which == "first" else self.answers.latest

    def statistics(self, which: Which) -> tuple[ItemStatistics, ...]:
        """Of each question, in the class's order."""
        found: tuple[ItemStatistics, ...] = self._once(
            which, lambda: item_statistics(self.marks(which), self.items)
        )
        return found

    def of_set(self, which: Which, questions: tuple[str, ...]) -> SetStatistics:
        """Of some questions as a whole."""
        found: SetStatistics = self._once(
            (which, questions), lambda: set_statistics(self.marks(which).only(questions))
        )
        return found

    @property
    def learners(self) -> int:
        return len(self.answers.first.learners)

    def _once(self, key: Any, work: Callable[[], Any]) -> Any:
        with self._lock:  # who asks meanwhile waits for it
            if key not in self._found:
                self._found[key] = work()
            return self._found[key]


@dataclass(frozen=True, slots=True)
class _Kept:
    asked: tuple[Any, ...]
    read: Read
    analysis: Analysis


class Analyses:
    """Reads analyses of classes, and keeps the latest. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self,
        session: Session,
        class_id: int,
        items: Sequence[Item],
        simulations: Simulations,
        told: Told = lambda _part: None,
    ) -> Analysis:
        """The analysis of the class's questions, which ``items`` and ``simulations`` both name."""
        asked = (tuple(items), tuple(simulations.items()))
        with self._lock:
            kept = self._kept.get(class_id)
        if kept is not None and kept.asked != asked:
            kept = None
        before = kept.read if kept is not None else None
        now = read(session, class_id, simulations, before, self._clock(), told)
        if kept is None or now.cells is not kept.read.cells:
            answers = now.cells.answers(now.joined_at, simulations, now.runs)
            kept = _Kept(asked, now, Analysis(tuple(items), answers))
        else:
            kept = _Kept(asked, now, kept.analysis)
        self._keep(class_id, kept)
        return kept.analysis

    def _keep(self, class_id: int, kept: _Kept) -> None:
        with self._lock:
            self._kept[class_id] = kept
            self._kept.move_to_end(class_id)
            while (
                len(self._kept) > 1 and sum(k.read.cells.size for k in self._kept.values()) > CELLS
            ):
                self._kept.popitem(last=False)
