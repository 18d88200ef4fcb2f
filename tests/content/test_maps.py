"""The recorded phase maps: those that are declared, worth a look, and as theory and pages say."""

from __future__ import annotations

import numpy as np
import pytest

from quizserver.evidence.record import Experiment, read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import PhaseMap, build_plane
from quizserver.lab.shapes.single import SHAPES
from quizserver.settings import Settings

CONTENT = Settings().content


def recorded(topic: str, simulation: str) -> Experiment:
    evidence = read_evidence(CONTENT / topic)
    assert evidence is not None
    return evidence.experiments[simulation]


def every() -> list[tuple[str, str, int]]:
    return [
        (folder.name, name, number)
        for folder in sorted(CONTENT.iterdir())
        if folder.is_dir() and (evidence := read_evidence(folder)) is not None
        for name, experiment in evidence.experiments.items()
        for number in range(len(experiment.description.maps))
    ]


def usual(phase_map: PhaseMap, row: int) -> list[float]:
    """The values of x at which most replicas show the shape."""
    counts = zip(phase_map.plane.x_values, phase_map.counts[row], strict=True)
    return [value for value, count in counts if count > phase_map.plane.replicas / 2]


def nearest(phase_map: PhaseMap, value: float) -> int:
    """The row whose y is nearest to ``value``."""
    rows = range(len(phase_map.plane.y_values))
    return min(rows, key=lambda row: abs(phase_map.plane.y_values[row] - value))


def test_every_topic_has_a_map():
    assert {topic for topic, _, _ in every()} == {
        folder.name for folder in CONTENT.iterdir() if folder.is_dir()
    }


@pytest.mark.parametrize(("topic", "name", "number"), every())
def test_a_recorded_map_is_the_declared_one_and_shows_an_edge(topic: str, name: str, number: int):
    experiment = recorded(topic, name)
    phase_map = experiment.maps[number]
    assert phase_map.plane == build_plane(
        experiment.description, experiment.description.maps[number]
    )
    some, most = phase_map.count_cells_with(1), phase_map.count_cells_with(5)
    assert most >= 0.1 * phase_map.plane.cell_count, "the shape is usual somewhere"
    assert some <= 0.9 * phase_map.plane.cell_count, "and never seen somewhere else"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("strange-loss", "simulation"),
        ("plateau", "simulation"),
        ("zero-error", "depth"),
        ("noiseless", "sigmoid_start"),
    ],
)
def test_cells_of_a_recorded_map_come_out_again(topic: str, name: str):
    """Up to one seed in eight: another processor rounds otherwise."""
    phase_map = recorded(topic, name).maps[0]
    simulation = load(CONTENT / topic / f"{name}.py")
    width = len(phase_map.plane.x_values)
    for cell in range(0, phase_map.plane.cell_count, phase_map.plane.cell_count // 6):
        curves = simulate(simulation, phase_map.plane.cell_setting(cell), phase_map.plane.seeds)
        series = curves.series[phase_map.plane.series or next(iter(simulation.series))]
        count = int(SHAPES[phase_map.plane.shape].shown_by(curves.x, series).sum())
        row, column = divmod(cell, width)
        assert abs(count - phase_map.counts[row][column]) <= 1, phase_map.plane.cell_setting(cell)


def test_the_descent_overflows_where_the_largest_eigenvalue_says():
    """The edge of the map is the rate 2/λ, for each zero of the clock and every seed."""
    simulation = load(CONTENT / "plateau" / "simulation.py")
    (declared,) = simulation.maps
    phase_map = train_phase_map(
        simulation, build_plane(simulation.describe(), declared, replicas=2)
    )
    assert phase_map is not None
    for row, zero in enumerate(phase_map.plane.y_values):
        features = np.vander(np.arange(20) - zero, 3)
        limit = 2 / np.linalg.eigvalsh(2 / 20 * features.T @ features)[-1]
        expected = [2 if rate > limit else 0 for rate in phase_map.plane.x_values]
        assert list(phase_map.counts[row]) == expected, zero


def test_the_curve_of_the_puzzle_is_usual_in_one_cell_of_ten_and_in_one_of_eight():
    decay, scale = recorded("strange-loss", "simulation").maps
    words = " ".join((CONTENT / "strange-loss" / "lesson.md").read_text("utf-8").split())
    assert "in about one cell of ten of the map with weight decay, and in one of eight" in words
    assert 9.5 < decay.plane.cell_count / decay.count_cells_with(5) < 10.5
    assert 7.5 < scale.plane.cell_count / scale.count_cells_with(5) < 8.5


def test_more_rates_end_the_plateau_the_closer_the_clock_is_to_its_middle():
    (phase_map,) = recorded("plateau", "steps").maps
    widths = [len(usual(phase_map, nearest(phase_map, zero))) for zero in (0, 5, 7.5, 11.5, 14, 19)]
    assert widths[0] == widths[-1] == 0
    assert widths[0] < widths[1] < widths[2]
    assert widths[3] > widths[4] > widths[5]
    simulation = recorded("plateau", "simulation").maps[0]
    for zero in (7.5, 11.5):
        overflows = min(usual(simulation, nearest(simulation, zero)))
        assert max(usual(phase_map, nearest(phase_map, zero))) < overflows * 1.2


def test_larger_first_weights_and_momentum_widen_the_range_of_rates():
    scale, momentum = recorded("noiseless", "sigmoid_start").maps
    one, more = (usual(scale, nearest(scale, value)) for value in (1.13, 2.4))
    assert min(one) < 0.2 < max(one)
    assert max(one) / min(one) < 2.7
    assert min(more) < 0.02
    assert 0.25 < max(more) < 0.35
    assert max(more) / min(more) > 10
    none, some = (usual(momentum, nearest(momentum, value)) for value in (0, 0.6))
    assert max(none) / min(none) < 2
    assert 2.5 < max(some) / min(some) < 5
    assert usual(momentum, len(momentum.counts) - 1) == []


def test_noise_decides_about_the_floor_at_every_rate_alike():
    (phase_map,) = recorded("zero-error", "floor").maps
    assert len({tuple(column) for column in zip(*phase_map.counts, strict=True)}) == 1
    edge = [count > 4 for count in (row[0] for row in phase_map.counts)].index(True)
    assert 0.0002 < phase_map.plane.y_values[edge] < 0.0004


def test_a_low_rate_looks_like_a_floor_and_sooner_in_fewer_bits():
    (phase_map,) = recorded("zero-error", "precision").maps
    edges = [max(usual(phase_map, row)) for row in range(4)]
    assert edges[0] > edges[1] > edges[2]
    assert edges[0] > 2.5 * edges[3]


def test_sigmoids_forget_a_rounding_error_until_the_weights_are_large():
    (phase_map,) = recorded("zero-error", "depth").maps
    sigmoid, relu, tanh = phase_map.counts
    edge = min(usual(phase_map, 0))
    assert 6 < edge < 10
    assert set(sigmoid[:10]) == {0}
    assert min(relu) > 4
    assert set(tanh) == {8}
