"""Counts how often each option was chosen: by all, by the weakest and the strongest third."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quizserver.classes.statistics.answers import Floats, Ints, ItemKey
from quizserver.classes.statistics.figures import (
    MINIMUM_COUNTS,
    Figure,
    MinimumCounts,
    missing_figure,
    too_few_figure,
)
from quizserver.classes.statistics.rest_scores import third_weights
from quizserver.deferred_numpy import np
from quizserver.evidence.intervals import wilson_interval
from quizserver.translation import N_

OptionSets = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OptionCount:
    """``count`` of ``n`` learners chose the option; shares are percentages.

    ``gone``: the question no longer has the option. Where several options are right, learners
    choose several, and the shares add up to more than 100.
    """

    option: str
    right: bool
    gone: bool
    count: int
    n: int
    share: Figure
    weakest: Figure
    strongest: Figure


def option_counts(
    item: ItemKey,
    chosen: Ints,
    rest: Floats,
    sets: OptionSets,
    minimum: MinimumCounts = MINIMUM_COUNTS,
) -> tuple[OptionCount, ...]:
    """The counts of a question's options in its order, then of options that it no longer has.

    ``chosen`` (n,) are the numbers of the sets that learners chose, -1 for no answer; ``rest`` (n,)
    are their rest scores, NaN where unknown: those learners are in neither third.
    """
    has_answered = chosen >= 0
    chosen, rest = chosen[has_answered], rest[has_answered]
    weights = _third_weights(rest)
    tallies = [_tally_options(chosen, weight, sets) for weight in (np.ones(len(chosen)), *weights)]
    compared = int((~np.isnan(rest)).sum())
    all_alike = compared > 0 and bool(np.nanmin(rest) == np.nanmax(rest))
    counts = []
    for option in [*item.options, *sorted(tallies[0].keys() - set(item.options))]:
        count, weak, strong = (tally.get(option, 0.0) for tally in tallies)
        counts.append(
            OptionCount(
                option,
                option in item.right,
                option not in item.options,
                round(count),
                len(chosen),
                share_figure(round(count), len(chosen), minimum),
                _third_share(weak, compared, all_alike, minimum),
                _third_share(strong, compared, all_alike, minimum),
            )
        )
    return tuple(counts)


def choice_counts(chosen: Ints, sets: OptionSets) -> dict[str, int]:
    """The number of learners who chose each option; ``chosen`` (n,) as in ``option_counts``."""
    chosen_sets = chosen[chosen >= 0]
    tally = _tally_options(chosen_sets, np.ones(len(chosen_sets)), sets)
    return {option: round(count) for option, count in tally.items()}


def share_figure(k: int, n: int, minimum: MinimumCounts = MINIMUM_COUNTS) -> Figure:
    """k of n as a percentage with Wilson's interval."""
    if n < minimum.answers:
        return too_few_figure(n, minimum.answers)
    low, high = wilson_interval(k, n)
    return Figure(100 * k / n, low=100 * low, high=100 * high)


def _third_weights(rest: Floats) -> Iterable[Floats]:
    """The weight of each learner in the weakest and the strongest third: (n,) each.

    0 for learners without a rest score.
    """
    compared = ~np.isnan(rest)
    for weight in third_weights(rest[compared]):
        all_weights = np.zeros(len(rest))
        all_weights[compared] = weight
        yield all_weights


def _tally_options(chosen: Ints, weight: Floats, sets: OptionSets) -> dict[str, float]:
    """The sum of the weights of those who chose each option; without options nobody chose."""
    tally: dict[str, float] = {}
    present = np.flatnonzero(np.bincount(chosen, minlength=len(sets)))
    sums = np.bincount(chosen, weights=weight, minlength=len(sets))
    for number in present:
        for option in sets[number]:
            tally[option] = tally.get(option, 0.0) + float(sums[number])
    return tally


def _third_share(weight: float, compared: int, all_alike: bool, minimum: MinimumCounts) -> Figure:
    if compared < minimum.learners:
        return too_few_figure(
            compared,
            minimum.learners,
            N_("Not enough learners to compare: %(n)s of the %(needed)s that it takes."),
        )
    if all_alike:
        return missing_figure(N_("Everybody did equally well on the other questions."))
    return Figure(100 * weight / (compared / 3))
