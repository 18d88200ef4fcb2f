"""The views of recorded findings about an option. Pure: values in, views out."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from quizserver.evidence.record import Ensemble, Evidence, Finding
from quizserver.lab.model import Description, Knob
from quizserver.lab.shapes.registry import shapes_for
from quizserver.lab_views.finding_charts import (
    DescribedPoints,
    chart_key,
    chart_levels,
    draw_charts,
    find_arm,
    finding_chart,
    finding_sentences,
    title_with_value,
)
from quizserver.translation import N_, gettext, ngettext

VERDICT_WORDS = {"supported": N_("supported"), "refuted": N_("refuted"), "mixed": N_("mixed")}
"""In English; whoever shows them translates them."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding in a line: the verdict, the count, the shape and the claim.

    ``unit`` is what was counted: "seeds", or "pairs" of runs of two arms. Of a claim about a range
    of settings, ``place`` is the value of the one that was counted. ``remark`` says what the word
    means for the option, where that is not plain.
    """

    word: str
    k: int
    n: int
    low: float
    high: float
    shape_title: str
    shape_words: str
    quantifier_text: str
    unit: str = "seeds"
    place: str = ""
    remark: str = ""

    @property
    def count_text(self) -> str:
        count = self._plain_count
        if not self.place:
            return count
        return gettext("%(count)s at %(value)s", count=count, value=self.place)

    @property
    def _plain_count(self) -> str:
        if self.unit == "pairs":
            return ngettext("%(k)s of %(num)s pair", "%(k)s of %(num)s pairs", self.n, k=self.k)
        return ngettext("%(k)s of %(num)s seed", "%(k)s of %(num)s seeds", self.n, k=self.k)

    @property
    def interval_text(self) -> str:
        """The interval in per cent, rounded outwards so that it never looks tighter than it is."""
        bounds = {"low": math.floor(100 * self.low), "high": math.ceil(100 * self.high)}
        if self.unit == "pairs":
            return gettext("95\u00a0%% interval %(low)s to %(high)s\u00a0%% of pairs", **bounds)
        return gettext("95\u00a0%% interval %(low)s to %(high)s\u00a0%% of seeds", **bounds)


@dataclass(frozen=True, slots=True)
class OptionEvidence:
    """The evidence of one option: verdicts (at least one), charts and their texts.

    ``number`` counts the settings of the question's findings, from 0. ``versus`` are the arms that
    it is compared with: the index that gives the colour, the label. ``changed_knobs`` are those of
    the setting that stand elsewhere than the arm puts them. ``draw_charts(ident)`` gives the large
    charts, with all replicas; ``ident`` must be unique in the page. Where ``is_drawn`` is false,
    the setting is kept back: verdicts and sentence are all that is shown.
    """

    number: int
    arm: str
    arm_index: int
    arm_label: str
    changed_knobs: Mapping[str, float]
    small_svg: Markup
    draw_charts: Callable[[str], Markup]
    verdicts: tuple[FindingView, ...]
    setting_text: str
    sentence: str
    tried: TestedRange | None = None
    versus: tuple[tuple[int, str], ...] = ()
    is_drawn: bool = True

    @property
    def setting_link(self) -> str:
        """The setting as links to a bench say it."""
        knobs = (f",{name}:{value!r}" for name, value in self.changed_knobs.items())
        return f"#run=arm:{self.arm}{''.join(knobs)}"


@dataclass(frozen=True, slots=True)
class TestedRange:
    """The settings of a claim's range: how many of ``n`` replicas show the shape at each value.

    Each row is the value, the count, and whether the chart shows that setting.
    """

    knob: str
    shape: str
    n: int
    rows: Sequence[tuple[str, int, bool]]
    unit: str = "seeds"

    @property
    def caption(self) -> str:
        if self.unit == "pairs":
            return gettext("Pairs of %(n)s that show it, by %(knob)s", n=self.n, knob=self.knob)
        return gettext("Seeds of %(n)s that show it, by %(knob)s", n=self.n, knob=self.knob)


def option_evidence(
    evidence: Evidence,
    findings: Sequence[Finding],
    described: DescribedPoints,
    number: int,
    *,
    is_drawn: bool = True,
    is_right: bool | None = None,
) -> OptionEvidence:
    """The view of findings about one option that rest on the same setting (at least one).

    ``is_right`` says whether the option is, where that may be told: verdicts that the option's mark
    alone would not explain then say how they bear on it.

    ``described`` is the question's curve, as shares of the run and of the loss at its start. Each
    series that is judged, and each arm that is compared with, has a chart of its own; the numbers
    that a series is compared with are lines in its chart. The small picture is of the first.
    """
    first = findings[0]
    description = evidence.experiments[first.simulation].description
    ensemble = evidence.ensemble_of(first)
    index, arm = find_arm(description, ensemble.arm)
    by_chart = {chart_key(finding): finding for finding in reversed(findings)}
    chart_findings = [by_chart[key] for key in dict.fromkeys(map(chart_key, findings))]
    finding_charts = [
        finding_chart(
            evidence,
            finding,
            described,
            chart_levels(f for f in findings if chart_key(f) == chart_key(finding)),
        )
        for finding in (chart_findings if is_drawn else ())
    ]
    worded_findings = [
        finding for finding in findings if finding in chart_findings or finding.value is not None
    ]
    compared_names = dict.fromkeys(f.versus for f in findings if f.versus is not None)
    others = [find_arm(description, name) for name in compared_names]
    return OptionEvidence(
        number=number,
        arm=arm.name,
        arm_index=index,
        arm_label=arm.label,
        changed_knobs={
            name: value for name, value in ensemble.knobs.items() if arm.knobs.get(name) != value
        },
        small_svg=finding_charts[0].draw_small() if finding_charts else Markup(),
        draw_charts=functools.partial(draw_charts, finding_charts),
        verdicts=_verdicts(description, findings, ensemble, is_drawn=is_drawn, is_right=is_right),
        setting_text=_setting_text(description, ensemble),
        sentence=_join_sentences(
            [
                sentence
                for finding in worded_findings
                for sentence in finding_sentences(finding, ensemble)
            ]
        ),
        tried=next(
            (_tested_range(description, f, ensemble) for f in findings if len(f.tried) > 1), None
        ),
        versus=tuple((other_index, other.label) for other_index, other in others),
        is_drawn=is_drawn,
    )


def _verdicts(
    description: Description,
    findings: Sequence[Finding],
    ensemble: Ensemble,
    *,
    is_drawn: bool,
    is_right: bool | None,
) -> tuple[FindingView, ...]:
    """The findings as lines, each of which can be told from the others."""
    views = [_finding_view(description, finding) for finding in findings]
    titles = Counter(view.shape_title for view in views)
    return tuple(
        replace(
            view,
            place=_place_text(description, finding, ensemble) if is_drawn else "",
            remark=view.quantifier_text
            if titles[view.shape_title] > 1 and is_drawn
            else _remark(finding, is_right),
        )
        for view, finding in zip(views, findings, strict=True)
    )


def _place_text(description: Description, finding: Finding, ensemble: Ensemble) -> str:
    """The values of the swept knobs at the setting that was counted; "" for a claim without any."""
    knobs = {knob.name: knob for knob in description.knobs}
    return ", ".join(_value_text(knobs[name], ensemble.knobs[name]) for name in finding.over)


def _remark(finding: Finding, is_right: bool | None) -> str:
    """How a verdict bears on its option, where the option's mark alone would not explain it."""
    if is_right and finding.expected == "refuted":
        return gettext("as the option says")
    if is_right is False and finding.expected == "supported":
        return gettext("this much is so")
    return ""


def _join_sentences(sentences: Sequence[str]) -> str:
    """The sentences in their order, without those that another one begins with or repeats."""
    distinct = list(dict.fromkeys(sentences))
    return " ".join(
        sentence
        for sentence in distinct
        if not any(other != sentence and other.startswith(sentence) for other in distinct)
    )


def _finding_view(description: Description, finding: Finding) -> FindingView:
    shape = shapes_for(finding.versus, finding.value)[finding.shape]
    unit = "seeds" if finding.versus is None else "pairs"
    title = shape.title if finding.value is None else title_with_value(shape.title, finding.value)
    if finding.versus is not None:
        title = f"{title} “{find_arm(description, finding.versus)[1].label}”"
    if finding.series is not None:
        title = f"{title} ({description.series[finding.series].label})"
    share = _share_text(finding.at_least, unit)
    if finding.quantifier == "will":
        text = gettext("claimed for every setting below, in %(share)s", share=share)
    elif finding.over:
        text = gettext("claimed for some setting below, in %(share)s", share=share)
    else:
        text = gettext("claimed for %(share)s", share=share)
    return FindingView(
        VERDICT_WORDS[finding.verdict],
        finding.k,
        finding.n,
        finding.low,
        finding.high,
        title,
        shape.definition,
        text,
        unit,
    )


def _share_text(at_least: float, unit: str) -> str:
    if at_least == 0.5:
        return gettext("most of the pairs") if unit == "pairs" else gettext("most of the seeds")
    percent = f"{100 * at_least:g}"
    if unit == "pairs":
        return gettext("at least %(percent)s %% of the pairs", percent=percent)
    return gettext("at least %(percent)s %% of the seeds", percent=percent)


def _tested_range(description: Description, finding: Finding, ensemble: Ensemble) -> TestedRange:
    names = list(finding.over)
    knobs = {knob.name: knob for knob in description.knobs}
    labels = [knob.label for name, knob in knobs.items() if name in names]
    rows = [
        (
            ", ".join(_value_text(knobs[name], setting.knobs[name]) for name in names),
            setting.k,
            all(ensemble.knobs[name] == setting.knobs[name] for name in names),
        )
        for setting in finding.tried
    ]
    finding_view = _finding_view(description, finding)
    return TestedRange(
        ", ".join(labels), finding_view.shape_title, finding.n, rows, finding_view.unit
    )


def _setting_text(description: Description, ensemble: Ensemble) -> str:
    """The knobs that differ from the defaults, in words."""
    turned = [
        gettext(
            "%(knob)s %(value)s (otherwise %(usual)s)",
            knob=knob.label,
            value=knob.value_text(ensemble.knobs[knob.name]),
            usual=_value_text(knob, knob.default),
        )
        for knob in description.knobs
        if ensemble.knobs[knob.name] != knob.default
    ]
    return "; ".join(turned) or gettext("every knob at its default")


def _value_text(knob: Knob, value: float) -> str:
    """A value without its unit, which is written once for all of them."""
    return knob.value_text(value) if knob.choices else f"{value:g}"
