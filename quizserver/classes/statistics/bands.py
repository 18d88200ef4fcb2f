"""Bands of figures with their readings in words: the Open University's, for quiz statistics.

Source of the bands: "Quiz statistics report", Moodle documentation. It has none for the
discriminative efficiency, whose limit 50 is that of "very good" discrimination. The bands were made
for exams: a reading is a reason to look at a question, not a judgement of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quizserver.classes.statistics.figures import Figure
from quizserver.translation import N_, gettext

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
    (90, "look", N_("very easy")),
    (80, "look", N_("easy")),
    (65, "good", N_("fairly easy")),
    (35, "good", N_("about right")),
    (21, "good", N_("moderately hard")),
    (11, "look", N_("hard")),
    (0, "look", N_("very hard")),
)
_DISCRIMINATION: Bands = (
    (50, "good", N_("very good")),
    (ADEQUATE, "good", N_("adequate")),
    (WEAK, "look", N_("weak")),
    (0, "look", N_("very weak")),
    (-100, "poor", N_("negative: look at the key")),
)
_CONSISTENCY: Bands = (
    (CONSISTENT, "good", N_("satisfactory")),
    (INCONSISTENT, "look", N_("between satisfactory and not")),
    (-float("inf"), "poor", N_("unsatisfactory")),
)


def read_facility(figure: Figure) -> BandReading:
    if figure.value is not None and figure.value <= HARD:
        return BandReading("poor", gettext("broken, or extremely hard"))
    if figure.value is not None and figure.value >= EASY:
        return BandReading("look", gettext("extremely easy"))
    return _read_band(figure, _FACILITY)


def read_standard_deviation(figure: Figure) -> BandReading:
    """Reads the standard deviation of a question's marks."""
    return _read_band(
        figure,
        (
            (NARROW, "good", N_("sets learners apart")),
            (0, "look", N_("sets learners weakly apart")),
        ),
    )


def read_guess(figure: Figure) -> BandReading:
    if figure.value is not None and figure.value > GUESSING:
        return BandReading("poor", gettext("too easily guessed"))
    return _read_band(figure, ((0, "good", N_("low enough")),))


def read_discrimination(figure: Figure) -> BandReading:
    """Reads the index; a negative one whose interval reaches above 0 may be chance."""
    if figure.value is not None and figure.value < 0 and (figure.high or 0) > 0:
        return BandReading("look", gettext("negative, but perhaps by chance"))
    return _read_band(figure, _DISCRIMINATION)


def read_efficiency(figure: Figure) -> BandReading:
    return _read_band(
        figure,
        ((50, "good", N_("good")), (0, "look", N_("low")), (-float("inf"), "poor", N_("negative"))),
    )


def read_consistency(figure: Figure) -> BandReading:
    return _read_band(figure, _CONSISTENCY)


def _read_band(figure: Figure, bands: Bands) -> BandReading:
    if figure.value is None:
        return BandReading("unknown", figure.reason)
    return next(
        BandReading(level, gettext(words)) for lower, level, words in bands if figure.value >= lower
    )
