"""What a shape compares a curve with: its own start, another arm's curve, or a number.

A claim says which by what it holds: ``versus`` names another arm, ``value`` a number, and with
neither the shape is about the curve by itself. One name may stand for a shape of two kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from quizserver.lab.levels import LEVEL_SHAPES, LevelShape
from quizserver.lab.pairs import PAIR_SHAPES, PairShape
from quizserver.lab.shapes import SHAPES, Shape

KNOWN = tuple(dict.fromkeys((*SHAPES, *PAIR_SHAPES, *LEVEL_SHAPES)))
"""The names of all shapes."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a claim's shape cannot be judged: at which ``key`` of the claim, and what to do."""

    code: str
    key: Literal["shape", "versus", "value"]
    message: str
    hint: str


def fitting(
    versus: str | None, value: float | None
) -> Mapping[str, Shape] | Mapping[str, PairShape] | Mapping[str, LevelShape]:
    """The shapes of a claim that compares with ``versus``, with ``value``, or with neither."""
    if versus is not None:
        return PAIR_SHAPES
    return SHAPES if value is None else LEVEL_SHAPES


def misfit(shape: str, arm: str, versus: str | None, value: float | None) -> Misfit | None:
    """What is wrong with a claim's shape beside what it is compared with; None: nothing."""
    if shape not in KNOWN:
        hint = f"There are {', '.join(KNOWN)}."
        return Misfit("unknown-shape", "shape", f'There is no shape "{shape}".', hint)
    if versus is not None and value is not None:
        message = "The claim compares with another arm and with a number."
        return Misfit("versus-and-value", "value", message, "Take versus or value out.")
    if shape not in fitting(versus, value):
        return _lacking(shape) if versus is None and value is None else _unfit(shape, versus)
    if versus == arm:
        message = f'The claim compares the arm "{arm}" with itself.'
        return Misfit("versus-itself", "versus", message, "Name another arm.")
    return None


def _lacking(shape: str) -> Misfit:
    """A shape that compares, in a claim that does not say with what."""
    if shape not in PAIR_SHAPES:
        message = f'The shape "{shape}" compares with a number, but the claim gives none.'
        return Misfit("level-without-value", "shape", message, "Add value: and the number.")
    if shape not in LEVEL_SHAPES:
        message = f'The shape "{shape}" compares two arms, but the claim names one.'
        return Misfit("pair-without-versus", "shape", message, "Add versus: and the other arm.")
    message = f'The shape "{shape}" compares with another arm or a number; the claim says neither.'
    hint = "Add versus: and the other arm, or value: and the number."
    return Misfit("compared-with-nothing", "shape", message, hint)


def _unfit(shape: str, versus: str | None) -> Misfit:
    """A claim that says what to compare with, and a shape that does not compare with that."""
    if versus is not None:
        message = f'The shape "{shape}" is about one curve, but the claim names two arms.'
        hint = f"Take versus out, or take a shape of two curves: {', '.join(PAIR_SHAPES)}."
        return Misfit("versus-without-pair", "versus", message, hint)
    message = f'The shape "{shape}" does not compare with a number, but the claim gives one.'
    hint = f"Take value out, or take a shape beside a number: {', '.join(LEVEL_SHAPES)}."
    return Misfit("value-without-level", "value", message, hint)
