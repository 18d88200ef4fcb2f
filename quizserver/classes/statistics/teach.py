"""Suggestions for the next lesson, from the figures; each is a reason to look, not a judgement.

They are misconceptions that are still held, questions that no longer tell learners apart, and keys
that may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from quizserver.classes.statistics.answers import AttemptTable, Floats, ItemKey
from quizserver.classes.statistics.bands import EASY, HARD, WEAK
from quizserver.classes.statistics.figures import MINIMUM_COUNTS, Figure, MinimumCounts
from quizserver.classes.statistics.item_statistics import ItemStatistics
from quizserver.classes.statistics.option_counts import OptionCount, choice_counts, option_counts
from quizserver.classes.statistics.rest_scores import rest_scores
from quizserver.deferred_numpy import np
from quizserver.evidence.claims import Verdict

POPULAR_PERCENT = 100 / 3
"""A wrong option is popular if it was chosen by at least this percentage of the learners."""
STRONGER_POINTS = 10.0
"""Points by which the strongest third must exceed the weakest to be more than a tie: one learner of
the ten that a third has at least."""
THIN_MARGIN = 0.1
"""A margin between the interval and the claimed share is thin below this."""
HOLDERS_MIN = 2
"""A wrong option chosen by fewer learners is not a misconception of the class."""


@dataclass(frozen=True, slots=True)
class Misconception:
    """A wrong option that ``held.count`` of ``held.n`` learners chose in their latest attempt.

    ``first`` learners chose it in their first. The thirds are by the rest scores of first attempts,
    as later ones follow an explanation.
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
    """Up to ``limit`` wrong options, most held first; ties in the class's order.

    Options that a question no longer has are left out. Raises ValueError when the two tables are
    not of the same learners and questions, in the same order.
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
        for _, i, option in sorted(held, key=lambda holding: -holding[0])[:limit]
    )


def _wrong_option_counts(item: ItemKey, counts: dict[str, int]) -> Iterable[tuple[int, str]]:
    """The wrong options that the question still has, each with the number of its holders."""
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
    """A question that does not tell learners apart, with the reason and the figure for it."""

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
    # The upper end of the interval decides, as the index of a small class is uncertain.
    if index.high < WEAK:
        return "flat", index
    return ("perhaps-reversed", index) if index.value < 0 else None


class FindingLike(Protocol):
    """The fields that are used of a finding, ``quizserver.evidence.record.Finding``."""

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
    """A wrong option that many or strong learners chose, and whose finding has a thin margin.

    ``popular``: a third of the class or more chose it; ``stronger``: the strongest third chose it
    more often than the weakest. Perhaps the key is wrong.
    """

    question: str
    chosen: OptionCount
    popular: bool
    stronger: bool
    finding: FindingLike


def find_key_doubts(
    statistics: Iterable[ItemStatistics], findings: Iterable[FindingLike]
) -> tuple[KeyDoubt, ...]:
    """The doubts on wrong options that are popular or stronger, and whose finding is thin."""
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
    """Whether the verdict was close to another: mixed, or with a margin below ``THIN_MARGIN``.

    A unanimous count is never thin: no number of seeds could decide more clearly, and the interval
    is always close to a claimed share near 0 or 1.
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
