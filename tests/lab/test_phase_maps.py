"""A plane says exactly what a phase map asks, and a map's counts fit it."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quizserver.lab.model import Arm, Axis, Description, Knob, KnobError, Map
from quizserver.lab.phase_maps import (
    CELL_REPLICAS,
    SIDE,
    PhaseMap,
    Plane,
    build_plane,
    coarse_to_fine,
    knob_values,
    phase_map_from_counts,
    picture_levels,
)

RATE = Knob("rate", "Rate", 0.001, 10, default=0.1, scale="log")
DECAY = Knob("decay", "Decay", 0, 1, default=0.25)
UNITS = Knob("units", "Units", 2, 9, default=4, integer=True)

ENDS = st.floats(-1e6, 1e6, allow_nan=False)


def about() -> Description:
    return Description(
        title="Test",
        summary="",
        knobs=(RATE, DECAY, UNITS),
        arms=(
            Arm("healthy", "Healthy", {"rate": 0.1, "decay": 0.25, "units": 4}),
            Arm("large", "Large", {"rate": 0.1, "decay": 0.25, "units": 9}),
        ),
        x=Axis("epoch"),
        series={"loss": Axis("loss")},
        points=11,
        fingerprint="",
    )


def small_plane(width: int = 3, height: int = 2, replicas: int = 4) -> Plane:
    return Plane(
        "rate", tuple(float(i + 1) for i in range(width)),
        "decay", tuple(i / 10 for i in range(height)),
        {"rate": 0.1, "decay": 0.25, "units": 4}, "flat", None, 0, replicas,
    )  # fmt: skip


@given(low=ENDS, high=ENDS, count=st.integers(2, 40), log=st.booleans())
def test_values_rise_from_end_to_end_and_have_four_digits(
    low: float, high: float, count: int, log: bool
) -> None:
    low, high = (math.exp(low / 1e5), math.exp(high / 1e5)) if log else (low, high)
    assume(high - low > 1e-2 * max(abs(low), abs(high)))
    knob = Knob("k", "K", low, high, default=low, scale="log" if log else "linear")
    built = knob_values(knob, count=count)
    assert list(built) == sorted(set(built))
    assert 1 <= len(built) <= count
    assert all(low <= value <= high for value in built)
    for value in built[1:-1]:
        assert value == float(f"{value:.4g}")
    assert built[0] == pytest.approx(low, rel=1e-3, abs=1e-3 * abs(high - low))
    assert built[-1] == pytest.approx(high, rel=1e-3, abs=1e-3 * abs(high - low))


@given(low=st.integers(-50, 50), width=st.integers(1, 80), count=st.integers(2, 40))
def test_an_integer_knob_has_every_whole_number_or_a_spread_of_them(
    low: int, width: int, count: int
) -> None:
    built = knob_values(Knob("k", "K", low, low + width, default=low, integer=True), count=count)
    assert all(value == int(value) for value in built)
    assert (built[0], built[-1]) == (low, low + width)
    assert len(built) == min(count, width + 1)


def test_a_log_knob_is_spread_by_ratios_and_a_linear_one_by_differences() -> None:
    assert knob_values(RATE, count=5) == (0.001, 0.01, 0.1, 1.0, 10.0)
    assert knob_values(DECAY, count=5) == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert knob_values(UNITS, (2, 4)) == (2.0, 3.0, 4.0)


def test_a_span_narrows_the_range_and_may_not_leave_it() -> None:
    assert knob_values(RATE, (0.01, 1), count=3) == (0.01, 0.1, 1.0)
    with pytest.raises(KnobError, match="Rate must be between"):
        knob_values(RATE, (0.0001, 1))


@given(columns=st.integers(1, 30), rows=st.integers(1, 30))
def test_coarse_to_fine_has_every_cell_once(columns: int, rows: int) -> None:
    assert sorted(coarse_to_fine(columns, rows)) == list(range(columns * rows))


@pytest.mark.parametrize("share", [16, 4])
def test_the_beginning_of_coarse_to_fine_is_spread_over_the_whole_map(share: int) -> None:
    """Every cell of a 24 × 24 map has one near it among the first sixteenth, or fourth."""
    early = [divmod(cell, 24) for cell in coarse_to_fine(24, 24)[: 24 * 24 // share]]
    reach = math.isqrt(share)
    for row in range(24):
        for column in range(24):
            assert min(max(abs(row - r), abs(column - c)) for r, c in early) <= reach


def test_a_plane_holds_the_arms_other_knobs_and_sets_the_two_cell_by_cell() -> None:
    built = build_plane(about(), Map("rate", "decay", "flat", arm="large"), side=5)
    assert built.cell_count == 25
    assert built.cell_setting(0) == {"rate": 0.001, "decay": 0.0, "units": 9.0}
    assert built.cell_setting(7) == {"rate": 0.1, "decay": 0.25, "units": 9.0}
    assert built.cell_setting(24) == {"rate": 10.0, "decay": 1.0, "units": 9.0}


def test_a_plane_starts_from_the_first_arm_and_has_24_values_and_8_seeds_a_side() -> None:
    built = build_plane(about(), Map("rate", "decay", "flat", y_range=(0, 0.5)))
    assert (len(built.x_values), len(built.y_values)) == (SIDE, SIDE) == (24, 24)
    assert built.y_values[-1] == 0.5
    assert built.seeds == range(8) == range(CELL_REPLICAS)
    assert built.setting["units"] == 4


def test_a_plane_takes_a_setting_and_seeds_of_its_own() -> None:
    built = build_plane(
        about(), Map("rate", "decay", "flat"), setting={"units": 3}, replicas=2, first_seed=7
    )
    assert built.setting["units"] == 3
    assert list(built.seeds) == [7, 8]


def test_a_plane_of_a_knob_an_arm_or_a_value_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        build_plane(about(), Map("speed", "decay", "flat"))
    with pytest.raises(KeyError, match="no arm 'none'"):
        build_plane(about(), Map("rate", "decay", "flat", arm="none"))
    with pytest.raises(KnobError, match="Units must be between 2 and 9"):
        build_plane(about(), Map("rate", "decay", "flat"), setting={"units": 10})


def test_counts_become_rows_of_y_and_columns_of_x() -> None:
    built = phase_map_from_counts(small_plane(3, 2), {5: 0, 0: 1, 1: 2, 2: 3, 3: 4, 4: 0})
    assert built.counts == ((1, 2, 3), (4, 0, 0))


def test_a_map_with_a_missing_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="2 of 6 cells have no count"):
        phase_map_from_counts(small_plane(3, 2), {0: 1, 1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize(
    "counts", [((1, 2, 3),), ((1, 2), (3, 4)), ((1, 2, 3), (4, 5, 0)), ((1, 2, 3), (-1, 0, 0))]
)
def test_counts_that_do_not_fit_the_plane_are_refused(counts: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"2 rows of 3|between 0 and 4"):
        PhaseMap(small_plane(3, 2), counts)


def test_a_map_says_in_how_many_cells_at_least_so_many_replicas_show_the_shape() -> None:
    built = PhaseMap(small_plane(3, 2), ((0, 1, 2), (3, 4, 4)))
    assert [built.count_cells_with(least) for least in (1, 3, 4)] == [5, 3, 2]


def test_the_cells_that_levels_add_are_all_cells_coarse_to_fine() -> None:
    plane = Plane("a", tuple(map(float, range(24))), "b", tuple(map(float, range(5))), {}, "flat")
    levels = picture_levels(plane)
    assert [len(level) for level in levels] == [8, 22, 90]
    assert [cell for level in levels for cell in level] == coarse_to_fine(24, 5)
