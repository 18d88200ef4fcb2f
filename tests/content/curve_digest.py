"""``python -m tests.content.curve_digest``: a digest of curves of all topics, for other processors.

Every arm that the kernel trains, all series and points, on a few seeds.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from quizserver.lab.simulation import Simulation

CONTENT = Path(__file__).parent.parent.parent / "content"
STEPPING = (
    "strange-loss/simulation", "strange-loss/second", "strange-loss/wide_relu",
    "noiseless/capacity", "noiseless/rates", "noiseless/sigmoid_relu", "noiseless/sigmoid_start",
    "plateau/steps", "zero-error/floor", "zero-error/precision",
)  # fmt: skip
"""The simulations that take a training step."""
FLOAT32 = 2
"""The first value of a knob ``precision`` that is no format of 16 bits."""


def load_simulation(name: str) -> Simulation:
    return load(CONTENT / f"{name}.py")


def short_arms(simulation: Simulation) -> list[dict[str, float]]:
    """The setting of each arm that the kernel trains, with as few steps between two points as there
    can be: none of those in 16 bits."""
    short = {knob.name: 1.0 for knob in simulation.knobs if knob.name == "epochs_per_point"}
    return [
        {**arm.knobs, **short}
        for arm in simulation.arms
        if arm.knobs.get("precision", FLOAT32) >= FLOAT32
    ]


def digest_of(name: str, seeds: range) -> str:
    simulation = load_simulation(name)
    settings = short_arms(simulation)
    curves = simulate(
        simulation,
        [setting for setting in settings for _ in seeds],
        [seed for _ in settings for seed in seeds],
        backend="kernel",
    )
    digest = hashlib.sha256()
    for series in curves.series.values():
        # not which of the many that are no number
        digest.update(np.where(np.isnan(series), np.nan, series).tobytes())
    return digest.hexdigest()


def main() -> None:
    for name in STEPPING:
        sys.stdout.write(f"{name} {digest_of(name, range(2))}\n")


if __name__ == "__main__":
    main()
