"""``Simulation``, which an author's file makes together with its training function. No torch.

An author writes one Python file a simulation. It makes one ``Simulation`` and decorates one
generator function with ``@simulation.train``; ``quizserver.lab.ensemble`` calls that function with
all replicas of all settings at once. What can be checked without training is checked when the
``Simulation`` is made, so that ``quizserver check`` can report it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from quizserver.lab.model import (
    Arm,
    Axis,
    Description,
    Knob,
    KnobError,
    Map,
    SimulationError,
    check_knobs,
    default_setting,
)

Train = Callable[[Any], Iterator[tuple[float, Mapping[str, Any]]]]

DTYPES = ("float16", "bfloat16", "float32", "float64")


class Simulation:
    """An experiment: its knobs, its arms, its series, and the function that trains an ensemble.

    ``points`` is how many times ``train`` yields; the engine stops after that. ``dtype`` is
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
        if not (series and isinstance(series, Mapping)):
            raise SimulationError('there is no series: name one, such as {"loss": Axis("loss")}')
        for name, axis in {"x": x, **dict(series)}.items():
            if not isinstance(axis, Axis):
                raise SimulationError(f'{name} is {axis!r}, not an Axis: write Axis("its label")')
        if dtype not in DTYPES:
            raise SimulationError(f"dtype is {dtype!r}, not one of {', '.join(DTYPES)}")
        _check_unique("knob", [knob.name for knob in knobs])
        _check_unique("arm", [arm.name for arm in arms])
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

    def start_training(self, replicas: Any) -> Iterator[tuple[float, Mapping[str, Any]]]:
        """The author's generator over ``replicas``; it trains nothing until its first ``next``."""
        if self._train is None:
            raise SimulationError("no function is decorated with @simulation.train")
        return iter(self._train(replicas))

    @property
    def train_function(self) -> Train | None:
        """The function that was decorated with ``train``."""
        return self._train

    @property
    def has_train(self) -> bool:
        return self._train is not None

    def arm(self, name: str) -> Arm:
        """The arm of that name with its full setting; raises ``KeyError`` with those there are."""
        return self.describe().arm(name)

    def check_knobs(self, values: Mapping[str, object]) -> dict[str, float]:
        """A full setting from ``values``; see ``model.check_knobs``."""
        return check_knobs(self.knobs, values)

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
    # The shapes import numpy, which the web process does not load.
    from quizserver.lab.map_checks import checked_maps

    return checked_maps(maps, knobs, arms, series)


def _check_unique(kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SimulationError(f"two {kind}s are named {name!r}")


def _full_arms(knobs: tuple[Knob, ...], arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Each arm with its full setting. A base must come before the arms that build on it."""
    if not arms:
        raise SimulationError("there is no arm: name at least the healthy run")
    full: dict[str, Arm] = {}
    for arm in arms:
        if arm.base is not None and arm.base not in full:
            raise SimulationError(f"arm {arm.name}: its base {arm.base!r} is no arm above it")
        base = default_setting(knobs) if arm.base is None else dict(full[arm.base].knobs)
        try:
            setting = check_knobs(knobs, {**base, **arm.knobs})
        except KnobError as error:
            raise SimulationError(f"arm {arm.name}: {error.message}") from None
        changed = [name for name, value in setting.items() if value != base[name]]
        base_text = "the defaults" if arm.base is None else f"its base {arm.base!r}"
        if len(changed) > 1:
            raise SimulationError(
                f"arm {arm.name} differs from {base_text} in {' and '.join(changed)}: "
                "an arm turns exactly one knob (set base= to the arm it builds on)"
            )
        if not changed and (arm.base is not None or any(a.knobs == setting for a in full.values())):
            raise SimulationError(f"arm {arm.name} does not differ from {base_text}: turn one knob")
        full[arm.name] = Arm(arm.name, arm.label, setting, arm.base, arm.help)
    return tuple(full.values())
