"""The charts of recorded findings: the curves that each is about, large and small. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from quizserver.evidence.record import Band, Ensemble, Evidence, Finding
from quizserver.lab.curve_text import format_exact
from quizserver.lab.model import Arm, Description
from quizserver.lab.shapes.threshold import THRESHOLD_SHAPES
from quizserver.web import charts
from quizserver.web.small_charts import draw_small_chart

DescribedPoints = Sequence[tuple[float, float]]
"""A curve that a question describes, as shares of the run and of the loss at its start."""


def chart_key(finding: Finding) -> tuple[str | None, str | None]:
    """Findings about one setting share a chart when these are the same."""
    return finding.series, finding.against


def chart_levels(findings: Iterable[Finding]) -> list[charts.ReferenceLevel]:
    """The numbers that a chart's curves are compared with, named by what is claimed of them."""
    return [
        charts.ReferenceLevel(
            f.value, title_with_value(THRESHOLD_SHAPES[f.shape].title, f.value).lower()
        )
        for f in findings
        if f.value is not None
    ]


def title_with_value(title: str, value: float) -> str:
    """The title of a shape with the number that a curve is compared with in it."""
    return title.format(format_exact(value))


def finding_sentences(finding: Finding, ensemble: Ensemble) -> list[str]:
    """The sentences on a finding's curve, and on how it compares with another or with a number."""
    # The ensemble's sentence is about its first series only; for a pair or another series the
    # finding has its own.
    alone = finding.versus is None and finding.series is None
    sentences = [text for text in (ensemble.sentence if alone else "", finding.sentence) if text]
    return sentences or [ensemble.sentence]


@dataclass(frozen=True, slots=True)
class FindingChart:
    """The chart of a finding: the median and band of its arm, and of a pair the other arm's too."""

    title: str
    description: str
    x: charts.ChartAxis
    y: charts.ChartAxis
    curves: Sequence[charts.ChartCurve]
    described: charts.DescribedCurve | None
    levels: Sequence[charts.ReferenceLevel]

    def draw(self, ident: str) -> Markup:
        """The large chart; empty when not even x has a number that a chart can show."""
        try:
            return charts.draw_curve_chart(
                ident=ident,
                title=self.title,
                description=self.description,
                x=self.x,
                y=self.y,
                curves=self.curves,
                described=self.described,
                levels=self.levels,
            )
        except ValueError:
            return Markup()

    def draw_small(self) -> Markup:
        return draw_small_chart(
            self.curves,
            described=self.described,
            x_scale=self.x.scale,
            y_scale=self.y.scale,
            levels=self.levels,
        )


def draw_charts(finding_charts: Sequence[FindingChart], ident: str) -> Markup:
    """The large charts one after the other; ``ident`` must be unique in the page."""
    return Markup().join(
        chart.draw(f"{ident}-{number}" if number else ident)
        for number, chart in enumerate(finding_charts)
    )


def finding_chart(
    evidence: Evidence,
    finding: Finding,
    described: DescribedPoints,
    levels: Sequence[charts.ReferenceLevel],
) -> FindingChart:
    """The chart of a finding; ``levels`` are what it is compared with, in the series' unit."""
    experiment = evidence.experiments[finding.simulation]
    description = experiment.description
    series = finding.series or next(iter(description.series))
    other = evidence.other_ensemble_of(finding)
    ensembles = [evidence.ensemble_of(finding), *([other] if other is not None else [])]
    arms = [find_arm(description, ensemble.arm) for ensemble in ensembles]
    bands = [ensemble.series[series] for ensemble in ensembles]
    axis = description.series[series]
    # A described curve is in shares of the first series' start, on a linear axis.
    described_curve = (
        scale_described(described, experiment.x, bands[0]) if finding.series is None else None
    )
    # A described curve needs a linear axis; else the axis is as the simulation declares it.
    values = [value for band in bands for value in band.median if value is not None]
    log = described_curve is None and axis.scale == "log" and any(value > 0 for value in values)
    names = " and ".join(arm.label for _, arm in arms)
    return FindingChart(
        title=f"{axis.label} by {description.x.label}: {names}",
        description=" ".join(finding_sentences(finding, ensembles[0])),
        x=charts.ChartAxis(description.x.label, description.x.unit, description.x.scale),
        y=charts.ChartAxis(axis.label, axis.unit, "log" if log else "linear"),
        curves=[
            chart_curve(experiment.x, band, index, arm.label)
            for band, (index, arm) in zip(bands, arms, strict=True)
        ],
        described=described_curve,
        levels=levels,
    )


def find_arm(description: Description, name: str) -> tuple[int, Arm]:
    """An arm and its index, which decides its colour."""
    return next((i, arm) for i, arm in enumerate(description.arms) if arm.name == name)


def chart_curve(x: Sequence[float], band: Band, index: int, label: str) -> charts.ChartCurve:
    """The curve of an arm, which ``index`` gives its colour."""
    return charts.ChartCurve(x, band.median, band.low, band.high, band.replicas, label, index)


def scale_described(
    points: DescribedPoints, x: Sequence[float], band: Band
) -> charts.DescribedCurve | None:
    """The described curve in the chart's own units."""
    start = band.median[0]
    if not points or start is None:
        return None
    width = x[-1] - x[0]
    return charts.DescribedCurve([(x[0] + px * width, py * start) for px, py in points])
