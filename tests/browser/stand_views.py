"""What the stand shows: views of the real builders, on evidence that is made up here.

A simulation with four knobs, three arms and two maps, and a question with two options about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

from quizserver.attempts.model import Attempt
from quizserver.attempts.views import OptionView, QuestionView, ResultView
from quizserver.evidence.record import Band, Ensemble, Evidence, Experiment, Finding, GridCount
from quizserver.lab.model import Arm, Axis, Description, Knob, Map
from quizserver.lab.phase_maps import build_plane, phase_map_from_counts
from quizserver.lab_views.bench import BenchUrls, BenchView, bench_view
from quizserver.lab_views.bench_builder import DeferredBench
from quizserver.lab_views.evidence import OptionEvidence
from quizserver.lab_views.phase_map import MapsView, maps_view
from quizserver.lab_views.recorded_arm import RecordedArm, arm_views, recorded_arm
from quizserver.lab_views.topic_evidence import evidence_by_option
from quizserver.web.charts import draw_described_chart
from quizserver.web.fragments import FragmentKey

SIMULATION = "simulation"
SEEDS = 64
X = list(range(61))
FALL = [round(0.7 if x < 30 else 0.7 - 0.65 * (x - 30) / 30, 4) for x in X]
STEADY = [round(0.7 - 0.69 * x / 60, 4) for x in X]
DESCRIBED = ((0.0, 1.0), (0.5, 0.98), (0.7, 0.5), (1.0, 0.1))
TABLE = '<table><tr><td>rate</td><td align="right">0.3</td></tr></table>'
STEM = f"<p>Which of them could it be?</p>{TABLE}"
DEFAULTS = {"learning_rate": 0.3, "momentum": 0.0, "hidden": 64.0, "unit": 0.0}
LOW_RATE = DEFAULTS | {"learning_rate": 0.06}
KNOBS = (
    Knob("learning_rate", "Learning rate", 0.001, 10, 0.3, scale="log", help="Help."),
    Knob("momentum", "Momentum", 0, 0.99, 0.0, help="Help."),
    Knob("hidden", "Hidden units", 4, 256, 64, scale="log", integer=True, help="Help."),
    Knob(
        "unit", "Activation", 0, 2, 0, integer=True, choices=("tanh", "ReLU", "GELU"), help="Help."
    ),
)
DESCRIPTION = Description(
    title="Simulation",
    summary="What it trains.",
    knobs=KNOBS,
    arms=(
        Arm("healthy", "healthy run", DEFAULTS),
        Arm("low-rate", "learning rate × 0.2", LOW_RATE),
        Arm("unseen", "nobody recorded it", DEFAULTS | {"learning_rate": 1.0}),
    ),
    x=Axis("epoch"),
    series={"loss": Axis("loss", "nats")},
    points=len(X),
    fingerprint="f",
    maps=(
        Map("learning_rate", "momentum", "plateau-then-drop"),
        Map("learning_rate", "unit", "flat", arm="low-rate"),
    ),
)
# 12 x 12 cells and 12 x 3: more replicas show the shape the further up and to the right a cell is.
MAPS = tuple(
    phase_map_from_counts(
        asked, {cell: sum(divmod(cell, 12)) % 9 for cell in range(asked.cell_count)}
    )
    for asked in (build_plane(DESCRIPTION, wanted, side=12) for wanted in DESCRIPTION.maps)
)


def _ensemble(arm: str, knobs: Mapping[str, float], values: list[float], sentence: str) -> Ensemble:
    line = tuple(values)
    band = Band(line, line, line, (line, tuple(0.9 * value for value in values)))
    return Ensemble(arm, knobs, SEEDS, {"loss": band}, sentence)


def _finding(option: str | None, arm: str, shape: str, k: int, **more: object) -> Finding:
    supported = k > SEEDS / 2
    found = {
        "question": "q",
        "option": option,
        "simulation": SIMULATION,
        "arm": arm,
        "shape": shape,
        "quantifier": "could",
        "at_least": 0.5,
        "expected": "supported" if supported else "refuted",
        "k": k,
        "n": SEEDS,
        "low": max(0.0, k / SEEDS - 0.06),
        "high": min(1.0, k / SEEDS + 0.06),
        "verdict": "supported" if supported else "refuted",
        "ensemble": arm,
    }
    return Finding(**found | more)  # type: ignore[arg-type]


TRIED_RATES = tuple(0.06 * n / 9 for n in range(1, 10))
EVIDENCE = Evidence(
    format=1,
    topic="t",
    first=0,
    last=SEEDS - 1,
    made_with={},
    experiments={
        SIMULATION: Experiment(
            DESCRIPTION,
            tuple(map(float, X)),
            {
                "low-rate": _ensemble("low-rate", LOW_RATE, FALL, "It falls late."),
                "healthy": _ensemble("healthy", DEFAULTS, STEADY, "It falls at once."),
            },
            MAPS,
        )
    },
    findings=(
        _finding(
            "low",
            "low-rate",
            "plateau-then-drop",
            63,
            over={"learning_rate": TRIED_RATES},
            tried=tuple(
                GridCount({"learning_rate": rate}, 7 * n) for n, rate in enumerate(TRIED_RATES, 1)
            ),
        ),
        _finding("high", "healthy", "plateau-then-drop", 0),
        _finding(None, "healthy", "steady-decrease", 64),
    ),
)
QUESTION = SimpleNamespace(id="q", title="A puzzle about a curve", described_curve=DESCRIBED)
TOPIC = SimpleNamespace(id="t", title="Topic")


def create_bench(live_urls: Mapping[str, object] | None, *, is_recorded: bool) -> BenchView:
    """The bench as a question's page has it, with two of its three arms recorded, or none."""
    urls = BenchUrls(
        runs="/runs",
        source="/source",
        recorded="/recorded",
        maps="/maps",
        arm=lambda arm: f"/arms/{arm}",
        live=live_urls,
    )
    return bench_view(
        "t",
        SIMULATION,
        DESCRIPTION,
        EVIDENCE if is_recorded else None,
        urls,
        stale=None,
        arm_name="low-rate",
        described=DESCRIBED,
    )


def create_maps() -> MapsView:
    return maps_view(SIMULATION, DESCRIPTION, EVIDENCE)


def create_recorded_arm(name: str) -> RecordedArm | None:
    view = next(view for view in arm_views(DESCRIPTION) if view.name == name)
    return recorded_arm(DESCRIPTION, EVIDENCE, SIMULATION, view)


def evidence_views() -> Mapping[str | None, Sequence[OptionEvidence]]:
    """What the experiments say of each option; under None what was claimed of none."""
    return evidence_by_option(EVIDENCE, QUESTION)  # type: ignore[arg-type]


def create_question(
    answered: bool,
    hints: int = 0,
    live_urls: Mapping[str, object] | None = None,
    *,
    is_recorded: bool = True,
) -> QuestionView:
    """A question with two options and two hints, before or after its answer."""
    open_view = QuestionView(
        id="q",
        topic="t",
        topic_title="Topic",
        title=QUESTION.title,
        stem_html=STEM,
        multiple=True,
        figure_svg=draw_described_chart(
            ident="described", title="Loss", description="Late fall.", points=DESCRIBED
        ),
        version_code="v",
        number=1,
        opened_token="1.seal",
        options=[OptionView("low", "Too low", False), OptionView("high", "Too high", False)],
        hints=["<p>Think of small steps.</p>", "<p>Think again.</p>"][:hints],
        hints_left=2 - hints,
        more_hints_url=f"/questions/q?hints={hints + 1}",
        again_url="/questions/q?again=1",
    )
    if not answered:
        return open_view
    options = [
        replace(
            option,
            status=status,  # type: ignore[arg-type]
            feedback_html="<p>Because.</p>",
            fragment=FragmentKey(("option", option.id, is_recorded)),
        )
        for option, status in zip(open_view.options, ("right-chosen", "wrong-chosen"), strict=True)
    ]
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    shown = ("low", "high")
    attempt = Attempt("q", "v", 1, shown, shown, False, 0.0, 0, moment, 9.0)
    bench = DeferredBench(
        FragmentKey(("bench", live_urls is not None, is_recorded)),
        lambda: create_bench(live_urls, is_recorded=is_recorded),
        lambda **_: "/bench",
        is_declared=True,
    )
    result = ResultView(False, "You chose one wrong option.", "<p>Why.</p>", "<p>A book.</p>")
    return replace(
        open_view,
        answering=False,
        opened_token="",
        hints=(),
        hints_left=0,
        number=2,
        counts=False,
        options=options,
        result=result,
        history=[attempt],
        bench=bench,
        evidence=evidence_views if is_recorded else dict,
        extra_fragment=FragmentKey(("extra", is_recorded)),
    )
