"""Claims and lesson blocks against what the simulations say about themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from quizserver.lab.model import Description, KnobError, SimulationError
from quizserver.topics.front_matter import Checked, ClaimFront, QuestionFront, SimulationFront
from quizserver.topics.identity import did_you_mean
from quizserver.topics.lesson import LessonDraft, SimulationUse
from quizserver.topics.model import Problem
from quizserver.topics.question import DEFAULT_SIMULATION, Draft
from quizserver.topics.text import Flaw
from quizserver.topics.yaml_nodes import Path as YamlPath

Outcome = Description | SimulationError


class Catalog(Protocol):
    """What tells simulations' knobs and arms; ``quizserver.lab.catalog.Catalog`` is one."""

    def describe_many(self, paths: Iterable[Path]) -> Mapping[Path, Outcome]: ...


def claim_problems(
    drafts: Iterable[Draft | LessonDraft], files: frozenset[str], catalog: Catalog, content: Path
) -> list[Problem]:
    """What only the catalog can tell: simulations that do not load, and names they do not have.

    Slow (seconds) for simulations that the catalog has not seen. Never raises.
    """
    drafts = list(drafts)
    wanted = {path for path in files if path.endswith(f"/{DEFAULT_SIMULATION}.py")}
    wanted.update(path for draft in drafts for path in _used(draft) if path in files)
    outcomes = _ask(catalog, {path: content / path for path in sorted(wanted)})
    problems = [
        _cannot_be_used(path, outcome)
        for path, outcome in outcomes.items()
        if isinstance(outcome, SimulationError)
    ]
    for draft in drafts:
        for flaw in _flaws(draft, outcomes):
            at = (draft.path, flaw.line, flaw.column)
            problems.append(Problem(*at, flaw.code, flaw.message, flaw.hint))
    return problems


def _ask(catalog: Catalog, paths: Mapping[str, Path]) -> dict[str, Outcome]:
    if not paths:
        return {}
    try:
        found = catalog.describe_many(paths.values())
    except Exception as error:  # whatever happens there, the other checks shall be told
        failed = SimulationError(f"the catalog failed: {type(error).__name__}: {error}")
        return dict.fromkeys(paths, failed)
    return {name: found[path] for name, path in paths.items()}


def _cannot_be_used(path: str, error: SimulationError) -> Problem:
    message = f"This simulation cannot be used: {error.message.rstrip('.')}."
    hint = "Mend it; what refers to it is not checked until then."
    return Problem(path, max(error.line or 1, 1), 1, "bad-simulation", message, hint)


def simulation_path(page: str, name: str) -> str:
    """The path of the simulation ``name`` that the page at ``page`` means."""
    return f"{page.split('/')[0]}/{name}.py"


def _used(draft: Draft | LessonDraft) -> Iterator[str]:
    if isinstance(draft, Draft):
        if draft.simulation:
            yield simulation_path(draft.path, draft.simulation)
    else:
        for use in draft.simulations:
            if use.checked.model:
                yield simulation_path(draft.path, use.checked.model.simulation)


def missing_simulations(draft: Draft | LessonDraft, files: frozenset[str]) -> Iterator[Flaw]:
    """A flaw for each simulation that a page names and its folder does not hold."""
    folder = draft.path.split("/")[0] + "/"
    there = [
        path.removeprefix(folder).removesuffix(".py")
        for path in files
        if path.startswith(folder) and path.endswith(".py") and path.count("/") == 1
    ]
    for name, line, column in _names(draft):
        if name not in there:
            message = f'There is no simulation "{name}": {folder}{name}.py does not exist.'
            hint = did_you_mean(name, there) or "Write that file."
            yield Flaw(line, column, "missing-simulation", message, hint)


def _names(draft: Draft | LessonDraft) -> Iterator[tuple[str, int, int]]:
    if isinstance(draft, Draft):
        if draft.simulation:
            keys = draft.front.read.keys
            key: YamlPath = ("simulation",) if ("simulation",) in keys else ("claims",)
            place = draft.front.read.place(key, key=key == ("claims",))
            yield (draft.simulation, *place)
        return
    for use in draft.simulations:
        if use.checked.model:
            place = _block_place(use, ("simulation",))
            yield (use.checked.model.simulation, *place)


def _block_place(use: SimulationUse, path: YamlPath, *, key: bool = False) -> tuple[int, int]:
    if path[0] in [known[0] for known in use.checked.read.keys]:
        return use.checked.read.place(path, key=key)
    return use.block.line, use.block.column


def _flaws(draft: Draft | LessonDraft, outcomes: Mapping[str, Outcome]) -> Iterator[Flaw]:
    if isinstance(draft, Draft):
        if draft.front.model and draft.simulation:
            outcome = outcomes.get(simulation_path(draft.path, draft.simulation))
            description = outcome if isinstance(outcome, Description) else None
            yield from _claim_flaws(draft.front, draft.front.model, description)
        return
    for use in draft.simulations:
        if use.checked.model:
            outcome = outcomes.get(simulation_path(draft.path, use.checked.model.simulation))
            if isinstance(outcome, Description):
                yield from _block_flaws(use, use.checked.model, outcome)


def _claim_flaws(
    front: Checked[QuestionFront], model: QuestionFront, description: Description | None
) -> Iterator[Flaw]:
    for index, claim in enumerate(model.claims):
        path: YamlPath = ("claims", index)
        yield from _shape_flaws(front, claim, path)
        if description is None:
            continue
        for key, arm in (("arm", claim.arm), ("versus", claim.versus)):
            if arm is not None and arm not in _arms(description):
                yield _unknown_arm(arm, description, front.read.place((*path, key)))
        if claim.series is not None and claim.series not in description.series:
            message = f'The simulation has no series "{claim.series}".'
            hint = did_you_mean(claim.series, description.series)
            yield Flaw(*front.read.place((*path, "series")), "unknown-series", message, hint)
        for knob, values in claim.over.items():
            at: YamlPath = (*path, "over", knob)
            if knob not in _knobs(description):
                yield _unknown_knob(knob, description, front.read.place(at, key=True))
                continue
            for number, value in enumerate(values):
                place = front.read.place((*at, number))
                yield from _range_flaws(knob, value, description, place)


def _shape_flaws(
    front: Checked[QuestionFront], claim: ClaimFront, path: YamlPath
) -> Iterator[Flaw]:
    """A shape that is not there, or does not compare with what the claim names."""
    # this brings numpy, which only this check needs
    from quizserver.lab.kinds import KNOWN, misfit

    found = misfit(claim.shape, claim.arm, claim.versus, claim.value)
    if found is not None:
        unknown = found.code == "unknown-shape"
        hint = did_you_mean(claim.shape, KNOWN) if unknown else found.hint
        yield Flaw(*front.read.place((*path, found.key)), found.code, found.message, hint)


def _block_flaws(
    use: SimulationUse, model: SimulationFront, description: Description
) -> Iterator[Flaw]:
    if model.arm is not None and model.arm not in _arms(description):
        yield _unknown_arm(model.arm, description, _block_place(use, ("arm",)))
    for knob, value in model.knobs.items():
        path: YamlPath = ("knobs", knob)
        if knob not in _knobs(description):
            yield _unknown_knob(knob, description, _block_place(use, path, key=True))
        else:
            yield from _range_flaws(knob, value, description, _block_place(use, path))


def _arms(description: Description) -> list[str]:
    return [arm.name for arm in description.arms]


def _knobs(description: Description) -> list[str]:
    return [knob.name for knob in description.knobs]


def _unknown_arm(name: str, description: Description, place: tuple[int, int]) -> Flaw:
    message = f'The simulation has no arm "{name}".'
    return Flaw(*place, "unknown-arm", message, did_you_mean(name, _arms(description)))


def _unknown_knob(name: str, description: Description, place: tuple[int, int]) -> Flaw:
    message = f'The simulation has no knob "{name}".'
    return Flaw(*place, "unknown-knob", message, did_you_mean(name, _knobs(description)))


def _range_flaws(
    name: str, value: float, description: Description, place: tuple[int, int]
) -> Iterator[Flaw]:
    knob = next(knob for knob in description.knobs if knob.name == name)
    try:
        knob.check(value)
    except KnobError as error:
        hint = "Change the number, or the knob's range in the simulation."
        yield Flaw(*place, "knob-out-of-range", error.message, hint)
