"""The view of a simulation's lab bench. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from markupsafe import Markup

from quizserver.evidence.record import Ensemble, Evidence
from quizserver.lab import phase_maps
from quizserver.lab.model import Description, Knob
from quizserver.lab.shapes.single import SHAPES, THRESHOLDS
from quizserver.lab_views.evidence import (
    DescribedPoints,
    chart_curve,
    chart_y_range,
    scale_described,
)
from quizserver.lab_views.phase_map import MapView, colour_levels, fits_knobs, map_view
from quizserver.lab_views.recorded import find_recorded_arm, first_band
from quizserver.web import charts

REPLICAS = 32


@dataclass(frozen=True, slots=True)
class ArmView:
    name: str
    label: str
    help: str
    index: int
    knobs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class BenchView:
    """The lab bench of one simulation; ``config`` is the JSON that its script reads.

    ``chart(ident)`` draws the recorded curve; ``ident`` must be unique in the page. ``live`` says
    that the browser may train it, ``whole`` that nothing of it is kept back: else it has some arms
    alone, no maps and no source.
    """

    config: str
    title: str
    summary: str
    arms: Sequence[ArmView]
    knobs: Sequence[Knob]
    chart: Callable[[str], Markup]
    table: Sequence[tuple[str, str, str, str]]
    x_label: str
    source_url: str
    stale: str | None
    maps: Sequence[MapView] = ()
    map_levels: Sequence[int] = tuple(colour_levels(phase_maps.CELL_REPLICAS))
    shapes: Sequence[tuple[str, str]] = ()
    series: Sequence[tuple[str, str]] = ()
    live: bool = False
    whole: bool = True


def bench_view(
    topic: str,
    simulation: str,
    description: Description,
    evidence: Evidence | None,
    *,
    runs_url: str,
    source_url: str,
    recorded_url: str = "",
    stale: str | None,
    arm_name: str | None = None,
    knobs: Mapping[str, float] | None = None,
    described: DescribedPoints = (),
    replicas_max: int = 64,
    live_urls: Mapping[str, object] | None = None,
    visible_arms: Collection[str] | None = None,
) -> BenchView:
    """The bench, set to the arm ``arm_name`` (None: the first one) with ``knobs`` changed.

    With ``visible_arms`` it has these arms alone (at least one is the simulation's), and nothing
    that tells of the others: no maps, no source.

    The recorded curve of that arm is drawn, if the evidence has it, over the ``described`` curve;
    ``recorded_url`` is where the script gets the recorded curves of the other arms. ``live_urls``
    are where it gets what trains in the browser (``kernel``, ``plans``) and where it says that
    somebody did (``used``); None where only the server trains.
    """
    arm_views = [
        ArmView(declared.name, declared.label, declared.help, index, dict(declared.knobs))
        for index, declared in enumerate(description.arms)
        if visible_arms is None or declared.name in visible_arms
    ]
    initial_arm = next((view for view in arm_views if view.name == arm_name), arm_views[0])
    ensemble, x = find_recorded_arm(evidence, simulation, initial_arm.name)
    described_curve = (
        scale_described(described, x, first_band(ensemble)) if ensemble is not None else None
    )
    whole = visible_arms is None
    maps = _map_views(evidence, simulation, description) if whole else []
    config: dict[str, object] = {
        "topic": topic,
        "simulation": simulation,
        "runs_url": runs_url,
        **_description_config(description, arm_views, replicas_max),
        "initial": {"arm": initial_arm.name, "knobs": {**initial_arm.knobs, **(knobs or {})}},
        "recorded": _recorded_config(ensemble, x),
        "recorded_url": recorded_url,
        "maps": [view.config for view in maps],
        **shapes_config(),
        "described": described_curve.points if described_curve is not None else None,
    }
    if live_urls is not None:
        config["live"] = dict(live_urls)
    return BenchView(
        config=json.dumps(config, separators=(",", ":"), allow_nan=False),
        title=description.title,
        summary=description.summary,
        arms=arm_views,
        knobs=description.knobs,
        chart=partial(_recorded_chart, description, ensemble, x, initial_arm, described_curve),
        table=_table_rows(ensemble, x),
        x_label=description.x.label,
        source_url=source_url if whole else "",
        stale=stale,
        maps=maps,
        shapes=[(name, shape.title) for name, shape in SHAPES.items()],
        series=[(name, axis.label) for name, axis in description.series.items()],
        live=live_urls is not None,
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
        "arms": [asdict(view) for view in arm_views],
        "knobs": [asdict(knob) for knob in description.knobs],
        "x": asdict(description.x),
        "series": {name: asdict(axis) for name, axis in description.series.items()},
        "points": description.points,
        "replicas": min(REPLICAS, replicas_max),
        "replicas_max": replicas_max,
    }


def _map_views(
    evidence: Evidence | None, simulation: str, description: Description
) -> list[MapView]:
    """The recorded maps whose knobs are still exactly those of the simulation."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return []
    return [
        map_view(experiment.description, phase_map)
        for phase_map in experiment.maps
        if fits_knobs(description, phase_map)
    ]


def _recorded_config(ensemble: Ensemble | None, x: Sequence[float]) -> dict[str, object] | None:
    if ensemble is None:
        return None
    band = first_band(ensemble)
    return {
        "arm": ensemble.arm,
        "n": ensemble.n,
        "sentence": ensemble.sentence,
        "x": x,
        "median": band.median,
        "low": band.low,
        "high": band.high,
    }


def _recorded_chart(
    description: Description,
    ensemble: Ensemble | None,
    x: Sequence[float],
    arm: ArmView,
    described: charts.DescribedCurve | None,
    ident: str,
) -> Markup:
    """The chart of the recorded curve; empty when there is none that can be drawn."""
    if ensemble is None:
        return Markup()
    axis = next(iter(description.series.values()))
    band = first_band(ensemble)
    # A described curve needs a linear axis; else the axis is as the simulation declares it.
    log = described is None and axis.scale == "log" and any((v or 0) > 0 for v in band.median)
    try:
        return charts.draw_curve_chart(
            ident=ident,
            title=f"{axis.label} by {description.x.label}: {arm.label}",
            description=ensemble.sentence,
            x=charts.ChartAxis(description.x.label, description.x.unit, description.x.scale),
            y=charts.ChartAxis(axis.label, axis.unit, "log" if log else "linear"),
            curves=[chart_curve(x, band, arm.index, arm.label)],
            described=described,
            size="bench",
            y_range=None if log else chart_y_range(band),
        )
    except ValueError:  # every value is beyond what a chart can show, as the sentence explains
        return Markup()


def _table_rows(ensemble: Ensemble | None, x: Sequence[float]) -> list[tuple[str, str, str, str]]:
    if ensemble is None:
        return []
    band = first_band(ensemble)
    return [
        (f"{x_value:g}", _format_number(median), _format_number(low), _format_number(high))
        for x_value, median, low, high in zip(x, band.median, band.low, band.high, strict=True)
    ]


def _format_number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"
