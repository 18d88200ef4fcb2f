"""A number that may be missing, and how many answers a number takes before it is shown.

A statistic of a handful of answers says more about chance than about the question. Below these
counts there is a reason in words instead:

- A facility index, a standard deviation, a share, a median: 10 answers. The standard error of a
  facility of 50 is then 50/√10, about 16 points: as much as half of the band "about right", 35–64.
  With fewer, the band can't be told from its neighbours.
- Discrimination, efficiency, weight and everything about a set of questions: 30 learners. A
  correlation of 30 learners differs from none when it is beyond ±36 (5 %, two-sided), about where
  the band "adequate" begins; and each third then holds the 10 learners that a share takes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinimumCounts:
    """How many learners each kind of statistic takes."""

    answers: int = 10
    learners: int = 30

    def __post_init__(self) -> None:
        # Spread takes two, and the fourth k-statistic four: fewer would divide by zero.
        if self.answers < 2 or self.learners < 4:
            raise ValueError("statistics take at least 2 answers and 4 learners")


MINIMUM_COUNTS = MinimumCounts()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or None and the reason why there is none, as a sentence for the page.

    ``low`` and ``high`` are the number's 95 % interval where one is known, in the same unit.
    """

    value: float | None
    reason: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        return self.value is not None


def missing_figure(reason: str) -> Figure:
    """No number, and why."""
    return Figure(None, reason)


def too_few_figure(n: int, needed: int, what: str = "answers") -> Figure:
    """No number yet: ``n`` is not enough."""
    return missing_figure(f"Not enough {what}: {n} of the {needed} that it takes.")
