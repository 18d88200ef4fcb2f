"""``quizserver simulate``: trains one arm and prints its curves, in words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quizserver.authoring.train_options import (
    BACKEND_OPTION,
    DEVICE_OPTION,
    SeedRange,
    load_topics,
    require_topic,
)
from quizserver.command_line import (
    CONTENT_OPTION,
    JSON_OPTION,
    content_folder,
    exit_with_error,
    settings_from_flags,
)
from quizserver.topics.question import DEFAULT_SIMULATION

if TYPE_CHECKING:
    from quizserver.lab.model import Backend
    from quizserver.topics.model import Topic


@click.command("simulate")
@click.argument("arm", metavar="TOPIC/ARM")
@click.option(
    "--set", "turned", multiple=True, metavar="KNOB=VALUE", help="Turn a knob; may be repeated."
)
@click.option(
    "--seeds", type=SeedRange(), default="0:8", show_default=True, help="Half-open range of seeds."
)
@click.option(
    "--simulation", metavar="NAME", help="Which of the topic's, where several have the arm."
)
@DEVICE_OPTION
@BACKEND_OPTION
@CONTENT_OPTION
@JSON_OPTION
def simulate_command(
    arm: str,
    turned: tuple[str, ...],
    seeds: range,
    simulation: str | None,
    device: str,
    backend: Backend,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train one arm of a topic's simulation and print its curves.

    Without --json: what the curves of each series do, in words.
    """
    from quizserver.authoring.confined_training import (
        TrainingFailedError,
        exit_with_failure,
        train_confined,
    )

    topic_id, slash, arm_name = arm.partition("/")
    if not slash:
        raise click.BadParameter("write TOPIC/ARM, such as strange-loss/healthy.")
    path = _find_simulation(
        require_topic(load_topics(content_folder(content)), topic_id), simulation, arm_name
    )
    knobs = dict(map(_parse_knob, turned))
    wanted = _Wanted(topic_id, arm_name, knobs, seeds, device, backend, as_json)
    try:
        answer = train_confined(lambda _report: _train_arm(path, wanted), device)
    except TrainingFailedError as error:
        exit_with_error(f"{path}: {error}")
    if "refused" in answer:
        raise click.BadParameter(answer["refused"], param_hint=answer["hint"])
    if "error" in answer:
        exit_with_failure(path, answer["line"], answer["error"], answer["traceback"])
    click.echo(answer["text"])


@dataclass(frozen=True, slots=True)
class _Wanted:
    topic: str
    arm: str
    turned: Mapping[str, float]
    seeds: range
    device: str
    backend: Backend
    as_json: bool


def _train_arm(path: Path, wanted: _Wanted) -> dict[str, Any]:
    """Runs in the confined process: what to print, or what is wrong."""
    from quizserver.confined.error_text import is_memory_error
    from quizserver.evidence.report import curves_json
    from quizserver.lab.catalog import load as load_simulation
    from quizserver.lab.curve_text import describe_curves
    from quizserver.lab.ensemble import simulate as train
    from quizserver.lab.isolation import check_seed_isolation
    from quizserver.lab.model import KnobError, SimulationError

    seeds, device, backend = wanted.seeds, wanted.device, wanted.backend
    try:
        loaded = load_simulation(path)
        knobs = loaded.check_knobs({**loaded.arm(wanted.arm).knobs, **wanted.turned})
        curves = train(loaded, knobs, seeds, device=device, backend=backend)
        first_series = {key: values[0] for key, values in curves.series.items()}
        check_seed_isolation(loaded, knobs, seeds[0], first_series, device=device, backend=backend)
    except KeyError as error:
        return {"refused": str(error.args[0]), "hint": "TOPIC/ARM"}
    except KnobError as error:
        return {"refused": error.message, "hint": "--set"}
    except SimulationError as error:
        if is_memory_error(error):
            raise
        return {"error": error.message, "line": error.line, "traceback": error.traceback_text}
    if wanted.as_json:
        document = curves_json(wanted.topic, wanted.arm, knobs, curves)
        return {"text": json.dumps(document, allow_nan=False)}
    lines = [
        (f"{key}: " if len(curves.series) > 1 else "")
        + describe_curves(curves.x, values, label=loaded.x.label)
        for key, values in curves.series.items()
    ]
    return {"text": "\n".join(lines)}


def _find_simulation(topic: Topic, simulation: str | None, arm: str) -> Path:
    """The file of the simulation called ``simulation``; for None, of one that has the arm.

    Of several that have it, the one called "simulation" is taken, as for a question that names
    none. Ends the program when none or several remain.
    """
    simulations = topic.simulations
    if simulation is not None:
        matching = [name for name in simulations if name == simulation]
        complaint = f"The topic {topic.id} has no simulation {simulation!r}"
    else:
        arms = _arm_names(simulations) if len(simulations) > 1 else dict.fromkeys(simulations)
        # one that can't be read may have it: training it says what is wrong
        matching = [name for name, names in arms.items() if names is None or arm in names]
        if DEFAULT_SIMULATION in matching:
            return simulations[DEFAULT_SIMULATION]
        several = f"The topic {topic.id} has several simulations"
        complaint = several if matching else f"No simulation of {topic.id} has an arm {arm!r}"
    if len(matching) != 1:
        exit_with_error(
            f"{complaint}. Name one with --simulation: {', '.join(simulations) or 'there is none'}."
        )
    return simulations[matching[0]]


def _arm_names(simulations: Mapping[str, Path]) -> dict[str, list[str] | None]:
    """The arms of each simulation; None for a file that can't be read."""
    from quizserver.evidence.record import recorded_description
    from quizserver.lab.catalog import SimulationCatalog, reading_limits
    from quizserver.lab.model import Description

    catalog = SimulationCatalog(
        recorded=recorded_description, limits=reading_limits(settings_from_flags())
    )
    outcomes = catalog.describe_many(simulations.values())
    names: dict[str, list[str] | None] = {}
    for name, path in simulations.items():
        outcome = outcomes[path]
        names[name] = None
        if isinstance(outcome, Description):
            names[name] = [arm.name for arm in outcome.arms]
    return names


def _parse_knob(text: str) -> tuple[str, float]:
    knob, _, value = text.partition("=")
    try:
        return knob.strip(), float(value)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not KNOB=VALUE with a number, such as learning_rate=0.1.",
            param_hint="--set",
        ) from None
