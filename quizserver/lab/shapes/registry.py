"""All shapes by kind: of one curve, of a curve beside another arm's, and beside a number.

A claim with ``versus`` (another arm) has a shape of the second kind, one with ``value`` (a number)
of the third, all others of the first. Two kinds may have a shape of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from quizserver.lab.shapes.pair import PAIR_SHAPES, PairShape
from quizserver.lab.shapes.single import SHAPES, SingleShape
from quizserver.lab.shapes.threshold import THRESHOLD_SHAPES, ThresholdShape

SHAPE_NAMES = tuple(dict.fromkeys((*SHAPES, *PAIR_SHAPES, *THRESHOLD_SHAPES)))
"""The names of all shapes."""


@dataclass(frozen=True, slots=True)
class ShapeMisfit:
    """Why a claim's shape cannot be counted: at which ``key`` of the claim, and what to do."""

    code: str
    key: Literal["shape", "versus", "value"]
    message: str
    hint: str


def shapes_for(
    versus: str | None, value: float | None
) -> Mapping[str, SingleShape] | Mapping[str, PairShape] | Mapping[str, ThresholdShape]:
    """The shapes of a claim that compares with ``versus``, with ``value``, or with neither."""
    if versus is not None:
        return PAIR_SHAPES
    return SHAPES if value is None else THRESHOLD_SHAPES


def find_misfit(
    shape: str, arm: str, versus: str | None, value: float | None
) -> ShapeMisfit | None:
    """The mismatch between a claim's shape and what it is compared with; None if there is none."""
    if shape not in SHAPE_NAMES:
        hint = f"There are {', '.join(SHAPE_NAMES)}."
        return ShapeMisfit("unknown-shape", "shape", f'There is no shape "{shape}".', hint)
    if versus is not None and value is not None:
        message = "The claim compares with another arm and with a number."
        return ShapeMisfit("versus-and-value", "value", message, "Take versus or value out.")
    if shape not in shapes_for(versus, value):
        return (
            _missing_comparison(shape)
            if versus is None and value is None
            else _unfit_comparison(shape, versus)
        )
    if versus == arm:
        message = f'The claim compares the arm "{arm}" with itself.'
        return ShapeMisfit("versus-itself", "versus", message, "Name another arm.")
    return None


def _missing_comparison(shape: str) -> ShapeMisfit:
    """A shape that compares, in a claim without anything to compare with."""
    if shape not in PAIR_SHAPES:
        message = f'The shape "{shape}" compares with a number, but the claim gives none.'
        return ShapeMisfit("level-without-value", "shape", message, "Add value: and the number.")
    if shape not in THRESHOLD_SHAPES:
        message = f'The shape "{shape}" compares two arms, but the claim names one.'
        return ShapeMisfit(
            "pair-without-versus", "shape", message, "Add versus: and the other arm."
        )
    message = f'The shape "{shape}" compares with another arm or a number; the claim says neither.'
    hint = "Add versus: and the other arm, or value: and the number."
    return ShapeMisfit("compared-with-nothing", "shape", message, hint)


def _unfit_comparison(shape: str, versus: str | None) -> ShapeMisfit:
    """A claim with something to compare with, and a shape that does not compare with that."""
    if versus is not None:
        message = f'The shape "{shape}" is about one curve, but the claim names two arms.'
        hint = f"Take versus out, or take a shape of two curves: {', '.join(PAIR_SHAPES)}."
        return ShapeMisfit("versus-without-pair", "versus", message, hint)
    message = f'The shape "{shape}" does not compare with a number, but the claim gives one.'
    hint = f"Take value out, or take a shape beside a number: {', '.join(THRESHOLD_SHAPES)}."
    return ShapeMisfit("value-without-level", "value", message, hint)
