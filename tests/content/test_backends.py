"""Every arm of every topic: by the kernel and in torch, and by the kernel on other processors."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from quizserver.lab.ensemble import Curves, simulate
from quizserver.lab.model import Backend
from tests.content.curve_digest import CONTENT, STEPPING, load_simulation, short_arms

SEEDS = range(8)
POINTS = 6
FLOAT64 = 3
"""The value of a knob ``precision``, where it and not the simulation decides the format."""


def first_points(name: str, backend: Backend) -> Curves:
    """The first points of every arm in float64, in which chaos sets in late."""
    simulation = load_simulation(name)
    asked = iter(range(POINTS))
    settings = short_arms(simulation)
    if any(knob.name == "precision" for knob in simulation.knobs):
        settings = [{**setting, "precision": FLOAT64} for setting in settings]
    return simulate(
        simulation,
        [setting for setting in settings for _ in SEEDS],
        [seed for _ in settings for seed in SEEDS],
        should_stop=lambda: next(asked, None) is None,
        dtype="float64",
        backend=backend,
    )


@pytest.mark.parametrize("name", STEPPING)
def test_every_arm_has_the_same_curves_by_the_kernel_and_in_torch(name: str) -> None:
    by_kernel, by_torch = (first_points(name, backend) for backend in ("auto", "torch"))
    assert (by_kernel.backends, by_torch.backends) == (("kernel",), ("torch",))
    assert by_torch.x.shape == (POINTS,)
    loss = by_torch.series["loss"]
    # a loss that has grown tenfold is on its way to overflow, and every rounding with it; one that
    # is next to nothing is made of roundings
    calm = (np.maximum.accumulate(loss, axis=1) < 10 * loss[:, :1]) & (loss > 1e-17)
    assert calm.mean() > 0.6
    for series, expected in by_torch.series.items():
        np.testing.assert_allclose(
            by_kernel.series[series][calm], expected[calm], rtol=1e-6, atol=1e-12, err_msg=series
        )


def test_all_others_take_no_training_step_and_are_trained_in_torch() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in CONTENT.glob("*/*.py")}
    for name in sorted(names - set(STEPPING)):
        simulation = load_simulation(name)
        asked = iter(range(1))
        curves = simulate(
            simulation, {}, range(2), should_stop=lambda asked=asked: next(asked, None) is None
        )
        assert curves.backends == ("torch",), name


@pytest.mark.slow
def test_curves_are_the_same_on_a_processor_with_fewer_abilities() -> None:
    """torch and the kernel are told to use nothing newer than SSE."""

    def digests(**environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.content.curve_digest"],
            env={**os.environ, **environment},
            cwd=CONTENT.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    usual = digests()
    assert usual.count("\n") == len(STEPPING)
    assert digests(ATEN_CPU_CAPABILITY="default", QUIZSERVER_KERNEL="x86-64-v2") == usual
