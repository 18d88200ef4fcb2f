"""Decides what of a simulation the visitor may use: before an answer, nothing of it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from quizserver.runs.model import RunRefusedError

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from quizserver.topics.library import Library

Part = Literal["run", "plan", "recorded", "map", "source"]
"""A part of a simulation: a run of a setting, its plan, the recorded curves, a phase map, the
file."""

PARTS_OF_ARMS: frozenset[Part] = frozenset({"run", "plan", "recorded"})
"""The parts that can be open for some arms alone; a map or the file tells of all of them."""

NOT_OPEN_YET = (
    "Answer the question first: this experiment opens with its answer. After a wrong answer, it may"
    " open for what you chose."
)


@dataclass(frozen=True, slots=True)
class SimulationGrant:
    """What a visitor may use of a simulation: the ``whole``, or what starts from some ``arms``."""

    whole: bool = False
    arms: frozenset[str] = frozenset()

    def allows(self, part: Part, arm: str | None = None) -> bool:
        """Whether the part is open, for a setting that starts from ``arm`` (None: from none)."""
        if self.whole:
            return True
        return part in PARTS_OF_ARMS and bool(self.arms) and (arm is None or arm in self.arms)

    @property
    def visible_arms(self) -> frozenset[str] | None:
        """The arms whose names and curves are shown; None: all."""
        return None if self.whole else self.arms


WHOLE = SimulationGrant(whole=True)
NOTHING = SimulationGrant()


@dataclass(frozen=True, slots=True)
class SimulationAccess:
    """What the visitor may use, as ``find_grant(topic, simulation)`` decides."""

    library: Library
    find_grant: Callable[[str, str], SimulationGrant]

    def locate_simulation(
        self, topic_id: str, simulation: str, part: Part, arm: str | None = None
    ) -> Path:
        """The file of a simulation. Raises RunRefusedError: 404 when there is none,
        403 when that part of it is not open to the visitor."""
        path = self._find_file(topic_id, simulation)
        self.check_access(topic_id, simulation, part, arm)
        return path

    def visible_arms(self, topic_id: str, simulation: str) -> frozenset[str] | None:
        """The arms whose recorded curves the visitor may see; None: all. Raises RunRefusedError:
        404 without such a simulation, 403 when none of it is open to them."""
        self._find_file(topic_id, simulation)
        return self.check_access(topic_id, simulation, "recorded").visible_arms

    def check_access(
        self, topic_id: str, simulation: str, part: Part, arm: str | None = None
    ) -> SimulationGrant:
        """The visitor's grant. Raises RunRefusedError (403) when the part is not open to them."""
        grant = self.find_grant(topic_id, simulation)
        if not grant.allows(part, arm):
            raise RunRefusedError(403, NOT_OPEN_YET)
        return grant

    def topic_title(self, topic_id: str) -> str:
        """The title of a topic; of one that is not served now, its id."""
        topic = self.library.snapshot().topics.get(topic_id)
        return topic.title if topic is not None else topic_id

    def _find_file(self, topic_id: str, simulation: str) -> Path:
        topic = self.library.snapshot().topics.get(topic_id)
        path = topic.simulations.get(simulation) if topic is not None else None
        if path is None:
            raise RunRefusedError(404, "There is no such simulation.", "simulation")
        return path
