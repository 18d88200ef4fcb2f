"""Quantiles over replicas, some of which have diverged."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quizserver.lab.curves import replica_quantile
from quizserver.worker.summary import hash_points, summarise_points
from tests.curves_digest import curves_digest

finite = arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)
)


@settings(deadline=None)
@given(finite, st.sampled_from([0.1, 0.5, 0.9]))
def test_finite_curves_have_the_ordinary_quantiles(values: np.ndarray, q: float) -> None:
    assert replica_quantile(values, q) == pytest.approx(np.quantile(values, q, axis=0), abs=1e-6)


def test_a_replica_that_diverged_counts_as_worse_than_any_other() -> None:
    values = np.array([[1.0], [2.0], [np.nan], [3.0], [np.inf]])
    assert replica_quantile(values, 0.5) == [3.0]
    assert replica_quantile(values, 0.9) == [np.inf]
    assert replica_quantile(values, 0.25) == [2.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_when_most_replicas_diverged_the_median_has(bad: float) -> None:
    values = np.array([[1.0], [bad], [bad]])
    assert replica_quantile(values, 0.5) == [np.inf]


def test_both_infinities_are_no_warning_and_no_nan() -> None:
    assert replica_quantile(np.array([[-np.inf], [np.inf]]), 0.5) == [np.inf]


def test_the_summary_is_json_with_null_for_what_is_not_finite() -> None:
    loss = np.array([[1.0, np.nan], [3.0, np.nan]])
    summary = json.loads(summarise_points([0, 1], {"loss": loss}))
    assert summary["x"] == [0, 1]
    assert summary["series"]["loss"] == {
        "median": [2.0, None],
        "low": [1.2, None],
        "high": [2.8, None],
    }


def digest_of(*portions: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for series in portions:
        hash_points(digest, series)
    return digest.hexdigest()


def test_a_digest_is_of_every_value_in_order_and_of_one_nan() -> None:
    strange_nan = np.array([[np.nan], [1.0]])
    strange_nan.view(np.uint64)[0] |= 5
    first, second = np.array([[np.nan], [1.0]]), np.array([[2.0], [3.0]])
    assert digest_of([first], [second]) == digest_of([strange_nan], [second])
    assert digest_of([first], [second]) == digest_of([np.hstack([first, second])])
    assert digest_of([first], [second]) != digest_of([second], [first])
    assert digest_of([first], [second]) != digest_of([np.array([[np.nan], [-1.0]])], [second])
    written_down = curves_digest([{"loss": first[:, 0]}, {"loss": second[:, 0]}])
    assert digest_of([first], [second]) == written_down
