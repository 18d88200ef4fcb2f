"""A replica is its setting and its seed: nothing else changes its curve."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from quizserver import lab
from quizserver.lab import Axis, Knob, losses
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.model import KnobError, SimulationError
from quizserver.lab.simulation import Simulation

from .examples import RATE, mlp, plain

NETWORKS: list[dict[str, Any]] = [
    {"sizes": (2, 128, 1), "batch": 32},
    {"sizes": (2, 10, 1), "examples": 100, "batch": 32},
    {"sizes": (2, 7, 5, 3), "activation": nn.GELU, "examples": 101, "batch": 9},
    {"sizes": (1, 33, 1), "activation": nn.Sigmoid, "examples": 100, "batch": 100},
    {"sizes": (3, 16, 17, 2), "activation": nn.ReLU, "examples": 50, "batch": 16},
]


def _other_arms(seeds: list[int]) -> tuple[list[Mapping[str, float]], list[int]]:
    """Replicas of four other settings around those asked for."""
    others = [{"rate": 3.0}, {"momentum": 0.9}, {"decay": 0.1}, {"scale": 0.1}]
    around = [(other, seed) for other in others for seed in seeds]
    return [setting for setting, _ in around], [seed for _, seed in around]


@pytest.mark.parametrize("by_hand", [True, False], ids=["by-hand", "autograd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: "-".join(map(str, n["sizes"])))
def test_a_seed_is_the_same_curve_to_the_last_bit_whoever_else_is_in_the_batch(
    network: dict[str, Any], dtype: str, by_hand: bool
) -> None:
    simulation = mlp(**network, points=5, by_hand=by_hand)
    everyone = simulate(simulation, {}, range(64), dtype=dtype).series["loss"]

    def same(seeds: list[int], curves: np.ndarray) -> None:
        np.testing.assert_array_equal(curves, everyone[seeds])

    for seeds in ([17], [3, 17, 1, 60, 22, 9, 63], list(range(63, -1, -1)), list(range(40))):
        same(seeds, simulate(simulation, {}, seeds, dtype=dtype).series["loss"])
    small = simulate(simulation, {}, range(64), dtype=dtype, batch=7)
    same(list(range(64)), small.series["loss"])
    around, seeds = _other_arms(list(range(9)))
    mixed = simulate(simulation, [*around, {}, {}], [*seeds, 17, 4], dtype=dtype, batch=128).series[
        "loss"
    ]
    same([17, 4], mixed[-2:])


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    examples=st.integers(1, 70),
    batch=st.integers(1, 70),
    activation=st.sampled_from([nn.Tanh, nn.Sigmoid, nn.ReLU, nn.GELU]),
    others=st.integers(1, 70),
    place=st.integers(0, 70),
    by_hand=st.booleans(),
)
def test_a_network_of_any_shape_gives_a_seed_the_same_curve_at_any_place(
    sizes: list[int],
    examples: int,
    batch: int,
    activation: type[nn.Module],
    others: int,
    place: int,
    by_hand: bool,
) -> None:
    simulation = mlp(
        sizes, activation=activation, examples=examples, batch=max(batch, examples // 4), points=3,
        by_hand=by_hand,
    )  # fmt: skip
    seeds = list(range(100, 100 + others))
    seeds.insert(min(place, others), 17)
    among = simulate(simulation, {}, seeds).series["loss"][seeds.index(17)]
    np.testing.assert_array_equal(among, simulate(simulation, {}, [17]).series["loss"][0])


def test_the_example_in_the_rooms_docstring_trains(tmp_path: Path) -> None:
    text = lab.__doc__ or ""
    example = textwrap.dedent(text[text.index("    from torch") : text.index("``step`` is")])
    data = "torch.ones(9, 2), torch.zeros(9, 1)"
    path = tmp_path / "simulation.py"
    path.write_text("import torch\n" + example.replace("...", data), encoding="utf-8")
    simulation = load(path)
    curves = simulate(simulation, simulation.arm("slow").knobs, range(3)).series["loss"]
    assert curves.shape == (3, 51)
    assert (curves[:, -1] < curves[:, 0] / 10).all()


def test_threads_do_not_change_a_curve() -> None:
    simulation = mlp((2, 128, 1), batch=64)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = simulate(simulation, {}, range(64))
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        one = simulate(simulation, {}, range(64))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one.series["loss"], two.series["loss"])


def test_different_seeds_are_different_curves() -> None:
    curves = simulate(mlp(), {}, range(64)).series["loss"]
    assert len(np.unique(curves[:, 0])) == 64
    assert len(np.unique(curves[:, -1])) == 64


def test_arms_with_one_seed_start_alike() -> None:
    curves = simulate(mlp(), [{"rate": 0.1}, {"rate": 1.0}], [5, 5]).series["loss"]
    assert curves[0, 0] == curves[1, 0]
    assert curves[0, 1] != curves[1, 1]


def test_each_replica_has_its_own_setting() -> None:
    simulation = mlp()
    settings = [{"rate": 0.01}, {"rate": 1.0}, {"scale": 0.3}, {"decay": 0.2}]
    together = simulate(simulation, settings, [1, 2, 3, 4]).series["loss"]
    for index, setting in enumerate(settings):
        alone = simulate(simulation, setting, [index + 1]).series["loss"]
        np.testing.assert_array_equal(together[index : index + 1], alone)


def test_a_setting_left_out_is_the_default() -> None:
    simulation = mlp()
    curves = simulate(simulation, [{}, {"rate": RATE.default}], [1, 1])
    np.testing.assert_array_equal(*curves.series["loss"])
    assert curves.settings[0] == {"rate": 0.1, "momentum": 0, "decay": 0, "scale": 1}


def test_points_arrive_while_it_trains() -> None:
    heard: list[tuple[int, float, np.ndarray]] = []
    curves = simulate(
        mlp(points=4),
        {},
        range(5),
        on_points=lambda index, x, values: heard.append((index, x, values["loss"].copy())),
        batch=2,
    )
    assert [(index, x) for index, x, _ in heard] == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    np.testing.assert_array_equal(np.stack([v for *_, v in heard], axis=1), curves.series["loss"])
    assert curves.x.tolist() == [0, 1, 2, 3]
    assert not curves.stopped


def test_it_stops_at_the_next_point_when_it_should() -> None:
    heard: list[int] = []
    curves = simulate(
        mlp(points=50),
        {},
        range(3),
        on_points=lambda index, _x, _values: heard.append(index),
        should_stop=lambda: len(heard) == 7,
    )
    assert curves.stopped
    assert heard == list(range(7))
    assert curves.x.shape == (7,)
    assert curves.series["loss"].shape == (3, 7)


def test_what_a_callback_raises_comes_through_unchanged() -> None:
    class HungUpError(Exception):
        pass

    def hang_up(*_: object) -> None:
        raise HungUpError

    with pytest.raises(HungUpError):
        simulate(mlp(), {}, [0], on_points=hang_up)


def test_overflow_is_data_and_stays_with_its_replica() -> None:
    simulation = mlp((2, 16, 1), activation=nn.ReLU, points=40)
    curves = simulate(simulation, [{"rate": 10.0, "scale": 10.0}, {}], [1, 2]).series["loss"]
    assert not np.isfinite(curves[0, -1])
    np.testing.assert_array_equal(curves[1:], simulate(simulation, {}, [2]).series["loss"])


def test_no_replicas_is_no_curve() -> None:
    curves = simulate(mlp(), {}, [])
    assert curves.series["loss"].shape == (0, 0)


def test_replicas_that_differ_in_an_integer_knob_train_apart() -> None:
    simulation = plain(2, knobs=[RATE, Knob("units", "Units", 1, 64, default=8, integer=True)])

    @simulation.train
    def train(replicas: Any) -> Any:
        net = replicas.linear(1, replicas.knobs.units)
        assert type(replicas.knobs.units) is int
        for step in range(2):
            width = torch.full((replicas.count,), float(net.weight.shape[2]))
            yield step, {"loss": width + replicas.knobs.rate}

    settings = [{"units": 3}, {"units": 20, "rate": 1.0}, {"units": 3, "rate": 2.0}]
    curves = simulate(simulation, settings, [0, 1, 2]).series["loss"]
    np.testing.assert_allclose(curves[:, 0], [3.1, 21, 5])


def test_knobs_out_of_range_and_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(KnobError, match="Learning rate must be between"):
        simulate(mlp(), {"rate": 11}, [0])
    with pytest.raises(ValueError, match="2 settings for 3 seeds"):
        simulate(mlp(), [{}, {}], [0, 1, 2])


def _yielding(item: object, points: int = 2) -> Simulation:
    simulation = plain(points)

    @simulation.train
    def train(_replicas: Any) -> Any:
        yield item

    return simulation


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (torch.zeros(32), "must yield x and a dict"),
        ((0, torch.zeros(32)), "must yield x and a dict"),
        ((0, {"lost": torch.zeros(32)}), "yielded the series lost, but .* declares loss"),
        ((0, {"loss": torch.zeros(())}), "one value for each of the 32 replicas"),
        ((0, {"loss": 0.5}), "one value for each of the 32 replicas"),
    ],
)
def test_a_point_of_the_wrong_kind_is_explained_to_the_author(item: object, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        simulate(_yielding(item), {}, [0])


def test_too_few_points_are_explained_to_the_author() -> None:
    with pytest.raises(SimulationError, match="yielded 1 points, but points=2"):
        simulate(_yielding((0, {"loss": torch.zeros(32)})), {}, [0])


def test_a_failure_in_train_names_the_line_of_the_file() -> None:
    simulation = plain(2)

    @simulation.train
    def train(replicas: Any) -> Any:
        output = torch.zeros(replicas.count, 4, 1)
        yield 0, {"loss": losses.mse_loss(output, torch.zeros(replicas.count, 4))}

    with pytest.raises(
        SimulationError, match=r"ValueError: the output has shape \(32, 4, 1\)"
    ) as e:
        simulate(simulation, {}, [0])
    assert e.value.line == train.__code__.co_firstlineno + 3


def test_no_grad_around_a_yield_does_not_stop_other_batches_from_learning() -> None:
    simulation = plain(4)

    @simulation.train
    def train(replicas: Any) -> Any:
        net = replicas.linear(1, 1)
        (one,) = replicas.share(torch.ones(1, 1))
        for step in range(4):
            with torch.no_grad():
                yield step, {"loss": net(one).flatten()}
            net(one).sum().backward()

    assert np.isfinite(simulate(simulation, {}, range(70), batch=32).series["loss"]).all()
    assert torch.is_grad_enabled()


def test_several_series_come_back_by_name() -> None:
    simulation = plain(2, series={"loss": Axis("loss"), "norm": Axis("norm")})

    @simulation.train
    def train(replicas: Any) -> Any:
        for step in range(2):
            yield step, {"norm": replicas.knobs.rate * 0 + 2, "loss": replicas.knobs.rate}

    curves = simulate(simulation, {"rate": 0.5}, [1])
    assert {name: values.tolist() for name, values in curves.series.items()} == {
        "loss": [[0.5, 0.5]],
        "norm": [[2, 2]],
    }


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("by_hand", [True, False], ids=["by-hand", "autograd"])
def test_an_accelerator_trains_the_same_curves_up_to_rounding(by_hand: bool) -> None:
    simulation = mlp((2, 16, 3), by_hand=by_hand, examples=50)
    here, there = (
        simulate(simulation, {}, range(40), device=device, dtype="float64").series["loss"]
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(there, here, rtol=1e-9)
