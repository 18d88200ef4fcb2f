"""How often each option was chosen: by all, by the weakest and by the strongest third."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from quizserver.classes.statistics.answers import Floats, Ints, ItemKey
from quizserver.classes.statistics.figures import (
    MINIMUM_COUNTS,
    Figure,
    MinimumCounts,
    missing_figure,
    too_few_figure,
)
from quizserver.classes.statistics.rest_scores import third_weights
from quizserver.evidence.intervals import wilson_interval

OptionSets = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OptionCount:
    """``count`` of ``n`` learners chose the option; shares are percentages.

    ``gone`` is an option that the question had when it was answered and no longer has. Where
    several options are right a learner chooses several, and the shares add up to more than 100.
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
    """The options of a question in its order, then those that are gone.

    ``chosen`` (n,) numbers the set that each learner chose, ``rest`` (n,) is how they did on the
    rest: NaN where that is unknown, which leaves them out of the thirds only.
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
    """How many learners chose each option; ``chosen`` (n,) as above, -1 for no answer."""
    chosen_sets = chosen[chosen >= 0]
    return {
        k: round(v) for k, v in _tally_options(chosen_sets, np.ones(len(chosen_sets)), sets).items()
    }


def share_figure(k: int, n: int, minimum: MinimumCounts = MINIMUM_COUNTS) -> Figure:
    """k of n as a percentage with Wilson's interval."""
    if n < minimum.answers:
        return too_few_figure(n, minimum.answers)
    low, high = wilson_interval(k, n)
    return Figure(100 * k / n, low=100 * low, high=100 * high)


def _third_weights(rest: Floats) -> Iterable[Floats]:
    """What each learner counts in the weakest and the strongest third; 0 without a rest."""
    compared = ~np.isnan(rest)
    for weight in third_weights(rest[compared]):
        all_weights = np.zeros(len(rest))
        all_weights[compared] = weight
        yield all_weights


def _tally_options(chosen: Ints, weight: Floats, sets: OptionSets) -> dict[str, float]:
    """For each option that was chosen, the sum of the weights of who chose it."""
    tally: dict[str, float] = {}
    present = np.flatnonzero(np.bincount(chosen, minlength=len(sets)))
    sums = np.bincount(chosen, weights=weight, minlength=len(sets))
    for number in present:
        for option in sets[number]:
            tally[option] = tally.get(option, 0.0) + float(sums[number])
    return tally


def _third_share(weight: float, compared: int, all_alike: bool, minimum: MinimumCounts) -> Figure:
    if compared < minimum.learners:
        return too_few_figure(compared, minimum.learners, "learners to compare")
    if all_alike:
        return missing_figure("Everybody did equally well on the other questions.")
    return Figure(100 * weight / (compared / 3))
