"""What the pages of runs and of plans work with: one simulation's right, its file, the visitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quizserver.lab.model import Description, SimulationError
from quizserver.runs.access import SimulationAccess
from quizserver.runs.model import RunRefusedError
from quizserver.runs.service import RunService
from quizserver.settings import Settings

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from quizserver.lab.catalog import SimulationCatalog


@dataclass(frozen=True, slots=True)
class RunContext:
    """``is_author()`` tells whether the visitor may read what a simulation's code said when it
    failed, ``limit_key()`` is whom limits count.

    ``on_use(topic, simulation)`` is called when a run was accepted, be it new or there already, and
    when somebody says that the plan that they were given was used.
    """

    access: SimulationAccess
    catalog: SimulationCatalog
    runs: RunService
    visitor_token: Callable[[], str]
    is_author: Callable[[], bool]
    limit_key: Callable[[], str]
    on_use: Callable[[str, str], None]
    settings: Settings

    def describe_simulation(self, path: Path) -> Description:
        """The description of the file. Raises RunRefusedError: 422 when its author has to fix it,
        503 while it is being read."""
        try:
            description = self.catalog.describe_if_ready(path)
        except SimulationError as error:
            place = f"{path.parent.name}/{path.name}:{error.line or 1}: "
            raise RunRefusedError(
                422,
                "This simulation can't be run until its author fixes it.",
                "simulation",
                detail=f"{place}{error.message}\n{error.traceback_text}".strip(),
            ) from error
        if description is None:
            raise RunRefusedError(
                503, "This simulation is being read. Try again soon.", retry_after=2
            )
        return description
