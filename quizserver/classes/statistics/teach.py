"""What the figures suggest for the next lesson. Everything here is a reason to look.

Misconceptions that are still held, questions that no longer tell learners apart, and keys that the
class may be right to doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from quizserver.classes.statistics.answers import AttemptTable, Floats, ItemKey
from quizserver.classes.statistics.bands import EASY, HARD, WEAK
from quizserver.classes.statistics.figures import MINIMUM_COUNTS, Figure, MinimumCounts
from quizserver.classes.statistics.item_statistics import ItemStatistics
from quizserver.classes.statistics.option_counts import OptionCount, choice_counts, option_counts
from quizserver.classes.statistics.rest_scores import rest_scores
from quizserver.evidence.claims import Verdict

POPULAR_PERCENT = 100 / 3
"""Percent of learners: a wrong option with a third of them is popular."""
STRONGER_POINTS = 10.0
"""Points by which the strongest third must be ahead of the weakest to be more than a tie: one
learner of the ten that a third holds at least."""
THIN_MARGIN = 0.1
"""How near an interval may come to the claimed share before its margin is called thin."""
HOLDERS_MIN = 2
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


def find_misconceptions(
    first: AttemptTable,
    latest: AttemptTable,
    items: Sequence[ItemKey],
    limit: int = 3,
    minimum: MinimumCounts = MINIMUM_COUNTS,
) -> tuple[Misconception, ...]:
    """The ``most`` wrong options held by most learners, most first; ties in the class's order.

    An option that is gone from its question is left out. Raises ValueError when the two are not
    of the same learners and questions, in the same order.
    """
    same_learners = np.array_equal(first.learners, latest.learners)
    same_table = same_learners and first.questions == latest.questions
    if not same_table or tuple(item.question for item in items) != first.questions:
        raise ValueError("first and latest attempts are not of the same learners and questions")
    held = [
        (count, i, option)
        for i, item in enumerate(items)
        for count, option in _wrong_option_counts(
            item, choice_counts(latest.chosen[:, i], latest.sets)
        )
        if count >= HOLDERS_MIN
    ]
    rest = rest_scores(first.marks)
    return tuple(
        _build_misconception(first, latest, items[i], (i, option), rest[:, i], minimum)
        for _, i, option in sorted(held, key=lambda candidate: -candidate[0])[:limit]
    )


def _wrong_option_counts(item: ItemKey, counts: dict[str, int]) -> Iterable[tuple[int, str]]:
    """The wrong options that the question still has, with how many hold each."""
    return ((counts.get(option, 0), option) for option in item.options if option not in item.right)


def _build_misconception(
    first: AttemptTable,
    latest: AttemptTable,
    item: ItemKey,
    column_and_option: tuple[int, str],
    rest: Floats,
    minimum: MinimumCounts,
) -> Misconception:
    column, option = column_and_option
    has_answered = latest.answered[:, column]
    counts = option_counts(
        item, latest.chosen[has_answered, column], rest[has_answered], latest.sets, minimum
    )
    first_counts = choice_counts(first.chosen[:, column], first.sets)
    held = counts[item.options.index(option)]
    return Misconception(item.question, held, first_counts.get(option, 0))


WornReason = Literal["too-easy", "too-hard", "reversed", "flat", "perhaps-reversed"]


@dataclass(frozen=True, slots=True)
class WornQuestion:
    """A question that does not tell learners apart, why, and the figure that says so."""

    question: str
    why: WornReason
    figure: Figure


def worn_questions(statistics: Iterable[ItemStatistics]) -> tuple[WornQuestion, ...]:
    """The questions that do not, or no longer, tell learners apart, in the given order."""
    reasons = ((statistic, _worn_reason(statistic)) for statistic in statistics)
    return tuple(
        WornQuestion(statistic.question, *reason)
        for statistic, reason in reasons
        if reason is not None
    )


def _worn_reason(statistics: ItemStatistics) -> tuple[WornReason, Figure] | None:
    facility, index = statistics.facility, statistics.discrimination
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


class FindingLike(Protocol):
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
    finding: FindingLike


def find_key_doubts(
    statistics: Iterable[ItemStatistics], findings: Iterable[FindingLike]
) -> tuple[KeyDoubt, ...]:
    """One for each wrong option that is popular, or liked by the strong, and thinly decided."""
    thin_findings: dict[tuple[str, str | None], FindingLike] = {}
    for finding in findings:
        if is_thin(finding):
            thin_findings.setdefault((finding.question, finding.option), finding)
    doubts = []
    for statistic in statistics:
        for chosen in statistic.options:
            thin_finding = thin_findings.get((statistic.question, chosen.option))
            popular, stronger = _is_popular(chosen), _is_stronger(chosen)
            if thin_finding is not None and not chosen.right and (popular or stronger):
                doubts.append(KeyDoubt(statistic.question, chosen, popular, stronger, thin_finding))
    return tuple(doubts)


def is_thin(finding: FindingLike) -> bool:
    """Whether a verdict was near to being another: mixed, or its interval within ``THIN``.

    A unanimous count is never thin: no number of seeds could have decided more clearly, and near
    a claimed share of 0 or 1 its interval is as near as it can be.
    """
    if finding.verdict == "mixed":
        return True
    if finding.k in (0, finding.n):
        return False
    is_supported = finding.verdict == "supported"
    margin = finding.low - finding.at_least if is_supported else finding.at_least - finding.high
    return margin < THIN_MARGIN


def _is_popular(chosen: OptionCount) -> bool:
    return chosen.share.value is not None and chosen.share.value >= POPULAR_PERCENT


def _is_stronger(chosen: OptionCount) -> bool:
    strong, weak = chosen.strongest.value, chosen.weakest.value
    return strong is not None and weak is not None and strong - weak >= STRONGER_POINTS
