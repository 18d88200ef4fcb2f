"""Checks the maps that a simulation declares. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from quizserver.lab.model import Arm, Axis, Knob, KnobError, Map, SimulationError
from quizserver.lab.shapes.pair import PAIR_SHAPES
from quizserver.lab.shapes.single import SHAPES

Span = tuple[float, float]


def checked_maps(
    maps: Iterable[Map], knobs: Sequence[Knob], arms: Sequence[Arm], series: Mapping[str, Axis]
) -> tuple[Map, ...]:
    """The maps, their ranges as pairs of floats; raises ``SimulationError`` for the first bad one.

    Two maps are equal when they would count the same thing, whether an arm or a series is named or
    is the first one, and which of the two knobs is called x.
    """
    knobs_by_name = {knob.name: knob for knob in knobs}
    checked: list[Map] = []
    for declared in maps:
        if not isinstance(declared, Map):
            raise SimulationError(f"maps holds {declared!r}: write Map(x, y, shape)")
        where = f"map {declared.x} × {declared.y}"
        for name in (declared.x, declared.y):
            if name not in knobs_by_name:
                _raise_missing(where, "knob", name, knobs_by_name)
        if declared.x == declared.y:
            raise SimulationError(f"{where}: a map needs two different knobs")
        _check_shape(where, declared.shape)
        if declared.arm is not None and declared.arm not in {arm.name for arm in arms}:
            _raise_missing(where, "arm", declared.arm, [arm.name for arm in arms])
        if declared.series is not None and declared.series not in series:
            _raise_missing(where, "series", declared.series, series)
        complete = replace(
            declared,
            x_range=_checked_span(where, "x_range", knobs_by_name[declared.x], declared.x_range),
            y_range=_checked_span(where, "y_range", knobs_by_name[declared.y], declared.y_range),
        )
        identity = _map_identity(complete, knobs_by_name, arms, series)
        if any(_map_identity(other, knobs_by_name, arms, series) == identity for other in checked):
            raise SimulationError(f"{where}: two maps of {declared.shape} are the same")
        checked.append(complete)
    return tuple(checked)


def _raise_missing(where: str, kind: str, name: str, names: Iterable[str]) -> None:
    raise SimulationError(f"{where}: there is no {kind} {name!r}; there are {', '.join(names)}")


def _check_shape(where: str, shape: str) -> None:
    if shape in PAIR_SHAPES:
        raise SimulationError(
            f"{where}: {shape} compares two arms, and a map counts a shape of one curve; "
            f"there are {', '.join(SHAPES)}"
        )
    if shape not in SHAPES:
        _raise_missing(where, "shape", shape, SHAPES)


def _checked_span(where: str, which: str, knob: Knob, span: Sequence[float] | None) -> Span | None:
    if span is None:
        return None
    if not isinstance(span, tuple | list) or len(span) != 2:
        raise SimulationError(f"{where}: {which} is {span!r}: write two numbers, (low, high)")
    try:
        low, high = (knob.check_value(end) for end in span)
    except KnobError as error:
        raise SimulationError(f"{where}: {which}: {error.message}") from None
    if low >= high:
        raise SimulationError(f"{where}: {which}: low ({low:g}) must be below high ({high:g})")
    return low, high


def _map_identity(
    declared: Map, knobs: Mapping[str, Knob], arms: Sequence[Arm], series: Mapping[str, Axis]
) -> tuple[object, ...]:
    """What a map counts, in one form for all ways to write it."""
    axes = {
        name: span or (knobs[name].low, knobs[name].high)
        for name, span in ((declared.x, declared.x_range), (declared.y, declared.y_range))
    }
    arm = arms[0].name if declared.arm is None else declared.arm
    return axes, declared.shape, arm, declared.series or next(iter(series))
