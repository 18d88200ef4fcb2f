"""Draws the pictures of the plateau's lesson from the numbers of one seed.

``python -m tests.content.plateau_pictures`` writes them beside the lesson; a test compares them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from quizserver.lab.catalog import load
from quizserver.lab.replicas import Replicas

FOLDER = Path(__file__).resolve().parents[2] / "content" / "plateau"
SEED = 10
RATE = 1e-5
INK, GREY, RED, BLUE, GREEN = "#1f2933", "#6b7785", "#b3261e", "#1d5fa8", "#2e7d32"

Floats = NDArray[np.float64]


class Descent:
    """The default arm of ``simulation.py`` for one seed, with its parameters.

    ``at(k)`` are the parameters (3,) after k steps of gradient descent on ``x`` (20, 3) and
    ``speed`` (20,); ``eigenvalues`` (3,) ascend, with ``axes`` (3, 3) in columns.
    """

    def __init__(self, seed: int = SEED) -> None:
        simulation = load(FOLDER / "simulation.py")
        setting = dict(simulation.arm("narrow").knobs)
        replicas = Replicas(
            simulation.knobs, [setting], [seed], device=torch.device("cpu"), dtype=torch.float64
        )
        self.first = replicas.randn(20)[0, :3].numpy().astype(np.float64)
        noise = setting["noise"] * replicas.randn(2, 40)[0, 0, :20].numpy()
        self.time = np.arange(20.0)
        self.x = np.stack([self.time**2, self.time, np.ones(20)], axis=1)
        self.speed: Floats = truth(self.time) + noise
        self.eigenvalues, self.axes = np.linalg.eigh(2 / 20 * self.x.T @ self.x)
        self.best = np.linalg.lstsq(self.x, self.speed, rcond=None)[0].astype(np.float64)

    def at(self, step: int) -> Floats:
        left = (1 - RATE * self.eigenvalues) ** step
        return np.asarray(self.best + self.axes @ (left * (self.axes.T @ (self.first - self.best))))

    def loss(self, parameters: Floats) -> float:
        return float(np.mean((self.speed - self.x @ parameters) ** 2))


def truth(time: Floats) -> Floats:
    return np.asarray(0.75 * (time - 9.5) ** 2 + 1)


def fall(descent: Descent) -> str:
    """The loss over the first thirty steps."""
    losses = [descent.loss(descent.at(step)) for step in range(31)]

    def place(step: float, loss: float) -> tuple[float, float]:
        return 72 + 470 * step / 30, 230 - 200 * loss / 30_000

    parts = [_text(12, 18, "loss", GREY)]
    for value in (0, 10_000, 20_000):
        (x1, y), (x2, _) = place(0, value), place(30, value)
        parts.append(_path([(x1, y), (x2, y)], "#d5dbe1"))
        parts.append(_text(x1 - 10, y + 5, f"{value:,}", GREY, anchor="end"))
    for step in (0, 10, 20, 30):
        parts.append(_text(place(step, 0)[0], 250, str(step), GREY, anchor="middle"))
    parts.append(_text(place(15, 0)[0], 272, "step", GREY, anchor="middle"))
    parts.append(_path([place(*point) for point in enumerate(losses)], RED))
    for step, loss in enumerate(losses):
        x, y = place(step, loss)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{RED}"/>')
    for step in (0, 10, 30):
        x, y = place(step, losses[step])
        side, dy = ("end", -12) if step == 30 else ("start", -12 if step else 5)
        text = f"step {step}: {losses[step]:,.1f}"
        parts.append(_text(x + (12 if step == 0 else 0), y + dy, text, RED, anchor=side))
    return _svg(285, parts)


def fit(descent: Descent) -> str:
    """The measured speeds, and the parabola after 10, 100,000 and 500,000 steps and at its best."""
    left, bottom, wide, high = 48, 290, 490, 250

    def place(t: float, v: float) -> tuple[float, float]:
        return left + wide * t / 19, bottom - high * (v + 8) / 100

    parts = _axis_of_fit(place)
    curves = (
        ("step 10", descent.at(10), RED, ""),
        ("step 100,000", descent.at(100_000), GREY, "6 4"),
        ("step 500,000", descent.at(500_000), BLUE, "2 3"),
        ("the best parabola", descent.best, GREEN, ""),
    )
    time = np.linspace(0, 19, 77)
    for row, (name, parameters, colour, dash) in enumerate(curves):
        values = np.stack([time**2, time, np.ones(77)], axis=1) @ parameters
        parts.append(_path([place(t, v) for t, v in zip(time, values, strict=True)], colour, dash))
        line = 26 + 21 * row
        parts.append(_path([(150, line - 5), (184, line - 5)], colour, dash))
        text = f"{name}: loss {descent.loss(parameters):.1f}"
        parts.append(_text(192, line, text, colour))
    for t, v in zip(descent.time, descent.speed, strict=True):
        x, y = place(t, v)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{INK}"/>')
    return _svg(340, parts)


def _axis_of_fit(place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts = []
    for value in (0, 30, 60):
        (x1, y), (x2, _) = place(0, value), place(19, value)
        parts.append(_path([(x1, y), (x2, y)], "#d5dbe1"))
        parts.append(_text(x1 - 10, y + 5, str(value), GREY, anchor="end"))
    for t in (0, 5, 10, 15):
        parts.append(_text(place(t, 0)[0], 310, str(t), GREY, anchor="middle"))
    parts.append(_text(place(9.5, 0)[0], 330, "time (s)", GREY, anchor="middle"))
    parts.append(_text(12, 18, "speed", GREY))
    return parts


def valley(descent: Descent) -> str:
    """The loss over its steepest and its flattest axis, and the first thousand steps."""
    return _descent(descent, [*range(11), 1000], [(0, 12, 5), (1, 12, 5), (2, 12, 5)])


def journey(descent: Descent) -> str:
    """The same, to step 500,000."""
    marked = [(0, 12, 5), (10, 10, 24), (100_000, -10, 24), (500_000, -10, 24)]
    return _descent(descent, [*range(11), *range(20_000, 500_001, 20_000)], marked)


def _descent(
    descent: Descent, steps: Sequence[int], marked: Sequence[tuple[int, float, float]]
) -> str:
    """The path through ``steps``, some of them ``marked``: step, and where its label stands."""
    steep, flat = descent.eigenvalues[2], descent.eigenvalues[0]
    along = np.sign((descent.axes.T @ (descent.first - descent.best))[[0, 2]])

    def place(parameters: Floats) -> tuple[float, float]:
        error = descent.axes.T @ (parameters - descent.best)
        return _at(along[0] * error[0], along[1] * error[2])

    parts = ['<clipPath id="frame"><rect x="10" y="10" width="540" height="300"/></clipPath>']
    parts.append('<g clip-path="url(#frame)">')
    for level in (10_000, 3_000, 1_000, 300, 100, 30):
        x, y = _at(0, 0)
        across, down = math.sqrt(2 * level / flat) * LONG, math.sqrt(2 * level / steep) * HIGH
        parts.append(
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{across:.1f}" ry="{down:.1f}" '
            'fill="#1d5fa8" fill-opacity="0.07" stroke="#8fb2d6"/>'
        )
    parts.append("</g>")
    parts.append(_path([place(descent.at(k)) for k in steps], RED))
    if steps[-1] == 1000:
        x, y = place(descent.at(10))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{RED}"/>')
        parts.append(_text(x + 10, y + 24, "step 10", RED))
        parts.append(_text(x - 10, y + 24, "step 1,000", RED, anchor="end"))
    for k, dx, dy in marked:
        x, y = place(descent.at(k))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{RED}"/>')
        parts.append(_text(x + dx, y + dy, f"step {k:,}", RED))
    x, y = _at(0, 0)
    parts.append(_path([(x - 6, y), (x + 6, y)], GREEN))
    parts.append(_path([(x, y - 6), (x, y + 6)], GREEN))
    parts.append(_text(x - 8, y - 12, "minimum", GREEN, anchor="end"))
    parts.append(_text(12, 334, f"from left to right: eigenvalue {flat:.2f}", GREY))
    parts.append(_text(12, 356, f"from bottom to top: eigenvalue {steep:,.0f}, drawn "
                       f"{HIGH / LONG:.0f} times too large", GREY))  # fmt: skip
    return _svg(370, parts)


LONG, HIGH = 5.2, 170.0
"""Pixels for one unit of the parameters, along the valley and across it."""


def _at(along: float, across: float) -> tuple[float, float]:
    return 110 + LONG * along, 210 - HIGH * across


def _path(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{text}</text>'


def _svg(height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="560" height="{height}" '
        f'viewBox="0 0 560 {height}" font-family="sans-serif" font-size="15">'
    )
    ground = f'<rect width="560" height="{height}" rx="8" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


PICTURES = {"fall.svg": fall, "fit.svg": fit, "valley.svg": valley, "journey.svg": journey}


if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(Descent()), encoding="utf-8")
