"""Claims and lesson blocks against what the simulations say about themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from quizserver.lab.model import Description, KnobError, SimulationError
from quizserver.topics.front_matter import (
    CheckedYaml,
    ClaimEntry,
    QuestionFrontMatter,
    SimulationEntry,
)
from quizserver.topics.lesson import ParsedLesson, SimulationUse
from quizserver.topics.model import Diagnostic
from quizserver.topics.question import DEFAULT_SIMULATION, ParsedQuestion
from quizserver.topics.slugs import did_you_mean
from quizserver.topics.yaml_nodes import YamlPath as YamlPath

DescriptionOrError = Description | SimulationError


class SimulationDescriber(Protocol):
    """What tells simulations' knobs and arms; ``quizserver.lab.catalog.Catalog`` is one."""

    def describe_many(self, paths: Iterable[Path]) -> Mapping[Path, DescriptionOrError]: ...


def check_simulation_use(
    parsed_pages: Iterable[ParsedQuestion | ParsedLesson],
    files: frozenset[str],
    describer: SimulationDescriber,
    content: Path,
) -> list[Diagnostic]:
    """What only the catalog can tell: simulations that do not load, and names they do not have.

    Slow (seconds) for simulations that the catalog has not seen. Never raises.
    """
    parsed_pages = list(parsed_pages)
    simulation_paths = {path for path in files if path.endswith(f"/{DEFAULT_SIMULATION}.py")}
    simulation_paths.update(
        path for page in parsed_pages for path in _simulation_paths(page) if path in files
    )
    outcomes = _describe_simulations(
        describer, {path: content / path for path in sorted(simulation_paths)}
    )
    diagnostics = [
        _unusable_simulation(path, outcome)
        for path, outcome in outcomes.items()
        if isinstance(outcome, SimulationError)
    ]
    for page in parsed_pages:
        for diagnostic in _check_page(page, outcomes):
            diagnostics.append(diagnostic.at_path(page.path))
    return diagnostics


def _describe_simulations(
    describer: SimulationDescriber, paths: Mapping[str, Path]
) -> dict[str, DescriptionOrError]:
    if not paths:
        return {}
    try:
        descriptions = describer.describe_many(paths.values())
    except Exception as error:  # whatever happens there, the other checks shall be told
        failure = SimulationError(f"the catalog failed: {type(error).__name__}: {error}")
        return dict.fromkeys(paths, failure)
    return {name: descriptions[path] for name, path in paths.items()}


def _unusable_simulation(path: str, error: SimulationError) -> Diagnostic:
    message = f"This simulation cannot be used: {error.message.rstrip('.')}."
    hint = "Mend it; what refers to it is not checked until then."
    return Diagnostic(max(error.line or 1, 1), 1, "bad-simulation", message, hint, path=path)


def simulation_path(page_path: str, name: str) -> str:
    """The path of the simulation ``name`` that the page at ``page`` means."""
    return f"{page_path.split('/')[0]}/{name}.py"


def _simulation_paths(page: ParsedQuestion | ParsedLesson) -> Iterator[str]:
    if isinstance(page, ParsedQuestion):
        if page.simulation:
            yield simulation_path(page.path, page.simulation)
    else:
        for use in page.simulation_uses:
            if use.entry.model:
                yield simulation_path(page.path, use.entry.model.simulation)


def check_simulations_exist(
    page: ParsedQuestion | ParsedLesson, files: frozenset[str]
) -> Iterator[Diagnostic]:
    """A flaw for each simulation that a page names and its folder does not hold."""
    folder = page.path.split("/")[0] + "/"
    existing = [
        path.removeprefix(folder).removesuffix(".py")
        for path in files
        if path.startswith(folder) and path.endswith(".py") and path.count("/") == 1
    ]
    for name, line, column in _named_simulations(page):
        if name not in existing:
            message = f'There is no simulation "{name}": {folder}{name}.py does not exist.'
            hint = did_you_mean(name, existing) or "Write that file."
            yield Diagnostic(line, column, "missing-simulation", message, hint)


def _named_simulations(page: ParsedQuestion | ParsedLesson) -> Iterator[tuple[str, int, int]]:
    if isinstance(page, ParsedQuestion):
        if page.simulation:
            keys = page.front.document.keys
            key: YamlPath = ("simulation",) if ("simulation",) in keys else ("claims",)
            position = page.front.document.position_of(key, key=key == ("claims",))
            yield (page.simulation, *position)
        return
    for use in page.simulation_uses:
        if use.entry.model:
            position = _block_position(use, ("simulation",))
            yield (use.entry.model.simulation, *position)


def _block_position(use: SimulationUse, path: YamlPath, *, key: bool = False) -> tuple[int, int]:
    if path[0] in [key_path[0] for key_path in use.entry.document.keys]:
        return use.entry.document.position_of(path, key=key)
    return use.block.line, use.block.column


def _check_page(
    page: ParsedQuestion | ParsedLesson, outcomes: Mapping[str, DescriptionOrError]
) -> Iterator[Diagnostic]:
    if isinstance(page, ParsedQuestion):
        if page.front.model and page.simulation:
            outcome = outcomes.get(simulation_path(page.path, page.simulation))
            description = outcome if isinstance(outcome, Description) else None
            yield from _check_claims(page.front, page.front.model, description)
        return
    for use in page.simulation_uses:
        if use.entry.model:
            outcome = outcomes.get(simulation_path(page.path, use.entry.model.simulation))
            if isinstance(outcome, Description):
                yield from _check_block(use, use.entry.model, outcome)


def _check_claims(
    front: CheckedYaml[QuestionFrontMatter],
    model: QuestionFrontMatter,
    description: Description | None,
) -> Iterator[Diagnostic]:
    for index, claim in enumerate(model.claims):
        path: YamlPath = ("claims", index)
        yield from _check_shape(front, claim, path)
        if description is None:
            continue
        for key, arm in (("arm", claim.arm), ("versus", claim.versus)):
            if arm is not None and arm not in _arm_names(description):
                yield _unknown_arm(arm, description, front.document.position_of((*path, key)))
        if claim.series is not None and claim.series not in description.series:
            message = f'The simulation has no series "{claim.series}".'
            hint = did_you_mean(claim.series, description.series)
            yield Diagnostic(
                *front.document.position_of((*path, "series")), "unknown-series", message, hint
            )
        for knob, values in claim.over.items():
            knob_path: YamlPath = (*path, "over", knob)
            if knob not in _knob_names(description):
                yield _unknown_knob(
                    knob, description, front.document.position_of(knob_path, key=True)
                )
                continue
            for value_index, value in enumerate(values):
                position = front.document.position_of((*knob_path, value_index))
                yield from _check_range(knob, value, description, position)


def _check_shape(
    front: CheckedYaml[QuestionFrontMatter], claim: ClaimEntry, path: YamlPath
) -> Iterator[Diagnostic]:
    """A shape that is not there, or does not compare with what the claim names."""
    # this brings numpy, which only this check needs
    from quizserver.lab.shapes.registry import SHAPE_NAMES, find_misfit

    mismatch = find_misfit(claim.shape, claim.arm, claim.versus, claim.value)
    if mismatch is not None:
        is_unknown = mismatch.code == "unknown-shape"
        hint = did_you_mean(claim.shape, SHAPE_NAMES) if is_unknown else mismatch.hint
        yield Diagnostic(
            *front.document.position_of((*path, mismatch.key)),
            mismatch.code,
            mismatch.message,
            hint,
        )


def _check_block(
    use: SimulationUse, model: SimulationEntry, description: Description
) -> Iterator[Diagnostic]:
    if model.arm is not None and model.arm not in _arm_names(description):
        yield _unknown_arm(model.arm, description, _block_position(use, ("arm",)))
    for knob, value in model.knobs.items():
        path: YamlPath = ("knobs", knob)
        if knob not in _knob_names(description):
            yield _unknown_knob(knob, description, _block_position(use, path, key=True))
        else:
            yield from _check_range(knob, value, description, _block_position(use, path))


def _arm_names(description: Description) -> list[str]:
    return [arm.name for arm in description.arms]


def _knob_names(description: Description) -> list[str]:
    return [knob.name for knob in description.knobs]


def _unknown_arm(name: str, description: Description, position: tuple[int, int]) -> Diagnostic:
    message = f'The simulation has no arm "{name}".'
    return Diagnostic(
        *position, "unknown-arm", message, did_you_mean(name, _arm_names(description))
    )


def _unknown_knob(name: str, description: Description, position: tuple[int, int]) -> Diagnostic:
    message = f'The simulation has no knob "{name}".'
    return Diagnostic(
        *position, "unknown-knob", message, did_you_mean(name, _knob_names(description))
    )


def _check_range(
    name: str, value: float, description: Description, position: tuple[int, int]
) -> Iterator[Diagnostic]:
    knob = next(knob for knob in description.knobs if knob.name == name)
    try:
        knob.check_value(value)
    except KnobError as error:
        hint = "Change the number, or the knob's range in the simulation."
        yield Diagnostic(*position, "knob-out-of-range", error.message, hint)
