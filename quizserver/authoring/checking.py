"""What the checker says of a text while it is written: at once, and never by waiting for Python."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from quizserver.authoring import merge
from quizserver.authoring.files import Place, normal
from quizserver.lab.catalog import Catalog
from quizserver.lab.model import Description, SimulationError
from quizserver.topics.library import Library
from quizserver.topics.model import Problem
from quizserver.topics.trial import Trial


class AtOnce:
    """A catalog that never waits: what it has not read yet is not compared for now."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def describe_many(self, paths: Iterable[Path]) -> dict[Path, Any]:
        return {path: self._now(path) for path in paths}

    def _now(self, path: Path) -> Description | SimulationError | None:
        try:
            return self._catalog.known(path)
        except SimulationError as error:
            return error


def check(library: Library, catalog: AtOnce, where: Place, text: str) -> Trial:
    """The page as it would be with ``text``: problems, and rendered if it could be served.

    A text with an undecided place in it is no page, whatever else it says; markdown would show the
    marks as prose.
    """
    text = normal(text)
    trial = library.trial(where.path, text, catalog)
    marks = merge.marks(text)
    if not marks:
        return trial
    told = [
        Problem(
            trial.path, line, 1, "conflict-mark", "Two versions stand here, between marks.",
            "Decide between them, and delete the marks.",
        )
        for line in marks
    ]  # fmt: skip
    return replace(trial, page=None, problems=tuple(told), elsewhere=())
