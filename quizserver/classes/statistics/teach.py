"""What the figures suggest for the next lesson. Everything here is a reason to look.

Misconceptions that are still held, questions that no longer tell learners apart, and keys that the
class may be right to doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from quizserver.classes.statistics.answers import Floats, Item, Marks
from quizserver.classes.statistics.figures import ENOUGH, Enough, Figure
from quizserver.classes.statistics.items import ItemStatistics
from quizserver.classes.statistics.options import OptionCount, choice_counts, option_counts
from quizserver.classes.statistics.readings import EASY, HARD, WEAK
from quizserver.classes.statistics.rest import rest_scores
from quizserver.lab.claims import Verdict

POPULAR = 100 / 3
"""Percent of learners: a wrong option with a third of them is popular."""
STRONGER = 10.0
"""Points by which the strongest third must be ahead of the weakest to be more than a tie: one
learner of the ten that a third holds at least."""
THIN = 0.1
"""How near an interval may come to the claimed share before its margin is called thin."""
HELD_BY = 2
"""One learner's slip is no misconception of a class."""


@dataclass(frozen=True, slots=True)
class Misconception:
    """A wrong option that ``held.count`` of ``held.n`` learners chose in their latest attempt.

    ``first`` is how many chose it in their first. The thirds are by how the learners did on the
    rest in first attempts: later ones have seen the explanation.
    """

    question: str
    held: OptionCount
    first: int


def misconceptions(
    first: Marks, latest: Marks, items: Sequence[Item], most: int = 3, enough: Enough = ENOUGH
) -> tuple[Misconception, ...]:
    """The ``most`` wrong options held by most learners, most first; ties in the class's order.

    An option that is gone from its question is left out. Raises ValueError when the two are not
    of the same learners and questions, in the same order.
    """
    alike = np.array_equal(first.learners, latest.learners)
    same = alike and first.questions == latest.questions
    if not same or tuple(item.question for item in items) != first.questions:
        raise ValueError("first and latest attempts are not of the same learners and questions")
    held = [
        (count, i, option)
        for i, item in enumerate(items)
        for count, option in _wrong(item, choice_counts(latest.chosen[:, i], latest.sets))
        if count >= HELD_BY
    ]
    rest = rest_scores(first.marks)
    return tuple(
        _misconception(first, latest, items[i], (i, option), rest[:, i], enough)
        for _, i, option in sorted(held, key=lambda one: -one[0])[:most]
    )


def _wrong(item: Item, counts: dict[str, int]) -> Iterable[tuple[int, str]]:
    """The wrong options that the question still has, with how many hold each."""
    return ((counts.get(each, 0), each) for each in item.options if each not in item.right)


def _misconception(
    first: Marks, latest: Marks, item: Item, place: tuple[int, str], rest: Floats, enough: Enough
) -> Misconception:
    column, option = place
    who = latest.answered[:, column]
    counts = option_counts(item, latest.chosen[who, column], rest[who], latest.sets, enough)
    before = choice_counts(first.chosen[:, column], first.sets)
    held = counts[item.options.index(option)]
    return Misconception(item.question, held, before.get(option, 0))


Why = Literal["too-easy", "too-hard", "reversed", "flat", "perhaps-reversed"]


@dataclass(frozen=True, slots=True)
class Worn:
    """A question that does not tell learners apart, why, and the figure that says so."""

    question: str
    why: Why
    figure: Figure


def worn(statistics: Iterable[ItemStatistics]) -> tuple[Worn, ...]:
    """The questions that do not, or no longer, tell learners apart, in the given order."""
    found = ((one, _wear(one)) for one in statistics)
    return tuple(Worn(one.question, *wear) for one, wear in found if wear is not None)


def _wear(one: ItemStatistics) -> tuple[Why, Figure] | None:
    facility, index = one.facility, one.discrimination
    if facility.value is not None and facility.value >= EASY:
        return "too-easy", facility
    if facility.value is not None and facility.value <= HARD:
        return "too-hard", facility
    if index.value is None or index.high is None:
        return None
    if index.high < 0:
        return "reversed", index
    # Only when even the upper end of the interval is weak: a small class's index is uncertain.
    if index.high < WEAK:
        return "flat", index
    return ("perhaps-reversed", index) if index.value < 0 else None


class Outcome(Protocol):
    """What is needed of a finding; those of ``lab.evidence`` have it."""

    @property
    def question(self) -> str: ...
    @property
    def option(self) -> str | None: ...
    @property
    def k(self) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def at_least(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def verdict(self) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class KeyDoubt:
    """A wrong option that the class likes and whose experiment left room for doubt.

    ``popular``: a third of the class or more chose it; ``stronger``: the strongest third chose it
    more than the weakest did. Perhaps the key, not the class, is wrong.
    """

    question: str
    chosen: OptionCount
    popular: bool
    stronger: bool
    outcome: Outcome


def key_doubts(
    statistics: Iterable[ItemStatistics], outcomes: Iterable[Outcome]
) -> tuple[KeyDoubt, ...]:
    """One for each wrong option that is popular, or liked by the strong, and thinly decided."""
    thin_ones: dict[tuple[str, str | None], Outcome] = {}
    for outcome in outcomes:
        if thin(outcome):
            thin_ones.setdefault((outcome.question, outcome.option), outcome)
    doubts = []
    for one in statistics:
        for chosen in one.options:
            found = thin_ones.get((one.question, chosen.option))
            popular, stronger = _popular(chosen), _stronger(chosen)
            if found is not None and not chosen.right and (popular or stronger):
                doubts.append(KeyDoubt(one.question, chosen, popular, stronger, found))
    return tuple(doubts)


def thin(outcome: Outcome) -> bool:
    """Whether a verdict was near to being another: mixed, or its interval within ``THIN``.

    A unanimous count is never thin: no number of seeds could have decided more clearly, and near
    a claimed share of 0 or 1 its interval is as near as it can be.
    """
    if outcome.verdict == "mixed":
        return True
    if outcome.k in (0, outcome.n):
        return False
    supported = outcome.verdict == "supported"
    margin = outcome.low - outcome.at_least if supported else outcome.at_least - outcome.high
    return margin < THIN


def _popular(chosen: OptionCount) -> bool:
    return chosen.share.value is not None and chosen.share.value >= POPULAR


def _stronger(chosen: OptionCount) -> bool:
    strong, weak = chosen.strongest.value, chosen.weakest.value
    return strong is not None and weak is not None and strong - weak >= STRONGER
