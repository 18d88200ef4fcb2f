"""A simulation as data: knobs, arms, axes, maps and their description. Imports no torch.

What can be checked of one part by itself is checked when it is made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Scale = Literal["linear", "log"]

Backend = Literal["auto", "kernel", "torch"]
"""What trains: "auto" is the kernel for all that it can plan, torch for the rest."""
BACKENDS: tuple[Backend, ...] = get_args(Backend)
DEFAULT_BACKEND: Backend = "auto"

_KNOB_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_ARM_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


class SimulationError(Exception):
    """A simulation file that cannot be used. ``line`` is the line of the file, if known.

    Message and traceback are for the author and the log: they may hold whatever the author's code
    says, but no folder of the machine. ``traceback_text`` is empty where the lab itself objects.
    """

    def __init__(self, message: str, line: int | None = None, traceback_text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.traceback_text = traceback_text


class StaleRequestError(SimulationError):
    """What was to be trained was changed meanwhile; the message is a sentence for learners."""


class ReadingEndedError(SimulationError):
    """A simulation file whose reading took more than it may, or ended the process that read it."""


class KnobError(ValueError):
    """A setting that a simulation does not allow. ``field`` is the knob's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Knob:
    """A number that a learner can set, with the range that the server enforces.

    ``low``, ``high`` and ``default`` are in ``unit``; ``scale`` is that of its slider. Replicas
    with different values train together, each with its own value. An ``integer`` knob counts
    something that shapes the network or the data (units, points, batch size): replicas with
    different values train apart, and ``train`` sees it as a plain ``int``. ``choices`` names the
    values of an integer knob that chooses among kinds (activations, dtypes): one name a value, the
    first for ``low``.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    scale: Scale = "linear"
    unit: str = ""
    integer: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _KNOB_NAME.match(self.name):
            raise SimulationError(
                f"knob {self.name!r}: a name is lower-case letters, digits and underscores"
            )
        if not self.label.strip():
            raise SimulationError(f"knob {self.name}: the label is empty")
        if self.scale not in ("linear", "log"):
            raise SimulationError(f"knob {self.name}: scale is {self.scale!r}, not linear or log")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise SimulationError(
                f"knob {self.name}: low ({self.low:g}) must be below high ({self.high:g})"
            )
        if self.scale == "log" and self.low <= 0:
            raise SimulationError(f"knob {self.name}: a log scale needs low above 0")
        if self.choices and not (self.integer and len(self.choices) == self.high - self.low + 1):
            raise SimulationError(
                f"knob {self.name}: choices name the values of an integer knob from low to high, "
                f"so there must be {self.high - self.low + 1:g}, not {len(self.choices)}"
            )
        try:
            self.check_value(self.default)
        except KnobError as error:
            raise SimulationError(f"knob {self.name}: its default is refused. {error}") from None

    def value_text(self, value: float) -> str:
        """A value as people read it: its name where the knob chooses among kinds."""
        if self.choices:
            return self.choices[round(value - self.low)]
        return f"{value:g} {self.unit}".rstrip()

    def check_value(self, value: object) -> float:
        """``value`` as a number within the range; raises ``KnobError`` with a sentence."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise KnobError(self.name, f"{self.label} must be a number.")
        number = float(value) if abs(value) < 1e300 else math.inf
        if not math.isfinite(number):
            raise KnobError(self.name, f"{self.label} must be a finite number.")
        if not self.low <= number <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise KnobError(
                self.name,
                f"{self.label} must be between {self.low:g} and {self.high:g}{unit}, "
                f"not {number:g}.",
            )
        if self.integer and number != int(number):
            raise KnobError(self.name, f"{self.label} must be a whole number, not {number:g}.")
        return number


@dataclass(frozen=True, slots=True)
class Arm:
    """A named setting: ``base``'s knobs (the defaults when None) with ``knobs`` changed."""

    name: str
    label: str
    knobs: Mapping[str, float] = field(default_factory=dict)
    base: str | None = None
    help: str = ""

    def __post_init__(self) -> None:
        if not _ARM_NAME.match(self.name):
            raise SimulationError(
                f"arm {self.name!r}: a name is lower-case letters, digits and hyphens"
            )
        if not self.label.strip():
            raise SimulationError(f"arm {self.name}: the label is empty")


@dataclass(frozen=True, slots=True)
class Axis:
    """The label, unit and scale of a drawn quantity: the x of every curve, or one series."""

    label: str
    unit: str = ""
    scale: Scale = "linear"


@dataclass(frozen=True, slots=True)
class Map:
    """A phase map worth recording: two knobs, and the shape to count in each cell of their plane.

    All other knobs stay as in ``arm`` (the first arm when None). A range narrower than the knob's
    own shows the interesting part; ``series`` is the one counted, None the first.
    """

    x: str
    y: str
    shape: str
    arm: str | None = None
    series: str | None = None
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class KnobChange:
    """The one knob in which an arm differs from its base."""

    knob: Knob
    before: float
    after: float
    base: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """All that the web process uses of a simulation file: data, no code.

    ``arms`` map each name to its full setting of every knob; ``points`` is how many values of x a
    finished run has.
    """

    title: str
    summary: str
    knobs: tuple[Knob, ...]
    arms: tuple[Arm, ...]
    x: Axis
    series: Mapping[str, Axis]
    points: int
    fingerprint: str
    maps: tuple[Map, ...] = ()

    def arm(self, name: str) -> Arm:
        """The arm of that name; raises ``KeyError`` with the names there are."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise KeyError(f"no arm {name!r}; there are {', '.join(arm.name for arm in self.arms)}")

    def knob_change(self, name: str) -> KnobChange | None:
        """The knob in which an arm differs from its base; None for the default setting itself."""
        arm = self.arm(name)
        base = default_setting(self.knobs) if arm.base is None else self.arm(arm.base).knobs
        for knob in self.knobs:
            if arm.knobs[knob.name] != base[knob.name]:
                return KnobChange(knob, base[knob.name], arm.knobs[knob.name], arm.base)
        return None


def check_knobs(knobs: Iterable[Knob], values: Mapping[str, object]) -> dict[str, float]:
    """A full setting: ``values`` checked against ``knobs``, the defaults for those it leaves out.

    Raises ``KnobError`` for the first unknown name, value that is no number, or value out of range.
    """
    by_name = {knob.name: knob for knob in knobs}
    for name in values:
        if name not in by_name:
            names = ", ".join(by_name) or "none"
            raise KnobError(str(name), f"There is no knob {name!r}; the knobs are {names}.")
    return {
        name: knob.check_value(values[name]) if name in values else float(knob.default)
        for name, knob in by_name.items()
    }


def default_setting(knobs: Iterable[Knob]) -> dict[str, float]:
    """The setting in which every knob has its default."""
    return {knob.name: float(knob.default) for knob in knobs}


def lower_first(label: str) -> str:
    """A label within a sentence; an abbreviation such as “L2 penalty” stays as it is."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
