"""The simulations that pages refer to: where in a page, which file, and whether that file exists.

Claims and lesson blocks are held against what a simulation says of itself by a ``ClaimChecker``,
which whoever has the descriptions hands in (``quizserver.evidence.claim_checks``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from quizserver.topics.lesson import ParsedLesson, SimulationUse
from quizserver.topics.model import Diagnostic
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import did_you_mean
from quizserver.topics.yaml_nodes import YamlPath as YamlPath


class ClaimChecker(Protocol):
    """Compares what pages say of their simulations with the simulations themselves."""

    def __call__(
        self,
        pages: Iterable[ParsedQuestion | ParsedLesson],
        files: frozenset[str],
        content: Path,
    ) -> list[Diagnostic]:
        """The problems of ``pages``, and of the simulations among ``files`` below ``content``.

        May take seconds for each simulation that was not described before. Never raises.
        """
        ...


def simulation_path(page_path: str, name: str) -> str:
    """The path of the simulation ``name`` that the page at ``page_path`` means."""
    return f"{page_path.split('/')[0]}/{name}.py"


def simulation_paths(page: ParsedQuestion | ParsedLesson) -> Iterator[str]:
    """The paths of all simulations that a page names, whether they exist or not."""
    for name, _line, _column in named_simulations(page):
        yield simulation_path(page.path, name)


def check_simulations_exist(
    page: ParsedQuestion | ParsedLesson, files: frozenset[str]
) -> Iterator[Diagnostic]:
    """A problem for each simulation that a page names and its folder does not hold."""
    for name, line, column in named_simulations(page):
        folder = page.path.split("/")[0]
        existing = _names_by_folder(files).get(folder, ())
        if name not in existing:
            message = f'There is no simulation "{name}": {folder}/{name}.py does not exist.'
            hint = did_you_mean(name, existing) or "Write that file."
            yield Diagnostic(line, column, "missing-simulation", message, hint)


@lru_cache(maxsize=1)  # all pages of a content folder are checked against the same files
def _names_by_folder(files: frozenset[str]) -> Mapping[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for path in files:
        folder, _, name = path.partition("/")
        if name.endswith(".py") and "/" not in name:
            names.setdefault(folder, set()).add(name.removesuffix(".py"))
    return {folder: frozenset(inside) for folder, inside in names.items()}


def named_simulations(page: ParsedQuestion | ParsedLesson) -> Iterator[tuple[str, int, int]]:
    """Each simulation that a page names, with the line and column where it does."""
    if isinstance(page, ParsedQuestion):
        if page.simulation:
            keys = page.front.document.keys
            key: YamlPath = ("simulation",) if ("simulation",) in keys else ("claims",)
            position = page.front.document.position_of(key, key=key == ("claims",))
            yield (page.simulation, *position)
        return
    for use in page.simulation_uses:
        if use.entry.model:
            position = block_position(use, ("simulation",))
            yield (use.entry.model.simulation, *position)


def block_position(use: SimulationUse, path: YamlPath, *, key: bool = False) -> tuple[int, int]:
    """Line and column of a value in a simulation block (of its key with ``key``).

    The block's own position when the block leaves it out.
    """
    if path[0] in [key_path[0] for key_path in use.entry.document.keys]:
        return use.entry.document.position_of(path, key=key)
    return use.block.line, use.block.column
