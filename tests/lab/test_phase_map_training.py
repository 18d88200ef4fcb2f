"""A phase map is what single runs of its cells say, however they are batched and ordered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from quizserver.lab import Axis, Knob, Map, Simulation
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import SimulationError
from quizserver.lab.phase_map_training import train_phase_map
from quizserver.lab.phase_maps import PhaseMap, Plane, build_plane
from quizserver.lab.shapes.single import SHAPES

from .examples import DECAY, MOMENTUM, RATE, mlp, plain

BATCH = Knob("batch", "Batch", 4, 12, default=8, integer=True)
UNITS = Knob("units", "Units", 2, 7, default=4, integer=True)


def learning() -> Simulation:
    """A small network whose curves fall in some cells and not in others, seed by seed."""
    return mlp((2, 8, 1), examples=16, batch=8, points=12)


def whole() -> Simulation:
    """Two whole-number knobs that shape the network and its batches."""
    simulation = plain(8, knobs=[RATE, BATCH, UNITS])

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, torch.Tensor]]]:
        x = replicas.randn(24, 2)
        weight = replicas.randn(2, replicas.knobs.units)
        for epoch in range(8):
            yield epoch, {"loss": (x @ weight).square().mean((1, 2))}
            for (some,) in replicas.batches(x, size=replicas.knobs.batch):
                push = replicas.knobs.rate.view(-1, 1, 1) * some.transpose(1, 2) @ (some @ weight)
                weight = weight - push / 24

    return simulation


def small_plane(simulation: Simulation, declared: Map, **other: Any) -> Plane:
    return build_plane(simulation.describe(), declared, **{"side": 5, "replicas": 3, **other})


def one_by_one(simulation: Simulation, of: Plane) -> list[int]:
    """Each cell trained by itself, one seed at a time."""
    series = of.series or next(iter(simulation.series))
    counts = []
    for cell in range(of.cell_count):
        runs = [simulate(simulation, of.cell_setting(cell), [seed]) for seed in of.seeds]
        holds = [SHAPES[of.shape].shown_by(run.x, run.series[series])[0] for run in runs]
        counts.append(sum(map(bool, holds)))
    return counts


def flat(trained: PhaseMap | None) -> list[int]:
    assert trained is not None
    return [count for row in trained.counts for count in row]


def test_every_count_is_that_of_the_cell_trained_alone() -> None:
    simulation = learning()
    of = small_plane(simulation, Map("rate", "momentum", "early-drop"), first_seed=4)
    counts = flat(train_phase_map(simulation, of))
    assert counts == one_by_one(simulation, of)
    assert len(set(counts)) > 2


@pytest.mark.parametrize("at_once", [1, 7, 24, 10_000])
def test_counts_do_not_depend_on_the_size_of_a_chunk(at_once: int) -> None:
    simulation = learning()
    of = small_plane(simulation, Map("rate", "decay", "early-drop"))
    assert train_phase_map(simulation, of, at_once=at_once) == train_phase_map(simulation, of)


@pytest.mark.parametrize(("x", "y"), [("rate", "units"), ("batch", "rate"), ("units", "batch")])
def test_whole_number_knobs_are_counted_like_others(x: str, y: str) -> None:
    simulation = whole()
    of = small_plane(simulation, Map(x, y, "early-drop"), setting={"rate": 0.08})
    counts = flat(train_phase_map(simulation, of, at_once=20))
    assert counts == one_by_one(simulation, of)
    assert 0 < sum(counts) < 3 * of.cell_count


def test_cells_alike_in_a_whole_number_knob_train_together(monkeypatch: Any) -> None:
    """Batches are not much more than one a chunk, although the cells come coarse to fine."""
    simulation = whole()
    of = build_plane(simulation.describe(), Map("units", "rate", "early-drop"), replicas=8)
    groups: list[int] = []

    def counted(_simulation: Simulation, settings: Sequence[Any], seeds: Any, **_: Any) -> Any:
        groups.append(len({setting["units"] for setting in settings}))
        return simulate(simulation, settings, seeds)

    monkeypatch.setattr("quizserver.lab.phase_map_training.simulate", counted)
    train_phase_map(simulation, of)
    assert of.cell_count == 6 * 24
    assert sum(groups) <= 3 * 6 + len(groups)  # six values in each of three levels


def test_every_cell_is_reported_once_with_its_count_from_coarse_to_fine() -> None:
    simulation = learning()
    of = small_plane(simulation, Map("rate", "momentum", "early-drop"), side=8)
    seen: list[tuple[int, int]] = []
    sizes: list[int] = []

    def note(cells: Sequence[int], counts: Sequence[int]) -> None:
        sizes.append(len(cells))
        seen.extend(zip(cells, counts, strict=True))

    trained = train_phase_map(simulation, of, on_cells=note, at_once=48)
    assert [count for _, count in sorted(seen)] == flat(trained)
    assert sorted(cell for cell, _ in seen) == list(range(64))
    assert max(sizes) == 16
    rows = {cell // 8 for cell, _ in seen[:16]}
    columns = {cell % 8 for cell, _ in seen[:16]}
    assert min(len(rows), len(columns)) >= 4  # a coarse picture of all of it


def test_a_map_that_is_stopped_is_none_and_what_came_before_was_reported() -> None:
    simulation = learning()
    of = small_plane(simulation, Map("rate", "momentum", "early-drop"))
    seen: list[int] = []
    trained = train_phase_map(
        simulation,
        of,
        on_cells=lambda cells, _: seen.extend(cells),
        should_stop=lambda: len(seen) > 8,
        at_once=12,
    )
    assert trained is None
    assert 8 < len(seen) < of.cell_count


def test_another_series_than_the_first_may_be_counted() -> None:
    simulation = plain(
        10, knobs=[RATE, DECAY], series={"loss": Axis("loss"), "still": Axis("still")}
    )

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, torch.Tensor]]]:
        for epoch in range(10):
            falling = torch.exp(-replicas.knobs.rate * epoch)
            yield epoch, {"loss": falling, "still": torch.ones_like(falling)}

    of = small_plane(simulation, Map("rate", "decay", "flat", series="still"))
    assert set(flat(train_phase_map(simulation, of))) == {3}
    first = small_plane(simulation, Map("rate", "decay", "flat"))
    assert set(flat(train_phase_map(simulation, first))) == {0, 3}
    with pytest.raises(KeyError, match="gone"):
        train_phase_map(
            simulation, small_plane(simulation, Map("rate", "decay", "flat", series="gone"))
        )


def test_runs_that_diverge_are_counted_as_such() -> None:
    simulation = learning()
    of = small_plane(simulation, Map("rate", "scale", "diverges"), setting={"momentum": 0.99})
    counts = flat(train_phase_map(simulation, of))
    assert counts[0] == 0
    assert max(counts) == 3


def test_an_error_of_the_authors_code_is_reported_with_its_line() -> None:
    simulation = plain(5, knobs=[RATE, DECAY])

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, torch.Tensor]]]:
        raise RuntimeError("too bad")
        yield 0.0, {"loss": replicas.knobs.rate}

    with pytest.raises(SimulationError, match="RuntimeError: too bad") as caught:
        train_phase_map(simulation, small_plane(simulation, Map("rate", "decay", "flat")))
    assert caught.value.line is not None


def test_a_map_read_from_json_is_the_map_that_was_swept() -> None:
    """What a worker writes as plain JSON has all counts as whole numbers."""
    simulation = learning()
    trained = train_phase_map(
        simulation, small_plane(simulation, Map("rate", "momentum", "early-drop"))
    )
    assert trained is not None
    assert json.loads(json.dumps(trained.counts)) == [list(row) for row in trained.counts]


def test_learning_rate_and_momentum_share_one_boundary() -> None:
    """Plain gradient descent on a parabola diverges where rate > 2 (1 + momentum).

    The rule is Polyak's (1964), for a curvature of one.
    """
    simulation = plain(60, knobs=[Knob("rate", "Rate", 0.5, 6, default=1), MOMENTUM])

    @simulation.train
    def train(replicas: Any) -> Iterator[tuple[float, dict[str, torch.Tensor]]]:
        place, speed = 1 + replicas.rand(1).flatten(), 0.0
        for step in range(60):
            yield step, {"loss": place.square()}
            speed = replicas.knobs.momentum * speed - replicas.knobs.rate * place
            place = place + speed

    of = small_plane(simulation, Map("rate", "momentum", "diverges"), side=12)
    trained = flat(train_phase_map(simulation, of))
    for cell, count in enumerate(trained):
        knobs = of.cell_setting(cell)
        limit = 2 * (1 + knobs["momentum"])
        if abs(knobs["rate"] - limit) > 0.3:
            assert count == (3 if knobs["rate"] > limit else 0), knobs
