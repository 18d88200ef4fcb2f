"""The text that a new page begins with in the browser."""

from __future__ import annotations

from quizserver.authoring import blank, starts
from quizserver.authoring.files import Place
from quizserver.authoring.work import RefusedTextError
from quizserver.lab.catalog import Catalog
from quizserver.lab.model import SimulationError
from quizserver.topics.folder import is_lesson
from quizserver.topics.identity import humanise
from quizserver.topics.model import Snapshot


def first_text(where: Place, simulation: str, snapshot: Snapshot, catalog: Catalog) -> str:
    """A lesson or a question; a question may rest on one of its topic's simulations ("": on none).

    Raises RefusedTextError when that is not there or can't be used.
    """
    name = where.name.removesuffix(".md")
    if is_lesson(where.path):
        return blank.lesson(humanise(where.topic))
    if not simulation:
        return starts.plain_question(name)
    topic = next((t for t in snapshot.topics.values() if t.folder.name == where.topic), None)
    path = topic.simulations.get(simulation) if topic is not None else None
    if path is None:
        raise RefusedTextError("There is no such simulation in this topic.")
    try:
        description = catalog.known(path)
    except SimulationError as error:
        raise RefusedTextError(f"This simulation can't be used: {error.message}") from None
    if description is None:
        raise RefusedTextError("This simulation is being read. Try again in a moment.")
    return starts.claiming_question(where.topic, name, simulation, description)
