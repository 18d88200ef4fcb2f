"""What a simulation says about itself: its knobs, its arms and its axes. Imports no torch.

An author writes one Python file a simulation. It makes one ``Simulation`` and decorates one
generator function with ``@simulation.train``; ``quizserver.lab.ensemble`` calls that function with
all replicas of all settings at once. Everything that can be judged without training is judged when
the ``Simulation`` is made, so that ``quizserver check`` can tell the author.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Scale = Literal["linear", "log"]
Train = Callable[[Any], Iterator[tuple[float, Mapping[str, Any]]]]

DTYPES = ("float16", "bfloat16", "float32", "float64")
_KNOB_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_ARM_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


class SimulationError(Exception):
    """A simulation file that cannot be used: what is wrong, and its line where that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class KnobError(ValueError):
    """A setting that a simulation does not allow. ``field`` is the knob's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting a learner may turn, with the range that the server enforces.

    ``low``, ``high`` and ``default`` are in ``unit``; ``scale`` says how a slider runs. Replicas
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
            self.check(self.default)
        except KnobError as error:
            raise SimulationError(f"knob {self.name}: its default is refused. {error}") from None

    def text(self, value: float) -> str:
        """A value as people read it: its name where the knob chooses among kinds."""
        if self.choices:
            return self.choices[round(value - self.low)]
        return f"{value:g} {self.unit}".rstrip()

    def check(self, value: object) -> float:
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
    """A quantity that is drawn: the x of every curve, or one series."""

    label: str
    unit: str = ""
    scale: Scale = "linear"


@dataclass(frozen=True, slots=True)
class Map:
    """A phase map worth recording: two knobs, and the shape to count in each cell of their plane.

    All other knobs stay as in ``arm`` (the first arm when None). A range narrower than the knob's
    own shows the interesting part; ``series`` is the one judged, None the first.
    """

    x: str
    y: str
    shape: str
    arm: str | None = None
    series: str | None = None
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The one knob in which an arm differs from its base."""

    knob: Knob
    before: float
    after: float
    base: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """Everything the web process may know of a simulation file: no code, only data.

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

    def change(self, name: str) -> Change | None:
        """What sets an arm apart from its base; None for the default setting itself."""
        arm = self.arm(name)
        base = _defaults(self.knobs) if arm.base is None else self.arm(arm.base).knobs
        for knob in self.knobs:
            if arm.knobs[knob.name] != base[knob.name]:
                return Change(knob, base[knob.name], arm.knobs[knob.name], arm.base)
        return None


def check_knobs(knobs: Iterable[Knob], given: Mapping[str, object]) -> dict[str, float]:
    """A full setting: ``given`` checked against ``knobs``, the defaults for what it leaves out.

    Raises ``KnobError`` for the first unknown name, value that is no number, or value out of range.
    """
    known = {knob.name: knob for knob in knobs}
    for name in given:
        if name not in known:
            there = ", ".join(known) or "none"
            raise KnobError(str(name), f"There is no knob {name!r}; the knobs are {there}.")
    return {
        name: knob.check(given[name]) if name in given else float(knob.default)
        for name, knob in known.items()
    }


class Simulation:
    """An experiment: what can be set, the named settings, and how one ensemble is trained.

    ``points`` is how many times ``train`` yields; the engine stops asking after that. ``dtype`` is
    the name of the floating-point type that the replicas train in. ``maps`` are the phase maps that
    belong to the evidence. Raises ``SimulationError`` when the parts contradict each other.
    """

    def __init__(
        self,
        title: str,
        *,
        knobs: Sequence[Knob],
        arms: Sequence[Arm],
        x: Axis,
        series: Mapping[str, Axis],
        points: int,
        maps: Sequence[Map] = (),
        summary: str = "",
        dtype: Literal["float16", "bfloat16", "float32", "float64"] = "float32",
    ) -> None:
        if not title.strip():
            raise SimulationError("the title is empty")
        if points < 2:
            raise SimulationError(f"points is {points}: a curve needs at least 2")
        if not series:
            raise SimulationError('there is no series: name one, such as {"loss": Axis("loss")}')
        if dtype not in DTYPES:
            raise SimulationError(f"dtype is {dtype!r}, not one of {', '.join(DTYPES)}")
        _unique("knob", [knob.name for knob in knobs])
        _unique("arm", [arm.name for arm in arms])
        self.title = title
        self.summary = summary
        self.knobs = tuple(knobs)
        self.arms = _full_arms(self.knobs, arms)
        self.x = x
        self.series = dict(series)
        self.points = points
        self.maps = _checked_maps(maps, self.knobs, self.arms, self.series)
        self.dtype = dtype
        self.fingerprint = ""
        self.file: str | None = None
        self.train_line: int | None = None
        self._train: Train | None = None

    def train(self, function: Train) -> Train:
        """Decorator: ``function(replicas)`` yields ``x, {series: one value a replica}``."""
        if self._train is not None:
            raise SimulationError("two functions are decorated with @simulation.train")
        code = getattr(function, "__code__", None)
        if code is not None:
            self.file, self.train_line = code.co_filename, code.co_firstlineno
        self._train = function
        return function

    def start(self, replicas: Any) -> Iterator[tuple[float, Mapping[str, Any]]]:
        """The author's generator over ``replicas``; nothing is trained until it is asked."""
        if self._train is None:
            raise SimulationError("no function is decorated with @simulation.train")
        return iter(self._train(replicas))

    @property
    def trains(self) -> bool:
        return self._train is not None

    def arm(self, name: str) -> Arm:
        """The arm of that name with its full setting; raises ``KeyError`` with those there are."""
        return self.describe().arm(name)

    def check_knobs(self, given: Mapping[str, object]) -> dict[str, float]:
        """See ``check_knobs`` of this module."""
        return check_knobs(self.knobs, given)

    def describe(self) -> Description:
        return Description(
            title=self.title,
            summary=self.summary,
            knobs=self.knobs,
            arms=self.arms,
            x=self.x,
            series=self.series,
            points=self.points,
            fingerprint=self.fingerprint,
            maps=self.maps,
        )


def _checked_maps(
    maps: Sequence[Map], knobs: Sequence[Knob], arms: Sequence[Arm], series: Mapping[str, Axis]
) -> tuple[Map, ...]:
    if not maps:
        return ()
    # knowing the shapes brings numpy, and that module builds on this one
    from quizserver.lab.map_checks import checked_maps

    return checked_maps(maps, knobs, arms, series)


def _unique(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SimulationError(f"two {kind}s are named {name!r}")


def _defaults(knobs: Iterable[Knob]) -> dict[str, float]:
    return {knob.name: float(knob.default) for knob in knobs}


def _full_arms(knobs: tuple[Knob, ...], arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Each arm with its full setting. A base must stand before the arms that build on it."""
    if not arms:
        raise SimulationError("there is no arm: name at least the healthy run")
    full: dict[str, Arm] = {}
    for arm in arms:
        if arm.base is not None and arm.base not in full:
            raise SimulationError(f"arm {arm.name}: its base {arm.base!r} is no arm above it")
        base = _defaults(knobs) if arm.base is None else dict(full[arm.base].knobs)
        try:
            setting = check_knobs(knobs, {**base, **arm.knobs})
        except KnobError as error:
            raise SimulationError(f"arm {arm.name}: {error.message}") from None
        turned = [name for name, value in setting.items() if value != base[name]]
        whose = "the defaults" if arm.base is None else f"its base {arm.base!r}"
        if len(turned) > 1:
            raise SimulationError(
                f"arm {arm.name} differs from {whose} in {' and '.join(turned)}: "
                "an arm turns exactly one knob (set base= to the arm it builds on)"
            )
        if not turned and (arm.base is not None or any(a.knobs == setting for a in full.values())):
            raise SimulationError(f"arm {arm.name} does not differ from {whose}: turn one knob")
        full[arm.name] = Arm(arm.name, arm.label, setting, arm.base, arm.help)
    return tuple(full.values())
