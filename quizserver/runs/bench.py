"""What a page shows of the lab bench of a simulation. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from quizserver.lab.evidence import Ensemble, Evidence
from quizserver.lab.simulation import Description, Knob
from quizserver.runs.evidence_view import (
    Described,
    OptionEvidence,
    curve,
    described_in,
    first_band,
    option_evidence,
    y_range,
)
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
    """The lab bench of one simulation; ``config`` is the JSON that its script reads."""

    config: str
    title: str
    summary: str
    arms: Sequence[ArmView]
    knobs: Sequence[Knob]
    recorded_svg: Markup
    table: Sequence[tuple[str, str, str, str]]
    x_label: str
    source_url: str
    stale: str | None


def bench_view(
    topic: str,
    simulation: str,
    description: Description,
    evidence: Evidence | None,
    *,
    runs_url: str,
    source_url: str,
    stale: str | None,
    arm: str | None = None,
    knobs: Mapping[str, float] | None = None,
    described: Described = (),
    replicas_max: int = 64,
) -> BenchView:
    """The bench, set to ``arm`` (the first one when None) with ``knobs`` turned.

    The recorded curve of that arm is drawn when the evidence has it, over the ``described`` one.
    """
    views = [
        ArmView(each.name, each.label, each.help, index, dict(each.knobs))
        for index, each in enumerate(description.arms)
    ]
    start = next((view for view in views if view.name == arm), views[0])
    ensemble, x = _recorded(evidence, simulation, start.name)
    over = described_in(described, x, first_band(ensemble)) if ensemble is not None else None
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
        "described": over.points if over is not None else None,
    }
    return BenchView(
        config=json.dumps(config, separators=(",", ":"), allow_nan=False),
        title=description.title,
        summary=description.summary,
        arms=views,
        knobs=description.knobs,
        recorded_svg=_recorded_chart(description, ensemble, x, start, over, f"bench-{simulation}"),
        table=_table(ensemble, x),
        x_label=description.x.label,
        source_url=source_url,
        stale=stale,
    )


def _recorded(
    evidence: Evidence | None, simulation: str, arm: str
) -> tuple[Ensemble | None, tuple[float, ...]]:
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return None, ()
    return experiment.ensembles.get(arm), experiment.x


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
    return charts.curve_chart(
        ident=ident,
        title=f"{axis.label} by {description.x.label}: {arm.label}",
        description=ensemble.sentence,
        x=charts.Axis(description.x.label, description.x.unit, description.x.scale),
        y=charts.Axis(axis.label, axis.unit),
        curves=[curve(x, band, arm.index, arm.label)],
        described=described,
        size="bench",
        y_range=y_range(band),
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
