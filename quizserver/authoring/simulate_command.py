"""``quizserver simulate``: trains one arm and prints its curves, in words or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quizserver.authoring.train_options import DEVICE_OPTION, SeedRange, load_topics, require_topic
from quizserver.command_line import CONTENT_OPTION, JSON_OPTION, content_folder, exit_with_error
from quizserver.topics.question import DEFAULT_SIMULATION

if TYPE_CHECKING:
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
@CONTENT_OPTION
@JSON_OPTION
def simulate_command(
    arm: str,
    turned: tuple[str, ...],
    seeds: range,
    simulation: str | None,
    device: str,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train one arm of a topic's simulation and print its curves.

    Without --json: what the curves of each series do, in words.
    """
    from quizserver.evidence.report import curves_json
    from quizserver.lab.catalog import load as load_simulation
    from quizserver.lab.curve_text import describe_curves
    from quizserver.lab.ensemble import simulate as train
    from quizserver.lab.isolation import check_seed_isolation
    from quizserver.lab.model import KnobError, SimulationError

    topic_id, slash, arm_name = arm.partition("/")
    if not slash:
        raise click.BadParameter("write TOPIC/ARM, such as strange-loss/healthy.")
    path = _find_simulation(
        require_topic(load_topics(content_folder(content)), topic_id), simulation, arm_name
    )
    try:
        loaded = load_simulation(path)
        knobs = loaded.check_knobs({**loaded.arm(arm_name).knobs, **dict(map(_parse_knob, turned))})
        curves = train(loaded, knobs, seeds, device=device)
        first_series = {key: values[0] for key, values in curves.series.items()}
        check_seed_isolation(loaded, knobs, seeds[0], first_series, device=device)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC/ARM") from None
    except KnobError as error:
        raise click.BadParameter(error.message, param_hint="--set") from None
    except SimulationError as error:
        exit_with_error(f"{path}:{error.line or 1}: {error.message}")
    if as_json:
        click.echo(json.dumps(curves_json(topic_id, arm_name, knobs, curves), allow_nan=False))
    else:
        for key, values in curves.series.items():
            prefix = f"{key}: " if len(curves.series) > 1 else ""
            click.echo(prefix + describe_curves(curves.x, values, label=loaded.x.label))


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
        matching = [
            name
            for name in simulations
            if len(simulations) == 1 or _has_arm(simulations[name], arm)
        ]
        if DEFAULT_SIMULATION in matching:
            return simulations[DEFAULT_SIMULATION]
        several = f"The topic {topic.id} has several simulations"
        complaint = several if matching else f"No simulation of {topic.id} has an arm {arm!r}"
    if len(matching) != 1:
        exit_with_error(
            f"{complaint}. Name one with --simulation: {', '.join(simulations) or 'there is none'}."
        )
    return simulations[matching[0]]


def _has_arm(path: Path, arm: str) -> bool:
    """Whether the simulation has the arm; True also for a file that can't be read."""
    from quizserver.lab.catalog import load
    from quizserver.lab.model import SimulationError

    try:
        return any(candidate.name == arm for candidate in load(path).arms)
    except SimulationError:
        return True


def _parse_knob(text: str) -> tuple[str, float]:
    knob, _, value = text.partition("=")
    try:
        return knob.strip(), float(value)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not KNOB=VALUE with a number, such as learning_rate=0.1.",
            param_hint="--set",
        ) from None
