"""A verdict follows from counts by a stated rule that never favours the author."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.evidence.claims import (
    agrees_with_key,
    count_verdict,
    decide_claim,
    grid_settings,
    paired_setting,
)
from quizserver.evidence.intervals import wilson_interval
from quizserver.topics.model import Claim, KnobValues


def _claim(over: tuple[KnobValues, ...] = (), **other: Any) -> Claim:
    given: dict[str, Any] = {
        "option": "a", "arm": "arm", "shape": "flat", "quantifier": "could", "at_least": 0.5,
        "over": over, "expected": "supported", "line": 3, **other,
    }  # fmt: skip
    return Claim(**given)


@pytest.mark.parametrize(
    ("k", "at_least", "expected"),
    [
        (64, 0.9, "supported"), (62, 0.9, "mixed"), (50, 0.9, "refuted"),
        (41, 0.5, "supported"), (40, 0.5, "supported"), (39, 0.5, "mixed"),
        (25, 0.5, "mixed"), (24, 0.5, "refuted"), (0, 0.5, "refuted"),
    ],
)  # fmt: skip
def test_a_verdict_needs_the_whole_interval_on_one_side(
    k: int, at_least: float, expected: str
) -> None:
    assert count_verdict(k, 64, at_least) == expected


@given(
    st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.01, 1),
)
def test_a_verdict_is_what_the_interval_says(count: tuple[int, int], at_least: float) -> None:
    low, high = wilson_interval(*count)
    decision = count_verdict(*count, at_least)
    assert (decision == "supported") == (low >= at_least)
    assert (decision == "refuted") == (high < at_least)


def test_a_wrong_option_agrees_with_anything_but_support() -> None:
    assert [agrees_with_key("supported", v) for v in ("supported", "mixed", "refuted")] == [
        True,
        False,
        False,
    ]
    assert [agrees_with_key("refuted", v) for v in ("supported", "mixed", "refuted")] == [
        False,
        True,
        True,
    ]


def test_a_grid_is_every_combination_on_top_of_the_arm() -> None:
    claim = _claim((KnobValues("a", (1, 2)), KnobValues("b", (3, 4))))
    assert grid_settings(claim, {"a": 0, "b": 0, "c": 9}) == [
        {"a": 1, "b": 3, "c": 9}, {"a": 1, "b": 4, "c": 9},
        {"a": 2, "b": 3, "c": 9}, {"a": 2, "b": 4, "c": 9},
    ]  # fmt: skip
    assert grid_settings(_claim(), {"a": 7}) == [{"a": 7}]


def test_one_setting_is_judged_as_it_stands() -> None:
    decision = decide_claim([63], 64, 0.5)
    assert (decision.verdict, decision.index, decision.k, decision.n) == ("supported", 0, 63, 64)
    assert (decision.low, decision.high) == wilson_interval(63, 64)


def test_could_is_supported_by_the_setting_chosen_on_other_seeds() -> None:
    decision = decide_claim([10, 60, 64], 64, 0.5, "could", [5, 64, 60])
    assert (decision.verdict, decision.index, decision.k) == ("supported", 1, 60)


def test_could_is_not_supported_by_a_setting_that_is_best_only_on_the_counted_seeds() -> None:
    decision = decide_claim([20, 60], 64, 0.5, "could", [30, 25])
    assert decision.verdict == "mixed"


def test_could_is_refuted_only_when_the_largest_count_is() -> None:
    assert decide_claim([3, 24, 10], 64, 0.5, "could", [9, 3, 8]).verdict == "refuted"
    assert decide_claim([3, 24, 10], 64, 0.5, "could", [9, 3, 8]).k == 24
    assert decide_claim([3, 25, 10], 64, 0.5, "could", [9, 3, 8]).verdict == "mixed"


def test_will_is_supported_only_when_the_smallest_count_is() -> None:
    assert decide_claim([64, 40, 60], 64, 0.5, "will", [9, 64, 64]).verdict == "supported"
    assert decide_claim([64, 40, 60], 64, 0.5, "will", [9, 64, 64]).k == 40
    assert decide_claim([64, 39, 60], 64, 0.5, "will", [9, 64, 64]).verdict == "mixed"


def test_will_is_refuted_by_the_setting_chosen_on_other_seeds() -> None:
    decision = decide_claim([64, 10], 64, 0.5, "will", [60, 12])
    assert (decision.verdict, decision.index, decision.k) == ("refuted", 1, 10)
    assert decide_claim([64, 10], 64, 0.5, "will", [12, 60]).verdict == "mixed"


def test_of_equally_good_settings_the_arms_own_is_chosen() -> None:
    assert decide_claim([64, 64, 64], 64, 0.5, "could", [64, 64, 64], home=2).index == 2
    assert decide_claim([64, 64, 64], 64, 0.5, "could", [64, 64, 63], home=2).index == 0
    assert decide_claim([0, 0, 0], 64, 0.5, "could", [0, 0, 0], home=1).index == 1
    assert decide_claim([64, 64, 64], 64, 0.5, "will", [64, 64, 64], home=1).index == 1
    assert decide_claim([64, 64, 64], 64, 0.5, "could", [1, 1, 1]).index == 0


def test_a_pair_differs_in_what_its_arms_differ_in() -> None:
    arm, versus = {"relu": 1.0, "rate": 0.1, "width": 8.0}, {"relu": 0.0, "rate": 0.1, "width": 8.0}
    assert paired_setting(arm, arm, versus) == versus
    turned = {**arm, "rate": 0.5}
    assert paired_setting(turned, arm, versus) == {"relu": 0.0, "rate": 0.5, "width": 8.0}
    # the knob that sets them apart is turned in the first arm alone
    assert paired_setting({**arm, "relu": 0.5}, arm, versus) == versus


def test_several_settings_need_selection_counts() -> None:
    with pytest.raises(ValueError, match="selection count"):
        decide_claim([1, 2], 64, 0.5)


def test_settings_that_are_all_coin_tosses_are_rarely_supported() -> None:
    """Choosing the best of 50 equal settings on the counted seeds would be supported often."""
    rng = np.random.default_rng(3)
    honest = flattering = 0
    for _ in range(300):
        selection, counts = rng.binomial(64, 0.5, (2, 50)).tolist()
        honest += decide_claim(counts, 64, 0.5, "could", selection).verdict == "supported"
        flattering += count_verdict(max(counts), 64, 0.5) == "supported"
    assert honest / 300 <= 0.06
    assert flattering / 300 >= 0.5
