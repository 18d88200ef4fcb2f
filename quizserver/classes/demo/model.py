"""How the invented learners of ``quizserver demo`` answer. Pure numpy; ``words.MODEL`` says it.

The chance of a right answer is that of the two-parameter logistic model: A. Birnbaum, in F. M. Lord
and M. R. Novick, "Statistical theories of mental test scores", 1968.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DAYS = 14
GAIN = 1.5
AGAIN, RAN, MOST = 0.65, 0.45, 4
NEVER, STOPPED, STUCK = 0.06, 0.08, 0.05
ANSWERED = 0.97

Kind = Literal["usual", "never", "stopped", "stuck"]
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A question as the model sees it.

    ``wrong`` are its wrong choices, each a set of option ids, ``utilities`` (len(wrong),) theirs;
    the misconception is number ``popular``.
    """

    question: str
    right: tuple[str, ...]
    wrong: tuple[tuple[str, ...], ...]
    difficulty: float
    discrimination: float
    utilities: NDArray[np.float64]
    popular: int
    has_experiment: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One attempt. ``ago`` is how many seconds ago, ``ran_ago`` the same of an experiment that was
    run before it, None when there was none."""

    question: str
    number: int
    chosen: tuple[str, ...]
    right: bool
    seconds: float
    ago: float
    ran_ago: float | None


def draw(
    rng: np.random.Generator,
    question: str,
    options: Sequence[str],
    right: frozenset[str],
    *,
    has_experiment: bool,
) -> Drawn:
    """A question's parameters, drawn once for all learners."""
    wrong = _wrong_choices(options, right)
    return Drawn(
        question,
        tuple(option for option in options if option in right),
        wrong,
        float(rng.normal(0, 0.9)),
        float(np.exp(rng.normal(0.2, 0.3))),
        rng.normal(0, 0.7, len(wrong)),
        int(rng.integers(len(wrong))),
        has_experiment,
    )


def _wrong_choices(options: Sequence[str], right: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Each wrong option alone; where several are right, the right choice with one changed."""
    if len(right) == 1:
        return tuple((option,) for option in options if option not in right)
    changed = [right ^ {option} for option in options]
    return tuple(tuple(o for o in options if o in each) for each in changed if each)


def kinds(rng: np.random.Generator, learners: int) -> list[Kind]:
    """What kind of learner each is: the stated shares, rounded, in a random order."""
    drawn: list[Kind] = []
    shares: list[tuple[Kind, float]] = [("never", NEVER), ("stopped", STOPPED), ("stuck", STUCK)]
    for kind, share in shares:
        drawn += [kind] * round(share * learners)
    drawn += ["usual"] * (learners - len(drawn))
    return [drawn[place] for place in rng.permutation(learners)]


def answers(rng: np.random.Generator, kind: Kind, questions: Sequence[Drawn]) -> Iterator[Answer]:
    """Everything that one learner does, question after question."""
    if kind == "never":
        return
    ability = float(rng.normal())
    chosen = [each for each in questions if rng.random() < ANSWERED]
    if kind == "stopped":
        chosen = chosen[: max(1, len(questions) // 2)]
    hardest = max(questions, key=lambda each: each.difficulty)
    if kind == "stuck" and hardest not in chosen:
        chosen.append(hardest)
    # Latest first attempt an hour ago, so that what follows it is not in the future.
    since, until = (DAYS, 8) if kind == "stopped" else (DAYS, 1 / 24)
    moments = np.sort(rng.uniform(until * _DAY, since * _DAY, len(chosen)))[::-1]
    for each, ago in zip(chosen, moments, strict=True):
        yield from _attempts(
            rng, ability, each, float(ago), stuck=kind == "stuck" and each is hardest
        )


def _attempts(
    rng: np.random.Generator, ability: float, one: Drawn, ago: float, *, stuck: bool
) -> Iterator[Answer]:
    number = 0
    ran_ago: float | None = None
    while True:
        number += 1
        able = one.discrimination * (ability + GAIN * (number - 1) - one.difficulty)
        right = not stuck and bool(rng.random() < 1 / (1 + np.exp(-able)))
        seconds = 75 * float(np.exp(rng.normal(0, 0.6))) * (0.6 if number > 1 else 1)
        chosen = one.right if right else _wrong(rng, ability, one)
        yield Answer(one.question, number, chosen, right, round(seconds, 1), ago, ran_ago)
        goes_on = number < 3 if stuck else number < MOST and rng.random() < AGAIN
        if right or not goes_on:
            return
        ran = one.has_experiment and rng.random() < RAN
        pause = float(rng.uniform(60, 600))
        ran_ago = ago - pause / 2 if ran else None
        ago -= pause


def _wrong(rng: np.random.Generator, ability: float, one: Drawn) -> tuple[str, ...]:
    utilities = one.utilities.copy()
    utilities[one.popular] += 1.5 - 0.3 * ability
    shares = np.exp(utilities - utilities.max())
    return one.wrong[int(rng.choice(len(shares), p=shares / shares.sum()))]
