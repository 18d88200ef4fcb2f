"""What can be wrong with the maps that a simulation declares. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from quizserver.lab.model import Arm, Axis, Knob, KnobError, Map, SimulationError
from quizserver.lab.pairs import PAIR_SHAPES
from quizserver.lab.shapes import SHAPES

Span = tuple[float, float]


def checked_maps(
    maps: Iterable[Map], knobs: Sequence[Knob], arms: Sequence[Arm], series: Mapping[str, Axis]
) -> tuple[Map, ...]:
    """The maps, their ranges as pairs of floats; raises ``SimulationError`` for the first bad one.

    Two maps are equal when they would count the same thing, whether an arm or a series is named or
    is the first one, and which of the two knobs is called x.
    """
    known = {knob.name: knob for knob in knobs}
    checked: list[Map] = []
    for wanted in maps:
        if not isinstance(wanted, Map):
            raise SimulationError(f"maps holds {wanted!r}: write Map(x, y, shape)")
        where = f"map {wanted.x} × {wanted.y}"
        for name in (wanted.x, wanted.y):
            if name not in known:
                _missing(where, "knob", name, known)
        if wanted.x == wanted.y:
            raise SimulationError(f"{where}: a map needs two different knobs")
        _check_shape(where, wanted.shape)
        if wanted.arm is not None and wanted.arm not in {arm.name for arm in arms}:
            _missing(where, "arm", wanted.arm, [arm.name for arm in arms])
        if wanted.series is not None and wanted.series not in series:
            _missing(where, "series", wanted.series, series)
        whole = replace(
            wanted,
            x_range=_span(where, "x_range", known[wanted.x], wanted.x_range),
            y_range=_span(where, "y_range", known[wanted.y], wanted.y_range),
        )
        asked = _asks(whole, known, arms, series)
        if any(_asks(other, known, arms, series) == asked for other in checked):
            raise SimulationError(f"{where}: two maps of {wanted.shape} are the same")
        checked.append(whole)
    return tuple(checked)


def _missing(where: str, kind: str, name: str, there: Iterable[str]) -> None:
    raise SimulationError(f"{where}: there is no {kind} {name!r}; there are {', '.join(there)}")


def _check_shape(where: str, shape: str) -> None:
    if shape in PAIR_SHAPES:
        raise SimulationError(
            f"{where}: {shape} compares two arms, and a map counts a shape of one curve; "
            f"there are {', '.join(SHAPES)}"
        )
    if shape not in SHAPES:
        _missing(where, "shape", shape, SHAPES)


def _span(where: str, which: str, knob: Knob, span: Sequence[float] | None) -> Span | None:
    if span is None:
        return None
    if not isinstance(span, tuple | list) or len(span) != 2:
        raise SimulationError(f"{where}: {which} is {span!r}: write two numbers, (low, high)")
    try:
        low, high = (knob.check(end) for end in span)
    except KnobError as error:
        raise SimulationError(f"{where}: {which}: {error.message}") from None
    if low >= high:
        raise SimulationError(f"{where}: {which}: low ({low:g}) must be below high ({high:g})")
    return low, high


def _asks(
    wanted: Map, knobs: Mapping[str, Knob], arms: Sequence[Arm], series: Mapping[str, Axis]
) -> tuple[object, ...]:
    """What a map would count, however it is written."""
    axes = {
        name: span or (knobs[name].low, knobs[name].high)
        for name, span in ((wanted.x, wanted.x_range), (wanted.y, wanted.y_range))
    }
    arm = arms[0].name if wanted.arm is None else wanted.arm
    return axes, wanted.shape, arm, wanted.series or next(iter(series))
