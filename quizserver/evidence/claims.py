"""The verdict on a claim, from counts of replicas.

A verdict compares the Wilson 95 % interval of "k of n replicas show the shape" with what the claim
asks for (``at_least``): *supported* when the whole interval is at or above it, *refuted* when the
whole interval is below, *mixed* when it contains that share.

A claim over a grid of settings says either that some setting shows the shape in enough replicas
("could") or that every setting does ("will"). Choosing the best of many settings and counting it on
the same seeds would bias the count upwards, so there are two sets of seeds:

- The setting that decides is chosen on *selection* seeds: the best for "could", the worst for
  "will". Its count on the claim's own seeds decides in favour of "could", and against "will".
- The opposite verdict needs more than one setting: "could" is refuted only when even the largest
  count of any setting, on the claim's own seeds, is refuted; "will" is supported only when even the
  smallest is supported. Taking the extreme on the counted seeds errs against that verdict.
- Otherwise the claim is mixed.

Where a training is chaotic, rounding decides which shape a seed shows, and with it the count. So
each claim is counted again on its own seeds with draws that are changed in their last place; a
count that this moves stands on a knife's edge (``NudgedCount.is_edge_of``).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from quizserver.evidence.intervals import wilson_interval
from quizserver.topics.model import Claim, ExpectedVerdict, Quantifier

Verdict = Literal["supported", "refuted", "mixed"]


@dataclass(frozen=True, slots=True)
class ClaimDecision:
    """A verdict, and the setting (its index on the grid) and counts it rests on."""

    verdict: Verdict
    index: int
    k: int
    n: int
    low: float
    high: float


EDGE_SHARE = 1 / 32
"""What share of the replicas a count may move by when draws change in their last place."""


@dataclass(frozen=True, slots=True)
class NudgedCount:
    """A claim's count with draws that are changed in their last place.

    ``k`` replicas show the shape then; ``changed`` are those that show it with the one kind of
    draws and not with the other.
    """

    k: int
    changed: int

    def is_edge_of(self, k: int, n: int) -> bool:
        """Whether k of n stands on a knife's edge: by more than 2 of 64, or so many replicas.

        Replicas that rounding decides may cancel out in the count this time and not the next. If
        each falls to either side by chance, ``changed`` of them move it by their square root, as
        standard deviation: by more than 2 where there are more than 4 of 64.
        """
        return abs(self.k - k) > EDGE_SHARE * n or self.changed > 2 * EDGE_SHARE * n


def count_verdict(k: int, n: int, at_least: float) -> Verdict:
    """The verdict from k of n replicas on a claim that at least this share shows the shape."""
    low, high = wilson_interval(k, n)
    if low >= at_least:
        return "supported"
    return "refuted" if high < at_least else "mixed"


def agrees_with_key(expected: ExpectedVerdict, verdict: Verdict) -> bool:
    """Whether a verdict agrees with the key; a wrong option's claim must not be supported."""
    return (verdict == "supported") == (expected == "supported")


def grid_settings(claim: Claim, arm: Mapping[str, float]) -> list[dict[str, float]]:
    """The settings that a claim covers: the arm's, with each combination of its sweeps' values."""
    values = itertools.product(*(sweep.values for sweep in claim.over))
    names = [sweep.knob for sweep in claim.over]
    return [{**arm, **dict(zip(names, chosen, strict=True))} for chosen in values]


def paired_setting(
    setting: Mapping[str, float], arm: Mapping[str, float], versus: Mapping[str, float]
) -> dict[str, float]:
    """The setting of ``versus`` that a setting of ``arm``'s grid is compared with.

    A pair differs in what its arms differ in and in nothing else: a knob in which they agree is
    turned in both, one that sets them apart only in ``arm``.
    """
    return {knob: setting[knob] if arm[knob] == value else value for knob, value in versus.items()}


def decide_claim(
    counts: Sequence[int],
    n: int,
    at_least: float,
    quantifier: Quantifier = "could",
    selection: Sequence[int] | None = None,
    home: int | None = None,
) -> ClaimDecision:
    """The verdict on a claim over ``len(counts)`` settings.

    ``counts[i]`` of ``n`` replicas show the shape at setting i on the claim's own seeds;
    ``selection[i]`` is the same on the selection seeds, needed for more than one setting. Of
    settings that are equally good, the one at ``home`` (the arm's own) is chosen, else the first.
    """
    if len(counts) == 1:
        return _claim_decision(count_verdict(counts[0], n, at_least), 0, counts, n)
    if selection is None or len(selection) != len(counts):
        raise ValueError("a claim over several settings needs a selection count for each")
    chosen = _extreme_index(selection, quantifier, home)
    extreme = _extreme_index(counts, quantifier, home)
    by_chosen: Verdict = "supported" if quantifier == "could" else "refuted"
    by_extreme: Verdict = "refuted" if quantifier == "could" else "supported"
    if count_verdict(counts[chosen], n, at_least) == by_chosen:
        return _claim_decision(by_chosen, chosen, counts, n)
    if count_verdict(counts[extreme], n, at_least) == by_extreme:
        return _claim_decision(by_extreme, extreme, counts, n)
    return _claim_decision("mixed", extreme, counts, n)


def find_nudged_count(
    decision: ClaimDecision,
    quantifier: Quantifier,
    shown: Sequence[Sequence[bool]],
    nudged: Sequence[Sequence[bool]],
) -> NudgedCount:
    """The count that a verdict would rest on with nudged draws.

    ``shown[i]`` says of each replica whether it shows the shape at setting i, ``nudged[i]`` the
    same with nudged draws. Where the most extreme count of all settings decides, ``k`` is that of
    the nudged counts, whichever setting has it.
    """
    counts = [sum(replicas) for replicas in nudged]
    by_chosen = "supported" if quantifier == "could" else "refuted"
    if decision.verdict == by_chosen:
        k = counts[decision.index]
    else:
        k = max(counts) if quantifier == "could" else min(counts)
    pairs = zip(shown[decision.index], nudged[decision.index], strict=True)
    return NudgedCount(k, sum(one != other for one, other in pairs))


def _extreme_index(counts: Sequence[int], quantifier: Quantifier, home: int | None) -> int:
    most = max(counts) if quantifier == "could" else min(counts)
    return home if home is not None and counts[home] == most else list(counts).index(most)


def _claim_decision(verdict: Verdict, index: int, counts: Sequence[int], n: int) -> ClaimDecision:
    low, high = wilson_interval(counts[index], n)
    return ClaimDecision(verdict, index, counts[index], n, low, high)
