"""``quizserver simulate``: one arm's curves, in words or for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quizserver.authoring.train_options import DEVICE, Seeds, topic_of, topics_in
from quizserver.command_line import AS_JSON, CONTENT, content_folder, stop
from quizserver.topics.question import DEFAULT_SIMULATION

if TYPE_CHECKING:
    from quizserver.topics.model import Topic


@click.command()
@click.argument("arm", metavar="TOPIC/ARM")
@click.option(
    "--set", "turned", multiple=True, metavar="KNOB=VALUE", help="Turn a knob; may be repeated."
)
@click.option(
    "--seeds", type=Seeds(), default="0:8", show_default=True, help="Half-open range of seeds."
)
@click.option(
    "--simulation", metavar="NAME", help="Which of the topic's, where several have the arm."
)
@DEVICE
@CONTENT
@AS_JSON
def simulate(
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
    from quizserver.lab.catalog import load as load_simulation
    from quizserver.lab.company import check_company
    from quizserver.lab.ensemble import simulate as train
    from quizserver.lab.model import KnobError, SimulationError
    from quizserver.lab.report import curves_json
    from quizserver.lab.words import describe

    topic_id, slash, name = arm.partition("/")
    if not slash:
        raise click.BadParameter("write TOPIC/ARM, such as strange-loss/healthy.")
    path = _file(topic_of(topics_in(content_folder(content)), topic_id), simulation, name)
    try:
        loaded = load_simulation(path)
        knobs = loaded.check_knobs({**loaded.arm(name).knobs, **dict(map(_turned, turned))})
        curves = train(loaded, knobs, seeds, device=device)
        first = {key: values[0] for key, values in curves.series.items()}
        check_company(loaded, knobs, seeds[0], first, device=device)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC/ARM") from None
    except KnobError as error:
        raise click.BadParameter(error.message, param_hint="--set") from None
    except SimulationError as error:
        stop(f"{path}:{error.line or 1}: {error.message}")
    if as_json:
        click.echo(json.dumps(curves_json(topic_id, name, knobs, curves), allow_nan=False))
    else:
        for key, values in curves.series.items():
            which = f"{key}: " if len(curves.series) > 1 else ""
            click.echo(which + describe(curves.x, values, label=loaded.x.label))


def _file(topic: Topic, simulation: str | None, arm: str) -> Path:
    """The file of the simulation asked for; without a name, of one that has the arm.

    That is the one named simulation, as it is for a question that names none, or the only one.
    """
    there = topic.simulations
    if simulation is not None:
        having = [name for name in there if name == simulation]
        what = f"The topic {topic.id} has no simulation {simulation!r}"
    else:
        having = [name for name in there if len(there) == 1 or _has(there[name], arm)]
        if DEFAULT_SIMULATION in having:
            return there[DEFAULT_SIMULATION]
        several = f"The topic {topic.id} has several simulations"
        what = several if having else f"No simulation of {topic.id} has an arm {arm!r}"
    if len(having) != 1:
        stop(f"{what}. Name one with --simulation: {', '.join(there) or 'there is none'}.")
    return there[having[0]]


def _has(path: Path, arm: str) -> bool:
    """Whether the file has the arm; one that cannot be read may."""
    from quizserver.lab.catalog import load
    from quizserver.lab.model import SimulationError

    try:
        return any(each.name == arm for each in load(path).arms)
    except SimulationError:
        return True


def _turned(text: str) -> tuple[str, float]:
    knob, _, value = text.partition("=")
    try:
        return knob.strip(), float(value)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not KNOB=VALUE with a number, such as learning_rate=0.1.",
            param_hint="--set",
        ) from None
