"""The view of an arm's recorded curve: its chart, its sentence, the table of its numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from quizserver.evidence.record import Ensemble, Evidence
from quizserver.lab.model import Description
from quizserver.lab_views.finding_charts import chart_curve
from quizserver.lab_views.recorded import find_recorded_arm, first_band
from quizserver.translation import gettext
from quizserver.web import charts


@dataclass(frozen=True, slots=True)
class ArmView:
    """An arm of a simulation; ``index`` is its place among all of them, for its colour."""

    name: str
    label: str
    help: str
    index: int
    knobs: dict[str, float]


@dataclass(frozen=True, slots=True)
class RecordedArm:
    """What is recorded of an arm's first series: ``n`` replicas over ``x``."""

    description: Description
    arm: ArmView
    ensemble: Ensemble
    x: Sequence[float]

    @property
    def label(self) -> str:
        return self.arm.label

    @property
    def x_label(self) -> str:
        return self.description.x.label

    @property
    def y_label(self) -> str:
        return next(iter(self.description.series.values())).label

    @property
    def sentence(self) -> str:
        return self.ensemble.sentence

    @property
    def n(self) -> int:
        return self.ensemble.n

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """x, median, and the 10 % and the 90 % quantile, as texts."""
        band = first_band(self.ensemble)
        return [
            (f"{x:g}", _format_number(median), _format_number(low), _format_number(high))
            for x, median, low, high in zip(self.x, band.median, band.low, band.high, strict=True)
        ]

    def draw_chart(
        self,
        ident: str,
        described: charts.DescribedCurve | None = None,
        *,
        with_replicas: bool = False,
    ) -> Markup:
        """The large chart over the described curve; empty when its x can't be drawn.

        ``ident`` must be unique in the page.
        """
        description = self.description
        axis = next(iter(description.series.values()))
        band = first_band(self.ensemble)
        # A described curve needs a linear axis; else the axis is as the simulation declares it.
        log = described is None and axis.scale == "log" and any((v or 0) > 0 for v in band.median)
        curve = chart_curve(self.x, band, self.arm.index, self.arm.label)
        try:
            return charts.draw_curve_chart(
                ident=ident,
                title=f"{axis.label} by {description.x.label}: {self.arm.label}",
                description=self.sentence,
                x=charts.ChartAxis(description.x.label, description.x.unit, description.x.scale),
                y=charts.ChartAxis(axis.label, axis.unit, "log" if log else "linear"),
                curves=[curve if with_replicas else replace(curve, replicas=())],
                described=described,
                size="bench",
            )
        except ValueError:  # not even x has a number that a chart can show
            return Markup()


def arm_views(description: Description) -> list[ArmView]:
    return [
        ArmView(arm.name, arm.label, arm.help, index, dict(arm.knobs))
        for index, arm in enumerate(description.arms)
    ]


def recorded_arm(
    description: Description, evidence: Evidence | None, simulation: str, arm: ArmView
) -> RecordedArm | None:
    """What is recorded of an arm; None when nothing is."""
    ensemble, x = find_recorded_arm(evidence, simulation, arm.name)
    return RecordedArm(description, arm, ensemble, x) if ensemble is not None else None


def _format_number(value: float | None) -> str:
    return gettext("no finite number") if value is None else f"{value:.4g}"
