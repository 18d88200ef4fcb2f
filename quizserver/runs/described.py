"""The description of a simulation that somebody asks for, or why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from quizserver.lab.model import Description, SimulationError
from quizserver.runs.model import RunRefusedError

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from quizserver.lab.catalog import SimulationCatalog


def describe_simulation(catalog: SimulationCatalog, path: Path) -> Description:
    """The description of the file. Raises RunRefusedError: 422 when its author has to fix it, 503
    while it is being read."""
    try:
        description = catalog.describe_if_ready(path)
    except SimulationError as error:
        place = f"{path.parent.name}/{path.name}:{error.line or 1}: "
        raise RunRefusedError(
            422,
            "This simulation can't be run until its author fixes it.",
            "simulation",
            detail=f"{place}{error.message}\n{error.traceback_text}".strip(),
        ) from error
    if description is None:
        raise RunRefusedError(503, "This simulation is being read. Try again soon.", retry_after=2)
    return description
