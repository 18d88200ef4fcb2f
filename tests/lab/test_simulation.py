"""A simulation that contradicts itself is refused where it is written, and says why."""

from __future__ import annotations

import math
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.lab.model import Arm, Axis, Knob, KnobError, SimulationError, check_knobs
from quizserver.lab.simulation import Simulation

RATE = Knob("rate", "Learning rate", 0.01, 10, default=0.1, scale="log", unit="1/step")
DECAY = Knob("decay", "Weight decay", 0, 1, default=0)
UNITS = Knob("units", "Units", 1, 64, default=8, integer=True)


def simulation(arms: list[Arm], **other: Any) -> Simulation:
    values: dict[str, Any] = {
        "knobs": [RATE, DECAY, UNITS],
        "arms": arms,
        "x": Axis("epoch"),
        "series": {"loss": Axis("loss")},
        "points": 5,
        **other,
    }
    return Simulation("Test", **values)


HEALTHY = Arm("healthy", "Healthy")


def test_arms_are_filled_up_from_their_base_and_know_their_change() -> None:
    described = simulation(
        [
            HEALTHY,
            Arm("slow", "Slow", {"rate": 0.02}),
            Arm("slow-decay", "Slow with decay", {"decay": 0.5}, base="slow"),
            Arm("fixed", "Fixed", {"rate": 0.1}, base="slow"),
        ]
    ).describe()
    assert [dict(arm.knobs) for arm in described.arms] == [
        {"rate": 0.1, "decay": 0, "units": 8},
        {"rate": 0.02, "decay": 0, "units": 8},
        {"rate": 0.02, "decay": 0.5, "units": 8},
        {"rate": 0.1, "decay": 0, "units": 8},
    ]
    assert described.knob_change("healthy") is None
    slow, mixed = described.knob_change("slow"), described.knob_change("slow-decay")
    assert slow is not None
    assert (slow.knob.name, slow.before, slow.after, slow.base) == ("rate", 0.1, 0.02, None)
    assert mixed is not None
    assert (mixed.knob.name, mixed.before, mixed.after, mixed.base) == ("decay", 0, 0.5, "slow")
    with pytest.raises(KeyError, match="no arm 'fast'; there are healthy, slow"):
        described.arm("fast")


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ([], "there is no arm"),
        ([HEALTHY, HEALTHY], "two arms are named 'healthy'"),
        ([HEALTHY, Arm("a", "A")], "arm a does not differ from the defaults"),
        ([HEALTHY, Arm("a", "A", {"rte": 1})], "arm a: There is no knob 'rte'; the knobs are rate"),
        ([HEALTHY, Arm("a", "A", {"rate": 11})], r"arm a: Learning rate must be between 0\.01 and"),
        ([HEALTHY, Arm("a", "A", {"units": 2.5})], "arm a: Units must be a whole number"),
        (
            [HEALTHY, Arm("a", "A", {"rate": 1, "decay": 1})],
            "arm a differs from the defaults in rate and decay: an arm turns exactly one knob",
        ),
        ([Arm("a", "A", {"rate": 1}, base="b")], "arm a: its base 'b' is no arm above it"),
        (
            [HEALTHY, Arm("a", "A", {"rate": 1}), Arm("b", "B", {"rate": 1}, base="a")],
            "arm b does not differ from its base 'a'",
        ),
    ],
)
def test_arms_that_contradict_the_knobs_are_refused(arms: list[Arm], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        simulation(arms)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"knobs": [RATE, RATE]}, "two knobs are named 'rate'"),
        ({"points": 1}, "points is 1"),
        ({"series": {}}, "no series"),
        ({"series": ["loss"]}, "no series"),
        ({"series": {"loss": "the loss"}}, "loss is 'the loss', not an Axis"),
        ({"x": "epoch"}, "x is 'epoch', not an Axis"),
        ({"dtype": "float8"}, "dtype is 'float8'"),
    ],
)
def test_a_simulation_that_cannot_be_drawn_is_refused(other: dict[str, Any], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        simulation([HEALTHY], **other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Rate", "R", 0, 1, 0), "lower-case letters"),
        (("rate", " ", 0, 1, 0), "label is empty"),
        (("rate", "R", 1, 1, 1), "low .* must be below high"),
        (("rate", "R", 0, math.inf, 1), "low .* must be below high"),
        (("rate", "R", 0, 1, 2), "its default is refused. R must be between 0 and 1, not 2"),
        (("rate", "R", 0, 1, 0.5, "log"), "log scale needs low above 0"),
        (("rate", "R", 0, 1, 0.5, "cubic"), "not linear or log"),
    ],
)
def test_a_knob_that_makes_no_sense_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        Knob(*arguments)


def test_an_arm_needs_a_name_that_can_stand_in_an_address() -> None:
    with pytest.raises(SimulationError, match="letters, digits and hyphens"):
        Arm("Too High", "Too high")


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"rate": 0.0099}, "rate", "Learning rate must be between 0.01 and 10 1/step, not 0.0099."),
        ({"rate": 10.001}, "rate", "must be between"),
        ({"rate": "1"}, "rate", "Learning rate must be a number."),
        ({"rate": True}, "rate", "must be a number"),
        ({"rate": None}, "rate", "must be a number"),
        ({"rate": math.nan}, "rate", "must be a finite number"),
        ({"rate": 10**400}, "rate", "must be a finite number"),
        ({"units": 2.5}, "units", "must be a whole number"),
        ({"speed": 1}, "speed", "There is no knob 'speed'; the knobs are rate, decay, units."),
    ],
)
def test_a_setting_out_of_range_names_its_knob_and_the_reason(
    values: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(KnobError) as error:
        check_knobs([RATE, DECAY, UNITS], values)
    assert error.value.field == field
    assert message in error.value.message


@given(st.dictionaries(st.sampled_from(["rate", "decay", "units"]), st.floats() | st.integers()))
def test_what_is_accepted_is_a_full_setting_within_range(values: dict[str, object]) -> None:
    knobs = [RATE, DECAY, UNITS]
    refused = set()
    for name, value in values.items():
        with suppress(KnobError):
            check_knobs(knobs, {name: value})
            continue
        refused.add(name)
    accepted = {name: value for name, value in values.items() if name not in refused}
    if refused:
        with pytest.raises(KnobError) as error:
            check_knobs(knobs, values)
        assert error.value.field in refused
    setting = check_knobs(knobs, accepted)
    assert list(setting) == ["rate", "decay", "units"]
    assert all(knob.low <= setting[knob.name] <= knob.high for knob in knobs)
    assert all(type(value) is float for value in setting.values())
    assert check_knobs(knobs, setting) == setting


def test_the_ends_of_a_range_belong_to_it() -> None:
    assert check_knobs([RATE], {"rate": 0.01}) == {"rate": 0.01}
    assert check_knobs([RATE], {"rate": 10}) == {"rate": 10.0}


def test_only_one_function_trains() -> None:
    once = simulation([HEALTHY])
    with pytest.raises(SimulationError, match="no function is decorated"):
        once.start_training(None)
    once.train(lambda _replicas: iter([]))
    with pytest.raises(SimulationError, match="two functions"):
        once.train(lambda _replicas: iter([]))


@pytest.mark.parametrize(
    "module",
    [
        "evidence.claims",
        "evidence.record",
        "evidence.report",
        "lab.catalog",
        "lab.curve_text",
        "lab.phase_maps",
        "lab.shapes.single",
        "lab.simulation",
    ],
)
def test_what_the_web_process_needs_imports_no_torch(module: str) -> None:
    code = f"import sys, quizserver.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
