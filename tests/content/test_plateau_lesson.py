"""The plateau's pages and pictures: each figure in them is the one that was measured."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from quizserver.evidence.record import read_evidence
from quizserver.lab.catalog import load
from quizserver.lab.ensemble import simulate
from tests.content.plateau_pictures import FOLDER, PICTURES, RATE, SEED, Descent

Floats = NDArray[np.float64]
ARMS = ("narrow", "wide")


def test_the_lesson_states_the_eigenvalues() -> None:
    text = (FOLDER / "lesson.md").read_text(encoding="utf-8")
    small, middle, large = Descent().eigenvalues
    assert (
        f"| {large:,.0f} | {1 - RATE * large:.3f} | {-1 / np.log(1 - RATE * large):.1f} |" in text
    )
    assert f"| {middle:.1f} | {1 - RATE * middle:.5f} | {1 / (RATE * middle):,.0f} |" in text
    assert f"| {small:.3f} | {1 - RATE * small:.7f} | {1 / (RATE * small):,.0f} |" in text
    assert f"Here it is {round(large / small, -3):,.0f}." in text


def _eigenvalues(features: list[Floats]) -> Floats:
    x = np.stack(features, axis=1)
    return np.asarray(np.linalg.eigvalsh(2 / len(x) * x.T @ x))


def test_the_pages_state_the_other_eigenvalues_too() -> None:
    lesson, rate, half = (
        " ".join((FOLDER / name).read_text(encoding="utf-8").split())
        for name in ("lesson.md", "plateau-rate.md", "plateau-half-million.md")
    )
    time = np.arange(20.0)
    one = np.ones(20)
    scaled = [(t - t.mean()) / t.std() for t in (time**2, time)]
    standardised = _eigenvalues([*scaled, one])
    centred = _eigenvalues([(time - 9.5) ** 2, time - 9.5, one])
    long = np.arange(-20.0, 20.0)
    wide = _eigenvalues([long**2, long, np.ones(40)])
    assert [f"{value:.2f}" for value in standardised] == ["0.07", "2.00", "3.93"]
    assert "the three are 3.93, 2 and 0.07" in rate
    assert f"is {standardised[2] / standardised[0]:.0f} |" in lesson
    assert f"is {centred[2] / centred[0]:,.0f}, and the slow direction" in lesson
    assert f"to {round(wide[2] / wide[0], -3):,.0f} |" in lesson
    assert f"largest eigenvalue is {wide[2]:,.0f}" in half
    assert f"from 0.26 to {centred[0]:.2f}. (With the wide range it is {wide[0]:.2f}.)" in half


def test_the_lesson_states_the_recorded_medians() -> None:
    evidence = read_evidence(FOLDER)
    assert evidence is not None
    text = (FOLDER / "lesson.md").read_text(encoding="utf-8")
    text = " ".join(text.split())
    for simulation, arm, step, said, digits in (
        ("steps", "plateau", 10, "instead of {}", 0),
        ("steps", "no-noise", 10, "plateau is at {}", 0),
        ("steps", "plateau", 1000, "against {}", 0),
        ("steps", "triple", 1000, "{} at step 1000", 0),
        ("steps", "standardised-fast", 150, "{} at step 150", 1),
        ("steps", "centred", 100, "{} at step 100", 0),
        ("simulation", "narrow", 500_000, "from 651 to {}", 0),
        ("simulation", "wide", 500_000, "{} at step 500,000", 1),
        ("simulation", "fitted", 500_000, "a loss of {}", 1),
    ):
        experiment = evidence.experiments[simulation]
        median = experiment.ensembles[arm].series["loss"].median[experiment.x.index(step)]
        assert said.format(f"{median:.{digits}f}") in text, (arm, step, median)


@pytest.mark.parametrize(
    ("page", "says", "simulation", "arm", "series", "step", "digits"),
    [
        ("676", "a loss of about {} here", "simulation", "fitted", "loss", 500_000, 1),
        ("676", "within a hundred steps to about {}.", "steps", "centred", "loss", 100, 0),
        ("half-million", "The loss goes down to {}.", "simulation", "wide", "loss", 500_000, 1),
        ("half-million", "about 650 to about {}.", "simulation", "narrow", "loss", 500_000, 0),
        ("half-million", "the old one {}.", "simulation", "narrow", "loss", 1000, 0),
        ("half-million", "is {} with the narrow", "simulation", "narrow", "excess", 500_000, 0),
        ("half-million", "{} with the wide one", "simulation", "wide", "excess", 500_000, 2),
        ("zero", "is about {}, against", "simulation", "narrow", "validation", 500_000, 0),
        ("zero", "about 49, against {}.", "simulation", "fitted", "validation", 500_000, 0),
    ],
)
def test_a_question_states_the_recorded_median(
    page: str, says: str, simulation: str, arm: str, series: str, step: int, digits: int
) -> None:
    evidence = read_evidence(FOLDER)
    assert evidence is not None
    experiment = evidence.experiments[simulation]
    median = experiment.ensembles[arm].series[series].median[experiment.x.index(step)]
    text = (FOLDER / f"plateau-{page}.md").read_text(encoding="utf-8").replace("\n  > ", " ")
    assert says.format(f"{median:.{digits}f}") in " ".join(text.split()), median


def test_a_question_counts_the_pairs_in_which_the_old_range_is_still_ahead() -> None:
    simulation = load(FOLDER / "simulation.py")
    narrow, wide = (simulate(simulation, simulation.arm(a).knobs, range(64)) for a in ARMS)
    ahead = (narrow.series["loss"] < wide.series["loss"]).sum(axis=0)
    counts = dict(zip(narrow.x, ahead.tolist(), strict=True))
    text = (FOLDER / "plateau-half-million.md").read_text(encoding="utf-8")
    assert counts[80_000] == 64
    assert f"at step 100,000 in {counts[100_000]}." in text


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_its_seed_does(name: str) -> None:
    """Word for word the same drawing, every number the same but for rounding."""
    stored = (FOLDER / name).read_text(encoding="utf-8")
    drawn = PICTURES[name](Descent())
    number = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
    assert number.sub("#", stored) == number.sub("#", drawn)
    ours, theirs = (
        [float(n.replace(",", "")) for n in number.findall(text)] for text in (stored, drawn)
    )
    np.testing.assert_allclose(ours, theirs, atol=0.11)


def test_the_pictures_losses_are_those_of_the_simulation() -> None:
    curves = simulate(load(FOLDER / "simulation.py"), {}, [SEED])
    loss = dict(zip(curves.x, curves.series["loss"][0], strict=True))
    picture = (FOLDER / "fit.svg").read_text(encoding="utf-8")
    lesson = (FOLDER / "lesson.md").read_text(encoding="utf-8")
    for step in (10, 100_000, 500_000):
        assert f"step {step:,}: loss {loss[step]:.1f}<" in picture
        assert f"{loss[step]:.1f}" in lesson
    descent = Descent()
    first, third, tenth, thirtieth = (descent.loss(descent.at(k)) for k in (0, 3, 10, 30))
    question = (FOLDER / "plateau-676.md").read_text(encoding="utf-8")
    assert third < 1000
    assert f"falls from {first:,.0f} to below 1,000 within three steps" in question
    assert f"is {tenth:.1f} at step 10, and {thirtieth:.1f} at step 30" in question
