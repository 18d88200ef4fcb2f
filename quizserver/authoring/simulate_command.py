"""``quizserver simulate``: one arm's curves, in words or for programs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from quizserver.authoring.train_options import DEVICE, Seeds, topic_of, topics_in
from quizserver.command_line import AS_JSON, CONTENT, content_folder, stop


@click.command()
@click.argument("arm", metavar="TOPIC/ARM")
@click.option(
    "--set", "turned", multiple=True, metavar="KNOB=VALUE", help="Turn a knob; may be repeated."
)
@click.option(
    "--seeds", type=Seeds(), default="0:8", show_default=True, help="Half-open range of seeds."
)
@click.option("--simulation", default="simulation", show_default=True, help="Which of the topic's.")
@DEVICE
@CONTENT
@AS_JSON
def simulate(
    arm: str,
    turned: tuple[str, ...],
    seeds: range,
    simulation: str,
    device: str,
    as_json: bool,
    content: Path | None,
) -> None:
    """Train one arm of a topic's simulation and print its curves.

    Without --json: what the curves do, in a sentence.
    """
    from quizserver.lab.catalog import load as load_simulation
    from quizserver.lab.ensemble import simulate as train
    from quizserver.lab.model import KnobError, SimulationError
    from quizserver.lab.report import curves_json
    from quizserver.lab.words import describe

    topic_id, slash, name = arm.partition("/")
    if not slash:
        raise click.BadParameter("write TOPIC/ARM, such as strange-loss/healthy.")
    path = topic_of(topics_in(content_folder(content)), topic_id).simulations.get(simulation)
    if path is None:
        stop(f"The topic {topic_id} has no simulation {simulation}.")
    try:
        loaded = load_simulation(path)
        knobs = loaded.check_knobs({**loaded.arm(name).knobs, **dict(map(_turned, turned))})
        curves = train(loaded, knobs, seeds, device=device)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="TOPIC/ARM") from None
    except KnobError as error:
        raise click.BadParameter(error.message, param_hint="--set") from None
    except SimulationError as error:
        stop(f"{path}:{error.line or 1}: {error.message}")
    if as_json:
        click.echo(json.dumps(curves_json(topic_id, name, knobs, curves), allow_nan=False))
    else:
        first = next(iter(curves.series.values()))
        click.echo(describe(curves.x, first, label=loaded.x.label))


def _turned(text: str) -> tuple[str, float]:
    knob, _, value = text.partition("=")
    try:
        return knob.strip(), float(value)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not KNOB=VALUE with a number, such as learning_rate=0.1.",
            param_hint="--set",
        ) from None
