"""Example claims, topics and evidence; ``FALLING`` is a simulation whose counts are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quizserver.evidence.record import Band, Ensemble, Evidence, Experiment, Finding, GridCount
from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint
from quizserver.lab.model import Arm, Axis, Description, Knob
from quizserver.topics.deferred import Deferred
from quizserver.topics.model import Claim, KnobValues, Question, QuestionHtml, Topic
from quizserver.topics.question import parse_question

PLACEHOLDER = "# the text of a simulation\n"


def example_description(fingerprint: str = "") -> Description:
    return Description(
        title="Test",
        summary="",
        knobs=(Knob("rate", "Rate", 0.1, 12345.678, default=0.123456789),),
        arms=(Arm("healthy", "Healthy", {"rate": 0.123456789}),),
        x=Axis("epoch"),
        series={"loss": Axis("loss")},
        points=3,
        fingerprint=fingerprint,
    )


def example_ensemble(replicas: int = 2, points: int = 3) -> Ensemble:
    values = (0.123456, None, *[1234.5678] * (points - 2))
    return Ensemble(
        arm="healthy",
        knobs={"rate": 0.123456789},
        n=64,
        series={"loss": Band(values, values, values, (values,) * replicas)},
        sentence="It falls.",
    )


def example_finding(question: str = "one", option: str | None = "a", **other: Any) -> Finding:
    fields: dict[str, Any] = {
        "question": question, "option": option, "simulation": "simulation", "arm": "healthy",
        "shape": "flat", "quantifier": "could", "at_least": 0.5, "over": {"rate": (0.2, 0.3)},
        "expected": "supported", "k": 63, "n": 64, "low": 0.9166781, "high": 0.9972,
        "verdict": "supported", "ensemble": "healthy rate=0.2",
        "tried": (GridCount({"rate": 0.2}, 63), GridCount({"rate": 0.3}, 1)), **other,
    }  # fmt: skip
    return Finding(**fields)


def example_evidence(fingerprint: str = "", **other: Any) -> Evidence:
    fields: dict[str, Any] = {
        "format": 1,
        "topic": "test",
        "first": 0,
        "last": 63,
        "made_with": {"engine": ENGINE_VERSION, "torch": "2"},
        "experiments": {
            "simulation": Experiment(
                example_description(fingerprint),
                (0.0, 12345.5, 500000.0),
                {
                    "healthy": example_ensemble(),
                    "healthy rate=0.2": example_ensemble(),
                    "unused": example_ensemble(),
                },
            )
        },
        "findings": (example_finding(), example_finding("two", None, over={}, ensemble="healthy")),
        **other,
    }
    return Evidence(**fields)


def example_claim(option: str | None, **other: Any) -> Claim:
    fields: dict[str, Any] = {
        "option": option, "arm": "healthy", "shape": "flat", "quantifier": "could",
        "at_least": 0.5, "over": (KnobValues("rate", (0.2, 0.3)),), "expected": "supported",
        "line": 1, **other,
    }  # fmt: skip
    return Claim(**fields)


def example_question(name: str, claims: tuple[Claim, ...]) -> Question:
    return Question(
        id=name, topic="test", title="", option_ids=(), right_ids=frozenset(), hint_count=0,
        tags=(), shuffle=True, reveal="tried", simulation="simulation", claims=claims,
        described_curve=(),
        version="", path="", parsed=parse_question("", ""),
        html=Deferred.of(QuestionHtml("", (), (), None, None)), graded=Deferred.of(""),
    )  # fmt: skip


def example_topic(folder: Path, questions: tuple[Question, ...] | None = None) -> Topic:
    path = folder / "simulation.py"
    if not path.exists():
        path.write_text(PLACEHOLDER, encoding="utf-8")
    if questions is None:
        questions = (
            example_question("one", (example_claim("a"),)),
            example_question("two", (example_claim(None, over=()),)),
        )
    return Topic("test", "Test", "", None, questions, {"simulation": path}, folder)


def fresh_topic(folder: Path) -> tuple[Topic, Evidence]:
    """A topic, and evidence that was recorded with its simulation as it is."""
    current = example_topic(folder)
    return current, example_evidence(file_fingerprint(current.simulations["simulation"]))


# Each replica falls at its knob's rate; "luck" makes some seeds stay flat instead, "overflow"
# makes every replica overflow halfway.
FALLING = """\
import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "Falling",
    knobs=[
        Knob("rate", "Rate", 0, 1, default=0.5),
        Knob("luck", "Luck", 0, 1, default=1),
        Knob("overflow", "Overflow", 0, 1, default=0),
    ],
    arms=[
        Arm("healthy", "Healthy"),
        Arm("still", "Still", {"rate": 0}),
        Arm("unlucky", "Unlucky", {"luck": 0.5}),
        Arm("overflow", "Overflow", {"overflow": 1}),
    ],
    x=Axis("step"),
    series={"loss": Axis("loss"), "twice": Axis("twice the loss")},
    points=11,
)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    lucky = (replicas.rand(1).flatten() < knobs.luck).float()
    for step in range(11):
        loss = torch.exp(-knobs.rate * lucky * step)
        if step > 5:
            loss = loss + torch.where(knobs.overflow > 0.5, torch.inf, 0.0)
        yield step, {"loss": loss, "twice": 2 * loss}
"""


# x to 4 x (1 − x) is chaotic: after 60 times, which half x lies in is decided by the last places.
LOGISTIC = """\
import torch

from quizserver.lab import Arm, Axis, Knob, Simulation

simulation = Simulation(
    "The logistic map",
    knobs=[Knob("growth", "Growth", 0, 4, default=4)],
    arms=[Arm("chaotic", "Growth 4"), Arm("calm", "Growth 2.5", {"growth": 2.5})],
    x=Axis("step"),
    series={"x": Axis("x")},
    points=61,
)


@simulation.train
def train(replicas):
    x = replicas.rand(1).flatten()
    for step in range(simulation.points):
        yield step, {"x": x}
        x = replicas.knobs.growth * x * (1 - x)
"""


def write_topic(folder: Path, claims: Sequence[Claim], source: str = FALLING) -> Topic:
    (folder / "simulation.py").write_text(source, encoding="utf-8")
    return example_topic(folder, (example_question("one", tuple(claims)),))


def claim_about(
    arm: str, shape: str, *, over: dict[str, tuple[float, ...]] | None = None, **other: Any
) -> Claim:
    sweeps = tuple(KnobValues(knob, values) for knob, values in (over or {}).items())
    return example_claim("a", **{"arm": arm, "shape": shape, "over": sweeps, **other})
