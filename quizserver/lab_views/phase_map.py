"""The view of a recorded phase map. Pure: values in, views out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from quizserver.evidence.record import Evidence
from quizserver.lab.model import Description, Knob, lower_first
from quizserver.lab.phase_maps import CELL_REPLICAS, PhaseMap, Plane, phase_map_sentence
from quizserver.lab.shapes.single import SHAPES
from quizserver.translation import gettext
from quizserver.web import phase_chart


@dataclass(frozen=True, slots=True)
class ArmKey:
    """The arm that a number in the picture stands for; ``index`` is the arm's, for its colour."""

    number: int
    index: int
    label: str


@dataclass(frozen=True, slots=True)
class MapView:
    """One map: its picture, the texts beside it, and the table of its counts.

    ``name`` distinguishes it from the other maps of its bench. ``rule`` is the sentence on when a
    replica counts, ``fixed_knobs`` the text of the other knobs' values, ``levels`` the step of the
    colour scale for each count. ``rows`` are in the order of the picture, the highest value of y
    first; ``config`` is what the script of the bench reads.
    """

    title: str
    name: str
    sentence: str
    rule: str
    fixed_knobs: str
    x: phase_chart.MapAxis
    y: phase_chart.MapAxis
    n: int
    levels: Sequence[int]
    key: Sequence[ArmKey]
    arm_markers: Sequence[phase_chart.ArmMarker]
    config: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        return [_value_label(self.x, index) for index in range(len(self.x.values))]

    @property
    def rows(self) -> list[tuple[str, Sequence[int]]]:
        texts = [_value_label(self.y, index) for index in range(len(self.y.values))]
        return list(zip(texts, self.config["counts"], strict=True))[::-1]

    def render_svg(self, ident: str) -> Markup:
        """The picture; ``ident`` must be unique in the page."""
        x_texts, y_texts = self.columns, [text for text, _ in self.rows]
        return phase_chart.draw_phase_chart(
            ident=ident,
            title=self.title,
            description=gettext(
                "%(sentence)s Across: %(x)s, %(x_low)s to %(x_high)s. "
                "Upwards: %(y)s, %(y_low)s to %(y_high)s.",
                sentence=self.sentence,
                x=self.x.text,
                x_low=x_texts[0],
                x_high=x_texts[-1],
                y=self.y.text,
                y_low=y_texts[-1],
                y_high=y_texts[0],
            ),
            x=self.x,
            y=self.y,
            counts=self.config["counts"],
            replicas=self.n,
            markers=self.arm_markers,
        )


@dataclass(frozen=True, slots=True)
class MapsView:
    """The page of a simulation's maps; ``config`` is the JSON of the recorded ones for the script.

    ``shapes`` and ``series`` are names with titles, for a map on request.
    """

    simulation: str
    title: str
    recorded: Sequence[MapView]
    config: str
    knobs: Sequence[Knob]
    shapes: Sequence[tuple[str, str]]
    series: Sequence[tuple[str, str]]

    @property
    def map_names(self) -> list[str]:
        return [view.name for view in self.recorded]

    @property
    def map_levels(self) -> list[int]:
        return colour_levels(CELL_REPLICAS)


def map_view(description: Description, phase_map: PhaseMap) -> MapView:
    """The view of a map that was recorded with this description."""
    plane = phase_map.plane
    x, y = (
        _axis_side(description, plane.x, plane.x_values),
        _axis_side(description, plane.y, plane.y_values),
    )
    shape = SHAPES[plane.shape]
    axis = description.series[plane.series or next(iter(description.series))]
    counted_text = shape.title if plane.series is None else f"{shape.title} ({axis.label})"
    keys = _arm_keys(description, plane)
    arm_knobs = [description.arms[arm_key.index].knobs for arm_key in keys]
    return MapView(
        title=f"{counted_text}: {lower_first(x.label)} × {lower_first(y.label)}",
        name=f"{x.label} × {lower_first(y.label)}: {lower_first(counted_text)}",
        sentence=phase_map_sentence(phase_map),
        rule=gettext(
            "A replica counts when its %(series)s %(words)s.",
            series=axis.label,
            words=shape.definition,
        ),
        fixed_knobs=_fixed_text(description, plane),
        x=x,
        y=y,
        n=plane.replicas,
        levels=colour_levels(plane.replicas),
        key=keys,
        arm_markers=[
            phase_chart.ArmMarker(knobs[plane.x], knobs[plane.y], arm_key.number, arm_key.index)
            for arm_key, knobs in zip(keys, arm_knobs, strict=True)
        ],
        config={
            "x": plane.x,
            "x_values": plane.x_values,
            "y": plane.y,
            "y_values": plane.y_values,
            "shape": plane.shape,
            "series": plane.series,
            "setting": dict(plane.setting),
            "n": plane.replicas,
            "counts": phase_map.counts,
        },
    )


def colour_levels(n: int) -> list[int]:
    """The step of the colour scale for each count from 0 to ``n``."""
    return [phase_chart.colour_step(count, n) for count in range(n + 1)]


def recorded_maps(
    evidence: Evidence | None, simulation: str, description: Description
) -> list[PhaseMap]:
    """The recorded maps whose knobs are still exactly those of the simulation."""
    experiment = evidence.experiments.get(simulation) if evidence is not None else None
    if experiment is None:
        return []
    return [phase_map for phase_map in experiment.maps if _fits_knobs(description, phase_map)]


def maps_view(simulation: str, description: Description, evidence: Evidence | None) -> MapsView:
    """The maps of a simulation as they are recorded, and what a map on request can be of."""
    phase_maps = recorded_maps(evidence, simulation, description)
    recorded_description = (
        evidence.experiments[simulation].description
        if evidence is not None and phase_maps
        else description
    )
    views = [map_view(recorded_description, phase_map) for phase_map in phase_maps]
    return MapsView(
        simulation=simulation,
        title=description.title,
        recorded=views,
        config=json.dumps([view.config for view in views], separators=(",", ":"), allow_nan=False),
        knobs=description.knobs,
        shapes=[(name, shape.title) for name, shape in SHAPES.items()],
        series=[(name, axis.label) for name, axis in description.series.items()],
    )


def _fits_knobs(description: Description, phase_map: PhaseMap) -> bool:
    """Whether the knobs of a recorded map are still exactly those of the simulation."""
    return phase_map.plane.setting.keys() == {knob.name for knob in description.knobs}


def _axis_side(description: Description, name: str, values: Sequence[float]) -> phase_chart.MapAxis:
    knob = _find_knob(description, name)
    names = [knob.value_text(value) for value in values] if knob.choices else ()
    return phase_chart.MapAxis(knob.label, values, knob.unit, knob.scale, names, knob.integer)


def _find_knob(description: Description, name: str) -> Knob:
    return next(knob for knob in description.knobs if knob.name == name)


def _value_label(side: phase_chart.MapAxis, index: int) -> str:
    return side.names[index] if side.names else f"{side.values[index]:g}"


def _fixed_text(description: Description, plane: Plane) -> str:
    """The text of the other knobs, which are the same in every cell."""
    others = [
        f"{lower_first(knob.label)} {knob.value_text(plane.setting[knob.name])}"
        for knob in description.knobs
        if knob.name not in (plane.x, plane.y)
    ]
    return ", ".join(others)


def _arm_keys(description: Description, plane: Plane) -> list[ArmKey]:
    """The arms in the plane: every other knob is as in the map, these two are within its ranges."""
    keys: list[ArmKey] = []
    ends = {plane.x: plane.x_values, plane.y: plane.y_values}
    for index, arm in enumerate(description.arms):
        others_equal = all(arm.knobs[k] == v for k, v in plane.setting.items() if k not in ends)
        inside = all(values[0] <= arm.knobs[name] <= values[-1] for name, values in ends.items())
        if others_equal and inside:
            keys.append(ArmKey(len(keys) + 1, index, arm.label))
    return keys
