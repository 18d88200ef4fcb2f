"""The view of a simulation's lab bench. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from markupsafe import Markup

from quizserver.evidence.record import Evidence
from quizserver.lab.model import Description, Knob
from quizserver.lab.shapes.single import SHAPES, THRESHOLDS
from quizserver.lab_views.finding_charts import DescribedPoints, scale_described
from quizserver.lab_views.phase_map import recorded_maps
from quizserver.lab_views.recorded import first_band
from quizserver.lab_views.recorded_arm import ArmView, arm_views, recorded_arm

REPLICAS = 64
ARMS_IN_SIGHT = 8
"""More arms than this push the chart out of the window."""


@dataclass(frozen=True, slots=True)
class BenchView:
    """The lab bench of one simulation; ``config`` is the JSON that its script reads.

    ``chart(ident)`` draws the recorded curve; ``ident`` must be unique in the page. ``live`` says
    that the browser may train it, ``whole`` that nothing of it is kept back: else it has some arms
    alone, no maps and no source. ``maps_url`` is the page of the maps, "" where there are none to
    look at or to compute; ``has_maps`` says that some are recorded. ``arm_url`` is the page of the
    recorded curve's numbers, "" without one. ``other_arms`` are those that wait behind a fold.
    """

    config: Markup
    title: str
    summary: str
    arms: Sequence[ArmView]
    other_arms: Sequence[ArmView]
    knobs: Sequence[Knob]
    replicas: int
    chart: Callable[[str], Markup]
    x_label: str
    source_url: str
    stale: str | None
    sentence: str = ""
    arm_url: str = ""
    maps_url: str = ""
    has_maps: bool = False
    live: bool = False
    whole: bool = True


@dataclass(frozen=True, slots=True)
class BenchUrls:
    """The addresses that a bench needs; ``arm(name)`` is the page of an arm's recorded curve.

    ``live`` are where its script gets what trains in the browser (``kernels``, ``plans``,
    ``plane``) and where it says that somebody did (``used``); None where only the server trains.
    """

    runs: str
    source: str
    recorded: str
    maps: str
    arm: Callable[[str], str]
    live: Mapping[str, object] | None = None


def bench_view(
    topic: str,
    simulation: str,
    description: Description,
    evidence: Evidence | None,
    urls: BenchUrls,
    *,
    stale: str | None,
    arm_name: str | None = None,
    knobs: Mapping[str, float] | None = None,
    described: DescribedPoints = (),
    replicas_max: int = 64,
    visible_arms: Collection[str] | None = None,
    main_arms: Collection[str] = (),
) -> BenchView:
    """The bench, set to the arm ``arm_name`` (None: the first one) with ``knobs`` changed.

    With ``visible_arms`` it has these arms alone (at least one is the simulation's), and nothing
    that tells of the others: no maps, no source. The recorded curve of the arm is drawn, if the
    evidence has it, over the ``described`` curve. Of many arms, those but the first and
    ``main_arms`` wait behind a fold.
    """
    views = [
        view for view in arm_views(description) if visible_arms is None or view.name in visible_arms
    ]
    shown_arms = views
    if main_arms and len(views) > ARMS_IN_SIGHT:
        shown_arms = [view for view in views if view.name in main_arms or view.index == 0]
    initial_arm = next((view for view in views if view.name == arm_name), views[0])
    recorded = recorded_arm(description, evidence, simulation, initial_arm)
    described_curve = (
        scale_described(described, recorded.x, first_band(recorded.ensemble))
        if recorded is not None
        else None
    )
    whole = visible_arms is None
    config: dict[str, object] = {
        "topic": topic,
        "simulation": simulation,
        "runs_url": urls.runs,
        **_description_config(description, views, replicas_max),
        "initial": {"arm": initial_arm.name, "knobs": {**initial_arm.knobs, **(knobs or {})}},
        "x_range": (recorded.x[0], recorded.x[-1]) if recorded is not None else None,
        "recorded_url": urls.recorded,
        **shapes_config(),
        "described": described_curve.points if described_curve is not None else None,
    }
    if urls.live is not None:
        config["live"] = dict(urls.live)
    return BenchView(
        config=_template_json(config),
        title=description.title,
        summary=description.summary,
        arms=shown_arms,
        other_arms=[view for view in views if view not in shown_arms],
        knobs=description.knobs,
        replicas=proposed_replicas(replicas_max),
        chart=(
            partial(recorded.draw_chart, described=described_curve)
            if recorded is not None
            else _no_chart
        ),
        x_label=description.x.label,
        source_url=urls.source if whole else "",
        stale=stale,
        sentence=recorded.sentence if recorded is not None else "",
        arm_url=urls.arm(initial_arm.name) if recorded is not None else "",
        maps_url=urls.maps if whole and len(description.knobs) > 1 else "",
        has_maps=whole and bool(recorded_maps(evidence, simulation, description)),
        live=urls.live is not None,
        whole=whole,
    )


def shapes_config() -> dict[str, object]:
    """What the scripts of a bench need of shapes: their words, and the numbers of their rules."""
    shapes = {
        name: {
            "title": shape.title,
            "words": shape.definition,
            "verbs": shape.verbs,
            "within": shape.within,
        }
        for name, shape in SHAPES.items()
    }
    return {"shapes": shapes, "thresholds": dict(THRESHOLDS)}


def _description_config(
    description: Description, arm_views: Sequence[ArmView], replicas_max: int
) -> dict[str, object]:
    """What the script of the bench needs of a simulation, whatever is recorded of it."""
    return {
        "arms": [_without_help(asdict(view)) for view in arm_views],
        "knobs": [_without_help(asdict(knob)) for knob in description.knobs],
        "x": asdict(description.x),
        "series": {name: asdict(axis) for name, axis in description.series.items()},
        "points": description.points,
        "replicas": proposed_replicas(replicas_max),
        "replicas_max": replicas_max,
    }


def _without_help(fields: dict[str, object]) -> dict[str, object]:
    """What a script needs of an arm or a knob: its help is in the page."""
    return {name: value for name, value in fields.items() if name != "help"}


def proposed_replicas(most: int) -> int:
    """How many replicas a bench trains unless it is told otherwise; a run has at most ``most``."""
    return min(REPLICAS, most)


def _template_json(config: Mapping[str, object]) -> Markup:
    """JSON as the text of an element that only scripts read: it has no character of markup."""
    text = json.dumps(config, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c"))


def _no_chart(_ident: str) -> Markup:
    """The chart where nothing is recorded."""
    return Markup()
