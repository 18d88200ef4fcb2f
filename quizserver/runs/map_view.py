"""What a page shows of a recorded phase map. Pure: values in, views out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from quizserver.lab.model import Description, Knob
from quizserver.lab.phases import PhaseMap, Plane
from quizserver.lab.shapes import SHAPES
from quizserver.runs import map_words
from quizserver.web import phase_chart


@dataclass(frozen=True, slots=True)
class ArmKey:
    """What a number in the picture stands for; ``index`` is the arm's and gives the colour."""

    number: int
    index: int
    label: str


@dataclass(frozen=True, slots=True)
class MapView:
    """One map: its picture, the words beside it, and the table behind it.

    ``name`` tells it from the other maps of its bench by their knobs. ``rule`` says when a replica
    counts, ``held`` where the other knobs stand, ``levels`` the step of the colour scale for each
    count. ``rows`` stand as in the picture, the highest value of y first; ``config`` is what the
    script of the bench reads.
    """

    title: str
    name: str
    sentence: str
    rule: str
    held: str
    x: phase_chart.Side
    y: phase_chart.Side
    n: int
    levels: Sequence[int]
    key: Sequence[ArmKey]
    marks: Sequence[phase_chart.Mark]
    config: Mapping[str, Any]

    @property
    def columns(self) -> list[str]:
        return [_text(self.x, index) for index in range(len(self.x.values))]

    @property
    def rows(self) -> list[tuple[str, Sequence[int]]]:
        texts = [_text(self.y, index) for index in range(len(self.y.values))]
        return list(zip(texts, self.config["counts"], strict=True))[::-1]

    def svg(self, ident: str) -> Markup:
        """The picture; ``ident`` must be unique in the page."""
        across, up = self.columns, [text for text, _ in self.rows]
        return phase_chart.phase_chart(
            ident=ident,
            title=self.title,
            description=f"{self.sentence} Across: {self.x.text}, {across[0]} to {across[-1]}. "
            f"Upwards: {self.y.text}, {up[-1]} to {up[0]}.",
            x=self.x,
            y=self.y,
            counts=self.config["counts"],
            of=self.n,
            marks=self.marks,
        )


def map_view(description: Description, recorded: PhaseMap) -> MapView:
    """The view of a map that was recorded with this description."""
    plane = recorded.plane
    x, y = _side(description, plane.x, plane.x_values), _side(description, plane.y, plane.y_values)
    shape = SHAPES[plane.shape]
    axis = description.series[plane.series or next(iter(description.series))]
    what = shape.title if plane.series is None else f"{shape.title} ({axis.label})"
    key = _key(description, plane)
    arms = [description.arms[each.index].knobs for each in key]
    return MapView(
        title=f"{what}: {_lower(x.label)} × {_lower(y.label)}",
        name=f"{x.label} × {_lower(y.label)}: {_lower(what)}",
        sentence=map_words.sentence(recorded),
        rule=f"A replica counts when its {axis.label} {shape.words}.",
        held=_held(description, plane),
        x=x,
        y=y,
        n=plane.replicas,
        levels=levels(plane.replicas),
        key=key,
        marks=[
            phase_chart.Mark(knobs[plane.x], knobs[plane.y], each.number, each.index)
            for each, knobs in zip(key, arms, strict=True)
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
            "counts": recorded.counts,
        },
    )


def levels(n: int) -> list[int]:
    """The step of the colour scale for each count from 0 to ``n``."""
    return [phase_chart.level(count, n) for count in range(n + 1)]


def fits(description: Description, recorded: PhaseMap) -> bool:
    """Whether a recorded map still speaks of knobs that there are, and of nothing else."""
    return recorded.plane.setting.keys() == {knob.name for knob in description.knobs}


def _side(description: Description, name: str, values: Sequence[float]) -> phase_chart.Side:
    knob = _knob(description, name)
    names = [knob.text(value) for value in values] if knob.choices else ()
    return phase_chart.Side(knob.label, values, knob.unit, knob.scale, names, knob.integer)


def _knob(description: Description, name: str) -> Knob:
    return next(knob for knob in description.knobs if knob.name == name)


def _text(side: phase_chart.Side, index: int) -> str:
    return side.names[index] if side.names else f"{side.values[index]:g}"


def _held(description: Description, plane: Plane) -> str:
    """The other knobs, which are the same in every cell."""
    others = [
        f"{_lower(knob.label)} {knob.text(plane.setting[knob.name])}"
        for knob in description.knobs
        if knob.name not in (plane.x, plane.y)
    ]
    return ", ".join(others)


def _key(description: Description, plane: Plane) -> list[ArmKey]:
    """The arms that lie in the plane: every other knob as in the map, these two within it."""
    found: list[ArmKey] = []
    ends = {plane.x: plane.x_values, plane.y: plane.y_values}
    for index, arm in enumerate(description.arms):
        held = all(arm.knobs[k] == v for k, v in plane.setting.items() if k not in ends)
        inside = all(values[0] <= arm.knobs[name] <= values[-1] for name, values in ends.items())
        if held and inside:
            found.append(ArmKey(len(found) + 1, index, arm.label))
    return found


def _lower(label: str) -> str:
    """A label within a sentence; an abbreviation such as “L2 penalty” stays as it is."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
