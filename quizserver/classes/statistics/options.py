"""How often each option was chosen: by all, by the weakest and by the strongest third."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from quizserver.classes.statistics.answers import Floats, Ints, Item
from quizserver.classes.statistics.figures import ENOUGH, Enough, Figure, missing, too_few
from quizserver.classes.statistics.rest import thirds
from quizserver.lab.claims import wilson

Sets = tuple[tuple[str, ...], ...]


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
    item: Item, chosen: Ints, rest: Floats, sets: Sets, enough: Enough = ENOUGH
) -> tuple[OptionCount, ...]:
    """The options of a question in its order, then those that are gone.

    ``chosen`` (n,) numbers the set that each learner chose, ``rest`` (n,) is how they did on the
    rest: NaN where that is unknown, which leaves them out of the thirds only.
    """
    known = chosen >= 0
    chosen, rest = chosen[known], rest[known]
    weights = _weights(rest)
    tallies = [_tally(chosen, weight, sets) for weight in (np.ones(len(chosen)), *weights)]
    compared = int((~np.isnan(rest)).sum())
    alike = compared > 0 and bool(np.nanmin(rest) == np.nanmax(rest))
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
                share_of(round(count), len(chosen), enough),
                _third(weak, compared, alike, enough),
                _third(strong, compared, alike, enough),
            )
        )
    return tuple(counts)


def choice_counts(chosen: Ints, sets: Sets) -> dict[str, int]:
    """How many learners chose each option; ``chosen`` (n,) as above, -1 for no answer."""
    known = chosen[chosen >= 0]
    return {k: round(v) for k, v in _tally(known, np.ones(len(known)), sets).items()}


def share_of(k: int, n: int, enough: Enough = ENOUGH) -> Figure:
    """k of n as a percentage with Wilson's interval."""
    if n < enough.answers:
        return too_few(n, enough.answers)
    low, high = wilson(k, n)
    return Figure(100 * k / n, low=100 * low, high=100 * high)


def _weights(rest: Floats) -> Iterable[Floats]:
    """What each learner counts in the weakest and the strongest third; 0 without a rest."""
    compared = ~np.isnan(rest)
    for weight in thirds(rest[compared]):
        whole = np.zeros(len(rest))
        whole[compared] = weight
        yield whole


def _tally(chosen: Ints, weight: Floats, sets: Sets) -> dict[str, float]:
    """For each option that was chosen, the sum of the weights of who chose it."""
    tally: dict[str, float] = {}
    present = np.flatnonzero(np.bincount(chosen, minlength=len(sets)))
    sums = np.bincount(chosen, weights=weight, minlength=len(sets))
    for number in present:
        for option in sets[number]:
            tally[option] = tally.get(option, 0.0) + float(sums[number])
    return tally


def _third(weight: float, compared: int, alike: bool, enough: Enough) -> Figure:
    if compared < enough.learners:
        return too_few(compared, enough.learners, "learners to compare")
    if alike:
        return missing("Everybody did equally well on the other questions.")
    return Figure(100 * weight / (compared / 3))
