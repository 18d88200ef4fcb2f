"""What a page shows of recorded evidence and of the lab bench. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from quizserver.lab.evidence import Band, Ensemble, Evidence, Finding
from quizserver.lab.shapes import SHAPES
from quizserver.lab.simulation import Arm, Description, Knob
from quizserver.web import charts

SIGNS = {"supported": "✓", "refuted": "✗", "mixed": "~"}
REPLICAS = 32
# A chart shows at most this many times the start or the end: swings may leave the frame.
Y_TOP = 1.6

Described = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding in a line: the word with its sign, the count, the shape and what was claimed."""

    word: str
    sign: str
    k: int
    n: int
    low: float
    high: float
    shape_title: str
    shape_words: str
    quantifier_text: str


@dataclass(frozen=True, slots=True)
class OptionEvidence:
    """What the experiment says about one option: verdicts (at least one), a chart, its words."""

    arm: str
    arm_index: int
    arm_label: str
    svg: Markup
    verdicts: tuple[Verdict, ...]
    setting_text: str
    sentence: str
    tried: TriedView | None = None


@dataclass(frozen=True, slots=True)
class TriedView:
    """Where on a claim's range the shape shows: how many of ``n`` replicas at each value.

    Each row is the value, the count, and whether the chart shows that setting.
    """

    knob: str
    shape: str
    n: int
    rows: Sequence[tuple[str, int, bool]]


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


def option_evidence(
    evidence: Evidence, findings: Sequence[Finding], described: Described, ident: str
) -> OptionEvidence:
    """The view of findings about one option that rest on the same curve (at least one).

    ``described`` is the question's curve, as shares of the run and of the loss at its start.
    """
    first = findings[0]
    experiment = evidence.experiments[first.simulation]
    description, ensemble = experiment.description, evidence.ensemble(first)
    index, arm = _arm(description, ensemble.arm)
    band = _band(ensemble)
    axis = next(iter(description.series.values()))
    svg = charts.curve_chart(
        ident=ident,
        title=f"{axis.label} by {description.x.label}: {arm.label}",
        description=ensemble.sentence,
        x=charts.Axis(description.x.label, description.x.unit),
        y=charts.Axis(axis.label, axis.unit),
        curves=[_curve(experiment.x, band, index, arm.label)],
        described=_described(described, experiment.x, band),
        y_range=_range(band),
    )
    return OptionEvidence(
        arm.name,
        index,
        arm.label,
        svg,
        tuple(_verdict(finding) for finding in findings),
        _setting(description, ensemble),
        ensemble.sentence,
        next((_tried(description, f, ensemble) for f in findings if len(f.tried) > 1), None),
    )


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
    over = _described(described, x, _band(ensemble)) if ensemble is not None else None
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


def _arm(description: Description, name: str) -> tuple[int, Arm]:
    return next((i, arm) for i, arm in enumerate(description.arms) if arm.name == name)


def _verdict(finding: Finding) -> Verdict:
    shape = SHAPES[finding.shape]
    share = "most" if finding.at_least == 0.5 else f"at least {100 * finding.at_least:g} %"
    if finding.quantifier == "will":
        text = f"claimed for every setting in the range, in {share} of the seeds"
    elif finding.over:
        text = f"claimed for some setting in the range, in {share} of the seeds"
    else:
        text = f"claimed for {share} of the seeds"
    return Verdict(
        finding.verdict,
        SIGNS[finding.verdict],
        finding.k,
        finding.n,
        finding.low,
        finding.high,
        shape.title,
        shape.words,
        text,
    )


def _tried(description: Description, finding: Finding, ensemble: Ensemble) -> TriedView:
    names = list(finding.over)
    labels = [knob.label for knob in description.knobs if knob.name in names]
    rows = [
        (
            ", ".join(f"{tried.knobs[name]:g}" for name in names),
            tried.k,
            all(ensemble.knobs[name] == tried.knobs[name] for name in names),
        )
        for tried in finding.tried
    ]
    return TriedView(", ".join(labels), SHAPES[finding.shape].title, finding.n, rows)


def _setting(description: Description, ensemble: Ensemble) -> str:
    """The knobs that differ from the defaults, in words."""
    turned = [
        f"{knob.label} {ensemble.knobs[knob.name]:g}{' ' + knob.unit if knob.unit else ''}"
        f" (healthy: {knob.default:g})"
        for knob in description.knobs
        if ensemble.knobs[knob.name] != knob.default
    ]
    return "; ".join(turned) or "every knob at its default"


def _curve(x: Sequence[float], band: Band, index: int, label: str) -> charts.Curve:
    return charts.Curve(x, band.median, band.low, band.high, band.replicas, label, index)


def _described(points: Described, x: Sequence[float], band: Band) -> charts.Described | None:
    """The described curve in the chart's own units."""
    start = band.median[0]
    if not points or start is None:
        return None
    width = x[-1] - x[0]
    return charts.Described([(x[0] + px * width, py * start) for px, py in points])


def _range(band: Band) -> tuple[float, float] | None:
    """From zero to just above the start or the end, so that swings don't flatten all else."""
    values = [value for value in band.median if value is not None]
    if not values or min(values) < 0 or max(values) == 0:
        return None
    frame = max(values[0], values[-1])
    return 0.0, (min(max(values), Y_TOP * frame) or max(values)) * 1.08


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
    band = _band(ensemble)
    return {
        "arm": ensemble.arm,
        "n": ensemble.n,
        "sentence": ensemble.sentence,
        "x": x,
        "median": band.median,
        "low": band.low,
        "high": band.high,
    }


def _band(ensemble: Ensemble) -> Band:
    """The series that is drawn and judged: the first that the simulation declares."""
    return next(iter(ensemble.series.values()))


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
    band = _band(ensemble)
    return charts.curve_chart(
        ident=ident,
        title=f"{axis.label} by {description.x.label}: {arm.label}",
        description=ensemble.sentence,
        x=charts.Axis(description.x.label, description.x.unit),
        y=charts.Axis(axis.label, axis.unit),
        curves=[_curve(x, band, arm.index, arm.label)],
        described=described,
        size="bench",
        y_range=_range(band),
    )


def _table(ensemble: Ensemble | None, x: Sequence[float]) -> list[tuple[str, str, str, str]]:
    if ensemble is None:
        return []
    band = _band(ensemble)
    return [
        (f"{at:g}", _number(median), _number(low), _number(high))
        for at, median, low, high in zip(x, band.median, band.low, band.high, strict=True)
    ]


def _number(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"
