"""Bands of figures with their readings in words: the Open University's, for quiz statistics.

Source of the bands: "Quiz statistics report", Moodle documentation. It has none for the
discriminative efficiency, whose limit 50 is that of "very good" discrimination. The bands were made
for exams: a reading is a reason to look at a question, not a judgement of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quizserver.classes.statistics.figures import Figure

BandLevel = Literal["good", "look", "poor", "unknown"]
"""Nothing to do; worth a look; something is likely wrong; no figure."""

EASY, HARD = 95.0, 5.0
ADEQUATE, WEAK = 30.0, 20.0
GUESSING = 40.0
NARROW = 33.0
CONSISTENT, INCONSISTENT = 75.0, 64.0


@dataclass(frozen=True, slots=True)
class BandReading:
    """The band of a figure: its level, and the words for it."""

    level: BandLevel
    words: str


Bands = tuple[tuple[float, BandLevel, str], ...]

# (lower limit, level, words), in descending order of the limits.
_FACILITY: Bands = (
    (90, "look", "very easy"),
    (80, "look", "easy"),
    (65, "good", "fairly easy"),
    (35, "good", "about right"),
    (21, "good", "moderately hard"),
    (11, "look", "hard"),
    (0, "look", "very hard"),
)
_DISCRIMINATION: Bands = (
    (50, "good", "very good"),
    (ADEQUATE, "good", "adequate"),
    (WEAK, "look", "weak"),
    (0, "look", "very weak"),
    (-100, "poor", "negative: look at the key"),
)
_CONSISTENCY: Bands = (
    (CONSISTENT, "good", "satisfactory"),
    (INCONSISTENT, "look", "between satisfactory and not"),
    (-float("inf"), "poor", "unsatisfactory"),
)


def read_facility(figure: Figure) -> BandReading:
    if figure.value is not None and figure.value <= HARD:
        return BandReading("poor", "broken, or extremely hard")
    if figure.value is not None and figure.value >= EASY:
        return BandReading("look", "extremely easy")
    return _read_band(figure, _FACILITY)


def read_standard_deviation(figure: Figure) -> BandReading:
    """Reads the standard deviation of a question's marks."""
    return _read_band(
        figure, ((NARROW, "good", "sets learners apart"), (0, "look", "sets learners weakly apart"))
    )


def read_guess(figure: Figure) -> BandReading:
    if figure.value is not None and figure.value > GUESSING:
        return BandReading("poor", "too easily guessed")
    return _read_band(figure, ((0, "good", "low enough"),))


def read_discrimination(figure: Figure) -> BandReading:
    """Reads the index; a negative one whose interval reaches above 0 may be chance."""
    if figure.value is not None and figure.value < 0 and (figure.high or 0) > 0:
        return BandReading("look", "negative, but perhaps by chance")
    return _read_band(figure, _DISCRIMINATION)


def read_efficiency(figure: Figure) -> BandReading:
    return _read_band(
        figure,
        ((50, "good", "good"), (0, "look", "low"), (-float("inf"), "poor", "negative")),
    )


def read_consistency(figure: Figure) -> BandReading:
    return _read_band(figure, _CONSISTENCY)


def _read_band(figure: Figure, bands: Bands) -> BandReading:
    if figure.value is None:
        return BandReading("unknown", figure.reason)
    return next(BandReading(level, words) for lower, level, words in bands if figure.value >= lower)
