"""Checks claims and lesson blocks against the descriptions of the simulations that they name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from quizserver.confined.error_text import storable_text
from quizserver.lab.model import (
    Description,
    KnobError,
    ReadingEndedError,
    SimulationError,
    check_knobs,
)
from quizserver.lab.shapes.registry import SHAPE_NAMES, find_misfit
from quizserver.topics.front_matter import ClaimEntry
from quizserver.topics.lesson import ParsedLesson, SimulationUse
from quizserver.topics.model import Claim, Diagnostic
from quizserver.topics.question import DEFAULT_SIMULATION, ParsedQuestion
from quizserver.topics.simulation_links import (
    ClaimChecker,
    block_position,
    named_simulations,
    simulation_path,
    simulation_paths,
)
from quizserver.topics.slugs import did_you_mean
from quizserver.topics.yaml_nodes import YamlPath

if TYPE_CHECKING:
    from quizserver.lab.catalog import SimulationCatalog

DescriptionOrError = Description | SimulationError


class SimulationDescriber(Protocol):
    """Describes simulation files; ``quizserver.lab.catalog.SimulationCatalog`` is one."""

    def describe_many(self, paths: Iterable[Path]) -> Mapping[Path, DescriptionOrError]: ...


@dataclass(frozen=True, slots=True)
class PatientDescriber:
    """Describes what the catalog has read within ``seconds``, while it goes on in the background.

    What refers to a simulation that is not read by then is not compared with it for now.
    """

    catalog: SimulationCatalog
    seconds: float = 0.0

    def describe_many(self, paths: Iterable[Path]) -> Mapping[Path, Any]:
        return self.catalog.describe_many_if_ready(paths, seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class ClaimMisfit:
    """Something that a claim or block says and its simulation does not have.

    ``path`` leads to it within the claim or block; with ``at_key`` it is the key there that is
    wrong, not the value. ``message`` and ``hint`` are for the author's editor, ``sentence`` is all
    that ``VerifyError`` says.
    """

    code: str
    path: YamlPath
    message: str
    hint: str
    sentence: str
    at_key: bool = False


def create_claim_checker(describer: SimulationDescriber) -> ClaimChecker:
    """Checks pages against what ``describer`` says of their simulations."""
    return partial(check_simulation_use, describer)


def check_simulation_use(
    describer: SimulationDescriber,
    pages: Iterable[ParsedQuestion | ParsedLesson],
    files: frozenset[str],
    content: Path,
) -> list[Diagnostic]:
    """See ``ClaimChecker``."""
    pages = list(pages)
    paths = {path for path in files if path.endswith(f"/{DEFAULT_SIMULATION}.py")}
    paths.update(path for page in pages for path in simulation_paths(page) if path in files)
    outcomes = _describe_simulations(describer, {path: content / path for path in sorted(paths)})
    diagnostics = [
        _unusable_simulation(path, outcome)
        for path, outcome in outcomes.items()
        if isinstance(outcome, SimulationError)
    ]
    for page in pages:
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
        return {name: descriptions[path] for name, path in paths.items()}
    except Exception as error:  # whatever fails there, the other checks must be reported
        if len(paths) == 1:
            text = storable_text(f"the catalog failed: {type(error).__name__}: {error}")
            return dict.fromkeys(paths, SimulationError(text))
    # one by one, so that no file is blamed for another
    outcomes: dict[str, DescriptionOrError] = {}
    for name, path in paths.items():
        outcomes |= _describe_simulations(describer, {name: path})
    return outcomes


def _unusable_simulation(path: str, error: SimulationError) -> Diagnostic:
    message = f"This simulation cannot be used: {error.message.rstrip('.')}."
    code, hint = "bad-simulation", "Fix it; what refers to it is not checked until then."
    if isinstance(error, ReadingEndedError):
        code = "simulation-ended"
        hint = "It is read again once it has changed; what refers to it is not checked until then."
    return Diagnostic(max(error.line or 1, 1), 1, code, message, hint, path=path)


def _check_page(
    page: ParsedQuestion | ParsedLesson, outcomes: Mapping[str, DescriptionOrError]
) -> Iterator[Diagnostic]:
    yield from _find_unusable_uses(page, outcomes)
    if isinstance(page, ParsedQuestion):
        if page.front.model and page.simulation:
            outcome = outcomes.get(simulation_path(page.path, page.simulation))
            yield from _check_claims(page, page.front.model.claims, outcome)
        return
    for use in page.simulation_uses:
        if use.entry.model:
            outcome = outcomes.get(simulation_path(page.path, use.entry.model.simulation))
            if isinstance(outcome, Description):
                yield from _check_block(use, outcome)


def _find_unusable_uses(
    page: ParsedQuestion | ParsedLesson, outcomes: Mapping[str, DescriptionOrError]
) -> Iterator[Diagnostic]:
    """A problem at the first place where the page names each simulation that can't be used.

    The file has one of its own; but whoever looks at the page alone must not read that all is well.
    """
    told: set[str] = set()
    for name, line, column in named_simulations(page):
        path = simulation_path(page.path, name)
        outcome = outcomes.get(path)
        if isinstance(outcome, SimulationError) and path not in told:
            told.add(path)
            message = f'The simulation "{name}" cannot be used: {outcome.message.rstrip(".")}.'
            hint = f"Fix {path}; what the page says of it is not checked until then."
            yield Diagnostic(line, column, "unusable-simulation", message, hint)


def _check_claims(
    page: ParsedQuestion, claims: Sequence[ClaimEntry], outcome: DescriptionOrError | None
) -> Iterator[Diagnostic]:
    description = outcome if isinstance(outcome, Description) else None
    for index, claim in enumerate(claims):
        for misfit in find_claim_misfits(claim, description):
            position = page.front.document.position_of(
                ("claims", index, *misfit.path), key=misfit.at_key
            )
            yield Diagnostic(*position, misfit.code, misfit.message, misfit.hint)


def _check_block(use: SimulationUse, description: Description) -> Iterator[Diagnostic]:
    for misfit in _find_block_misfits(use, description):
        position = block_position(use, misfit.path, key=misfit.at_key)
        yield Diagnostic(*position, misfit.code, misfit.message, misfit.hint)


def find_claim_misfits(
    claim: Claim | ClaimEntry, description: Description | None
) -> Iterator[ClaimMisfit]:
    """What keeps a claim from being judged, the most basic first.

    Without a description (its simulation cannot be used) only the shape is checked, and what it is
    compared with.
    """
    shape_misfit = find_misfit(claim.shape, claim.arm, claim.versus, claim.value)
    if shape_misfit is not None:
        is_unknown = shape_misfit.code == "unknown-shape"
        yield ClaimMisfit(
            shape_misfit.code,
            (shape_misfit.key,),
            shape_misfit.message,
            did_you_mean(claim.shape, SHAPE_NAMES) if is_unknown else shape_misfit.hint,
            f"{shape_misfit.message} {shape_misfit.hint}",
        )
    if claim.value is not None and not math.isfinite(claim.value):
        sentence = f"the value must be a finite number, not {claim.value}"
        yield ClaimMisfit("value-not-finite", ("value",), sentence, "", sentence)
    if description is None:
        return
    if claim.series is not None and claim.series not in description.series:
        names = ", ".join(description.series)
        yield ClaimMisfit(
            "unknown-series",
            ("series",),
            f'The simulation has no series "{claim.series}".',
            did_you_mean(claim.series, description.series),
            f"there is no series {claim.series!r}; there are {names}",
        )
    yield from _find_arm_misfit("arm", claim.arm, description)
    for knob, values in _grid_values(claim).items():
        for index, value in enumerate(values):
            yield from _find_knob_misfit(("over", knob), (index,), value, description)
    if claim.versus is not None:
        yield from _find_arm_misfit("versus", claim.versus, description)


def _find_block_misfits(use: SimulationUse, description: Description) -> Iterator[ClaimMisfit]:
    block = use.entry.model
    if block is None:
        return
    if block.arm is not None:
        yield from _find_arm_misfit("arm", block.arm, description)
    for knob, value in block.knobs.items():
        yield from _find_knob_misfit(("knobs", knob), (), value, description)


def _grid_values(claim: Claim | ClaimEntry) -> Mapping[str, Sequence[float]]:
    if isinstance(claim, ClaimEntry):
        return claim.over
    return {sweep.knob: sweep.values for sweep in claim.over}


def _find_arm_misfit(key: str, name: str, description: Description) -> Iterator[ClaimMisfit]:
    try:
        description.arm(name)
    except KeyError as error:
        hint = did_you_mean(name, [arm.name for arm in description.arms])
        message = f'The simulation has no arm "{name}".'
        yield ClaimMisfit("unknown-arm", (key,), message, hint, error.args[0])


def _find_knob_misfit(
    knob_path: tuple[str, str], rest: YamlPath, value: float, description: Description
) -> Iterator[ClaimMisfit]:
    """An unknown knob at the first of its values, or a value (at ``rest``) out of its range."""
    name = knob_path[-1]
    try:
        check_knobs(description.knobs, {name: value})
    except KnobError as error:
        names = [knob.name for knob in description.knobs]
        if name in names:
            hint = "Change the number, or the knob's range in the simulation."
            path = (*knob_path, *rest)
            yield ClaimMisfit("knob-out-of-range", path, error.message, hint, error.message)
        elif rest in ((), (0,)):
            message, hint = f'The simulation has no knob "{name}".', did_you_mean(name, names)
            yield ClaimMisfit("unknown-knob", knob_path, message, hint, error.message, at_key=True)
