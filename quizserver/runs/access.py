"""Decides whether the visitor may use a simulation: before an answer, nothing of it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quizserver.runs.model import RunRefusedError

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from quizserver.topics.library import Library

ANSWER_FIRST = "Answer the question first; then its experiment is open to you."


@dataclass(frozen=True, slots=True)
class SimulationAccess:
    """The simulations that the visitor may use, as ``may_use(topic, simulation)`` decides."""

    library: Library
    may_use: Callable[[str, str], bool]

    def locate_simulation(self, topic_id: str, simulation: str) -> Path:
        """The file of a simulation. Raises RunRefusedError: 404 when there is none,
        403 when the visitor may not use it."""
        topic = self.library.snapshot().topics.get(topic_id)
        path = topic.simulations.get(simulation) if topic is not None else None
        if path is None:
            raise RunRefusedError(404, "There is no such simulation.", "simulation")
        self.check_access(topic_id, simulation)
        return path

    def check_access(self, topic_id: str, simulation: str) -> None:
        """Raises RunRefusedError (403) when the visitor may not use the simulation."""
        if not self.may_use(topic_id, simulation):
            raise RunRefusedError(403, ANSWER_FIRST)
