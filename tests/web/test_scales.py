"""Scales: values at their place, ticks at round numbers, numbers that can be read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.web.scales import Scale, fit_scale, format_svg_number, scale_ticks


def test_a_log_scale_puts_equal_ratios_at_equal_distances() -> None:
    scale = Scale(0.01, 100, "log")
    assert [scale.position(v) for v in (0.01, 1, 100)] == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, math.inf), (math.nan, 1)])
def test_ends_that_make_no_scale_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="low < high"):
        Scale(low, high)


def test_a_log_scale_starts_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Scale(0, 1, "log")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.3, "0.3"),
        (-2.5, "−2.5"),
        (1234, "1234"),
        (12345, "12\u2009345"),
        (1e-5, '10<tspan class="raised" dy="-0.4em">−5</tspan>'),
        (2.5e7, '2.5·10<tspan class="raised" dy="-0.4em">7</tspan>'),
        (-1e6, '−10<tspan class="raised" dy="-0.4em">6</tspan>'),
    ],
)
def test_numbers_read_as_people_write_them(value: float, text: str) -> None:
    assert format_svg_number(value) == text


def test_a_log_scale_reaches_the_smallest_losses() -> None:
    """In double precision a fit ends near 1e-32, and further down in a single seed."""
    scale = fit_scale([1.0, 4e-33, 1e-290], "log")
    spots = [scale.position(v) for v in (1e-290, 4e-33, 1.0)]
    assert None not in spots
    assert 0 < spots[0] < spots[1] < spots[2] < 1


@pytest.mark.parametrize("low", [1e-300, 5e-300])
def test_the_widest_log_scale_has_ends_and_ticks(low: float) -> None:
    assert scale_ticks(fit_scale([low, 1e30], "log"))


def test_ticks_have_no_rounding_dust() -> None:
    """3 × 0.1 is written 0.3, and never 0.30000000000000004."""
    assert [text for _, text in scale_ticks(Scale(0, 0.5))] == [
        "0",
        "0.1",
        "0.2",
        "0.3",
        "0.4",
        "0.5",
    ]


def test_a_wide_log_scale_shows_powers_of_ten_only() -> None:
    texts = [text for _, text in scale_ticks(Scale(1e-3, 10, "log"))]
    assert texts == ["0.001", "0.01", "0.1", "1", "10"]


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12))
def test_every_linear_scale_has_a_few_ticks_inside_it(low: float, width: float) -> None:
    high = low + width
    if high - low < abs(low) * 1e-9:  # neighbours in floating point leave no room for ticks
        return
    spots = [spot for spot, _ in scale_ticks(Scale(low, high))]
    assert 1 <= len(spots) <= 7
    assert all(-1e-6 <= spot <= 1 + 1e-6 for spot in spots)
    assert spots == sorted(spots)


@given(st.floats(-29, 0), st.floats(0.05, 29))
def test_every_log_scale_has_a_few_ticks_inside_it(power: float, width: float) -> None:
    scale = Scale(10**power, 10 ** (power + width), "log")
    spots = [spot for spot, _ in scale_ticks(scale)]
    assert 1 <= len(spots) <= 8
    assert all(-1e-6 <= spot <= 1 + 1e-6 for spot in spots)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_fitted_scale_shows_all_its_values(values: list[float]) -> None:
    scale = fit_scale(values)
    spots = [scale.position(value) for value in values]
    assert all(spot is not None and -1e-9 <= spot <= 1 for spot in spots)
