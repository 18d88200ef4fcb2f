"""What a page shows of recorded findings about an option. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.lab.evidence import Band, Ensemble, Evidence, Finding
from quizserver.lab.kinds import fitting
from quizserver.lab.levels import LEVEL_SHAPES
from quizserver.lab.model import Arm, Description, Knob
from quizserver.lab.words import plain
from quizserver.web import charts

SIGNS = {"supported": "✓", "refuted": "✗", "mixed": "~"}
# A chart shows at most this many times the start or the end: swings may leave the frame.
Y_TOP = 1.6

Described = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding in a line: the word with its sign, the count, the shape and what was claimed.

    ``unit`` is what was counted: "seeds", or "pairs" of runs of two arms.
    """

    word: str
    sign: str
    k: int
    n: int
    low: float
    high: float
    shape_title: str
    shape_words: str
    quantifier_text: str
    unit: str = "seeds"


@dataclass(frozen=True, slots=True)
class OptionEvidence:
    """What the experiment says about one option: verdicts (at least one), charts, their words.

    ``versus`` are the arms that it is compared with: the index that gives the colour, the label.
    """

    arm: str
    arm_index: int
    arm_label: str
    svg: Markup
    verdicts: tuple[Verdict, ...]
    setting_text: str
    sentence: str
    tried: TriedView | None = None
    versus: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TriedView:
    """Where on a claim's range the shape shows: how many of ``n`` replicas at each value.

    Each row is the value, the count, and whether the chart shows that setting.
    """

    knob: str
    shape: str
    n: int
    rows: Sequence[tuple[str, int, bool]]
    unit: str = "seeds"


def option_evidence(
    evidence: Evidence, findings: Sequence[Finding], described: Described, ident: str
) -> OptionEvidence:
    """The view of findings about one option that rest on the same setting (at least one).

    ``described`` is the question's curve, as shares of the run and of the loss at its start. Each
    series that is judged, and each arm that is compared with, has a chart of its own; the numbers
    that a series is compared with are lines in its chart.
    """
    first = findings[0]
    description = evidence.experiments[first.simulation].description
    ensemble = evidence.ensemble(first)
    index, arm = _arm(description, ensemble.arm)
    charted = {_charted(finding): finding for finding in reversed(findings)}
    shown = [charted[key] for key in dict.fromkeys(map(_charted, findings))]
    svg = Markup().join(
        _chart(
            evidence,
            finding,
            described,
            _levels(f for f in findings if _charted(f) == _charted(finding)),
            f"{ident}-{number}" if number else ident,
        )
        for number, finding in enumerate(shown)
    )
    told = [finding for finding in findings if finding in shown or finding.value is not None]
    compared = dict.fromkeys(f.versus for f in findings if f.versus is not None)
    others = [_arm(description, name) for name in compared]
    return OptionEvidence(
        arm.name,
        index,
        arm.label,
        svg,
        tuple(_verdict(description, finding) for finding in findings),
        _setting(description, ensemble),
        " ".join(dict.fromkeys(part for finding in told for part in _words(finding, ensemble))),
        next((_tried(description, f, ensemble) for f in findings if len(f.tried) > 1), None),
        tuple((place, other.label) for place, other in others),
    )


def _charted(finding: Finding) -> tuple[str | None, str | None]:
    """Findings about one setting share a chart when these are the same."""
    return finding.series, finding.against


def _levels(findings: Iterable[Finding]) -> list[charts.Level]:
    """The numbers that a chart's curves are compared with, named by what is claimed of them."""
    return [
        charts.Level(f.value, _beside(LEVEL_SHAPES[f.shape].title, f.value).lower())
        for f in findings
        if f.value is not None
    ]


def _beside(title: str, value: float) -> str:
    """The title of a shape with the number that a curve is compared with in it."""
    return title.format(plain(value))


def _words(finding: Finding, ensemble: Ensemble) -> list[str]:
    """What a finding's curve does, and how it stands to what it is compared with."""
    # the first series is in the ensemble's words; of a pair or another series the finding tells all
    alone = finding.versus is None and finding.series is None
    told = [words for words in (ensemble.sentence if alone else "", finding.sentence) if words]
    return told or [ensemble.sentence]


def _chart(
    evidence: Evidence,
    finding: Finding,
    described: Described,
    levels: Sequence[charts.Level],
    ident: str,
) -> Markup:
    """The median and band that a finding is about, and of a pair the other arm's too.

    ``levels`` are what they are compared with, in the series' unit.
    """
    experiment = evidence.experiments[finding.simulation]
    description = experiment.description
    series = finding.series or next(iter(description.series))
    other = evidence.against(finding)
    drawn = [evidence.ensemble(finding), *([other] if other is not None else [])]
    arms = [_arm(description, ensemble.arm) for ensemble in drawn]
    bands = [ensemble.series[series] for ensemble in drawn]
    axis = description.series[series]
    # what the text describes is a share of the first series' start, on a linear axis
    over = described_in(described, experiment.x, bands[0]) if finding.series is None else None
    # what is described is drawn to scale; else the simulation knows what its series needs
    values = [value for band in bands for value in band.median if value is not None]
    log = over is None and axis.scale == "log" and any(value > 0 for value in values)
    names = " and ".join(arm.label for _, arm in arms)
    try:
        return charts.curve_chart(
            ident=ident,
            title=f"{axis.label} by {description.x.label}: {names}",
            description=" ".join(_words(finding, drawn[0])),
            x=charts.Axis(description.x.label, description.x.unit, description.x.scale),
            y=charts.Axis(axis.label, axis.unit, "log" if log else "linear"),
            curves=[
                curve(experiment.x, band, index, arm.label)
                for band, (index, arm) in zip(bands, arms, strict=True)
            ],
            described=over,
            levels=levels,
            y_range=None if log else y_range(*bands, also=[level.value for level in levels]),
        )
    except ValueError:  # every value is beyond what a chart can show: the sentence says so
        return Markup()


def _arm(description: Description, name: str) -> tuple[int, Arm]:
    return next((i, arm) for i, arm in enumerate(description.arms) if arm.name == name)


def _verdict(description: Description, finding: Finding) -> Verdict:
    shape = fitting(finding.versus, finding.value)[finding.shape]
    unit = "seeds" if finding.versus is None else "pairs"
    title = shape.title if finding.value is None else _beside(shape.title, finding.value)
    if finding.versus is not None:
        title = f"{title} “{_arm(description, finding.versus)[1].label}”"
    if finding.series is not None:
        title = f"{title} ({description.series[finding.series].label})"
    share = "most" if finding.at_least == 0.5 else f"at least {100 * finding.at_least:g} %"
    if finding.quantifier == "will":
        text = f"claimed for every setting below, in {share} of the {unit}"
    elif finding.over:
        text = f"claimed for some setting below, in {share} of the {unit}"
    else:
        text = f"claimed for {share} of the {unit}"
    return Verdict(
        finding.verdict,
        SIGNS[finding.verdict],
        finding.k,
        finding.n,
        finding.low,
        finding.high,
        title,
        shape.words,
        text,
        unit,
    )


def _tried(description: Description, finding: Finding, ensemble: Ensemble) -> TriedView:
    names = list(finding.over)
    knobs = {knob.name: knob for knob in description.knobs}
    labels = [knob.label for name, knob in knobs.items() if name in names]
    rows = [
        (
            ", ".join(_bare(knobs[name], tried.knobs[name]) for name in names),
            tried.k,
            all(ensemble.knobs[name] == tried.knobs[name] for name in names),
        )
        for tried in finding.tried
    ]
    verdict = _verdict(description, finding)
    return TriedView(", ".join(labels), verdict.shape_title, finding.n, rows, verdict.unit)


def _setting(description: Description, ensemble: Ensemble) -> str:
    """The knobs that differ from the defaults, in words."""
    turned = [
        f"{knob.label} {knob.text(ensemble.knobs[knob.name])}"
        f" (otherwise {_bare(knob, knob.default)})"
        for knob in description.knobs
        if ensemble.knobs[knob.name] != knob.default
    ]
    return "; ".join(turned) or "every knob at its default"


def _bare(knob: Knob, value: float) -> str:
    """A value without its unit, which is told once for all of them."""
    return knob.text(value) if knob.choices else f"{value:g}"


def curve(x: Sequence[float], band: Band, index: int, label: str) -> charts.Curve:
    return charts.Curve(x, band.median, band.low, band.high, band.replicas, label, index)


def described_in(points: Described, x: Sequence[float], band: Band) -> charts.Described | None:
    """The described curve in the chart's own units."""
    start = band.median[0]
    if not points or start is None:
        return None
    width = x[-1] - x[0]
    return charts.Described([(x[0] + px * width, py * start) for px, py in points])


def y_range(*bands: Band, also: Sequence[float] = ()) -> tuple[float, float] | None:
    """From zero to just above the start or the end, so that swings don't flatten all else.

    ``also`` are other numbers that get a place, unless they are below zero.
    """
    medians = [[value for value in band.median if value is not None] for band in bands]
    values = [value for median in medians for value in median]
    if not values or min(values) < 0 or max(values) == 0:
        return None
    frame = max(value for median in medians if median for value in (median[0], median[-1]))
    top = min(max(values), Y_TOP * frame) or max(values)
    return 0.0, max(top, *also, 0.0) * 1.08
