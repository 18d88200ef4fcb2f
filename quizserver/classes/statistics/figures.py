"""Figures that may be unknown, and the numbers of answers from which they are shown.

A statistic of few answers says more about chance than about the question. Below these counts a
figure has a reason in words instead of a value:

- A facility index, a standard deviation, a share, a median: 10 answers. The standard error of a
  facility of 50 is then 50/√10, about 16 points: half of the width of the band "about right",
  35–64. With fewer answers the band can't be told from its neighbours.
- Discrimination, efficiency, weight and all statistics of a set of questions: 30 learners. With 30
  a correlation differs from zero if it is beyond ±36 (5 %, two-sided), about where the band
  "adequate" begins; and each third then has the 10 learners that a share takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from quizserver.translation import N_, gettext


@dataclass(frozen=True, slots=True)
class MinimumCounts:
    """The number of answers or learners that each kind of statistic takes."""

    answers: int = 10
    learners: int = 30

    def __post_init__(self) -> None:
        # A variance takes two values and the fourth k-statistic four: fewer would divide by zero.
        if self.answers < 2 or self.learners < 4:
            raise ValueError("statistics take at least 2 answers and 4 learners")


MINIMUM_COUNTS = MinimumCounts()


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, or None with the reason why it is unknown, as a sentence for the page.

    ``low`` and ``high`` are the bounds of its 95 % interval, in the same unit, where there is one.
    Figures are kept for readers of every language: ``reason_message`` is English.
    """

    value: float | None
    reason_message: str = ""
    low: float | None = None
    high: float | None = None
    reason_counts: tuple[int, int] | None = None

    @property
    def reason(self) -> str:
        if self.reason_counts is None:
            return gettext(self.reason_message) if self.reason_message else ""
        n, needed = self.reason_counts
        return gettext(self.reason_message, n=n, needed=needed)

    @property
    def known(self) -> bool:
        return self.value is not None


def missing_figure(reason: str) -> Figure:
    """A figure without a value, for a reason."""
    return Figure(None, reason)


TOO_FEW_ANSWERS = N_("Not enough answers: %(n)s of the %(needed)s that it takes.")


def too_few_figure(n: int, needed: int, message: str = TOO_FEW_ANSWERS) -> Figure:
    """A figure without a value, because ``n`` answers are fewer than the ``needed`` ones.

    ``message`` has a place for both.
    """
    return Figure(None, message, reason_counts=(n, needed))
