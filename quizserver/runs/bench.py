"""What a page shows of the lab bench of a simulation. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from markupsafe import Markup

from quizserver.lab import phases
from quizserver.lab.evidence import Ensemble, Evidence
from quizserver.lab.model import Description, Knob
from quizserver.lab.shapes import SHAPES
from quizserver.runs.evidence_view import (
    Described,
    OptionEvidence,
    curve,
    described_in,
    option_evidence,
    y_range,
)
from quizserver.runs.map_view import MapView, fits, levels, map_view
from quizserver.runs.recorded import first_band, recorded
from quizserver.web import charts

__all__ = ["ArmView", "BenchView", "OptionEvidence", "bench_view", "option_evidence"]

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

    ``chart`` draws the recorded curve under an id that must be unique in the page.
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
    map_levels: Sequence[int] = tuple(levels(phases.REPLICAS))
    shapes: Sequence[tuple[str, str]] = ()
    series: Sequence[tuple[str, str]] = ()


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
    arm: str | None = None,
    knobs: Mapping[str, float] | None = None,
    described: Described = (),
    replicas_max: int = 64,
) -> BenchView:
    """The bench, set to ``arm`` (the first one when None) with ``knobs`` turned.

    The recorded curve of that arm is drawn when the evidence has it, over the ``described`` one;
    ``recorded_url`` tells those of the other arms.
    """
    views = [
        ArmView(each.name, each.label, each.help, index, dict(each.knobs))
        for index, each in enumerate(description.arms)
    ]
    start = next((view for view in views if view.name == arm), views[0])
    ensemble, x = recorded(evidence, simulation, start.name)
    over = described_in(described, x, first_band(ensemble)) if ensemble is not None else None
    maps = _maps(evidence, simulation, description)
    config = {
        "topic": topic,
        "simulation": simulation,
        "runs_url": runs_url,
        "arms": [asdict(view) for view in views],
        "knobs": [asdict(knob) for knob in description.knobs],
        "x": asdict(description.x),
        "series": {name: asdict(axis) for name, axis in description.series.items()},
        "points": description.points,
        "replicas": min(REPLICAS, replicas_max),
        "replicas_max": replicas_max,
        "initial": {"arm": start.name, "knobs": {**start.knobs, **(knobs or {})}},
        "recorded": _recorded_config(ensemble, x),
        "recorded_url": recorded_url,
        "maps": [view.config for view in maps],
        "shapes": {name: {"title": s.title, "words": s.words} for name, s in SHAPES.items()},
        "described": over.points if over is not None else None,
    }
    return BenchView(
        config=json.dumps(config, separators=(",", ":"), allow_nan=False),
        title=description.title,
        summary=description.summary,
        arms=views,
        knobs=description.knobs,
        chart=partial(_recorded_chart, description, ensemble, x, start, over),
        table=_table(ensemble, x),
        x_label=description.x.label,
        source_url=source_url,
        stale=stale,
        maps=maps,
        shapes=[(name, shape.title) for name, shape in SHAPES.items()],
        series=[(name, axis.label) for name, axis in description.series.items()],
    )


def _maps(evidence: Evidence | None, simulation: str, description: Description) -> list[MapView]:
    """The recorded maps, as long as the simulation still has the knobs that they are about."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return []
    return [
        map_view(experiment.description, each)
        for each in experiment.maps
        if fits(description, each)
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
    described: charts.Described | None,
    ident: str,
) -> Markup:
    """The recorded curve; empty when there is none."""
    if ensemble is None:
        return Markup()
    axis = next(iter(description.series.values()))
    band = first_band(ensemble)
    # what is described is drawn to scale; else the simulation knows what its series needs
    log = described is None and axis.scale == "log" and any((v or 0) > 0 for v in band.median)
    return charts.curve_chart(
        ident=ident,
        title=f"{axis.label} by {description.x.label}: {arm.label}",
        description=ensemble.sentence,
        x=charts.Axis(description.x.label, description.x.unit, description.x.scale),
        y=charts.Axis(axis.label, axis.unit, "log" if log else "linear"),
        curves=[curve(x, band, arm.index, arm.label)],
        described=described,
        size="bench",
        y_range=None if log else y_range(band),
    )


def _table(ensemble: Ensemble | None, x: Sequence[float]) -> list[tuple[str, str, str, str]]:
    if ensemble is None:
        return []
    band = first_band(ensemble)
    return [
        (f"{at:g}", _number(median), _number(low), _number(high))
        for at, median, low, high in zip(x, band.median, band.low, band.high, strict=True)
    ]


def _number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"
