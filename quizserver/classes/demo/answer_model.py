"""The model by which the invented learners of ``quizserver demo`` answer. Pure numpy.

``names.MODEL_TEXT`` describes it for readers. The probability of a right answer is that of the
two-parameter logistic model: A. Birnbaum, in F. M. Lord and M. R. Novick, "Statistical theories of
mental test scores", 1968.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DAYS = 14
ABILITY_GAIN = 1.5
TRIES_AGAIN, RUNS_EXPERIMENT, ATTEMPTS_MAX = 0.65, 0.45, 4
NEVER, STOPPED, STUCK = 0.06, 0.08, 0.05
ANSWERED = 0.97

LearnerKind = Literal["usual", "never", "stopped", "stuck"]
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class QuestionModel:
    """The parameters of a question in the model.

    ``wrong_choices`` are sets of option ids with ``utilities`` (len(wrong_choices),); ``popular``
    is the index of the misconception.
    """

    question_id: str
    right_choice: tuple[str, ...]
    wrong_choices: tuple[tuple[str, ...], ...]
    difficulty: float
    discrimination: float
    utilities: NDArray[np.float64]
    popular: int
    has_experiment: bool


@dataclass(frozen=True, slots=True)
class InventedAnswer:
    """One attempt, ``seconds_ago`` before now.

    ``ran_seconds_ago`` is the age of the experiment that was run before it, None without one.
    """

    question_id: str
    number: int
    chosen: tuple[str, ...]
    right: bool
    seconds: float
    seconds_ago: float
    ran_seconds_ago: float | None


def draw_question_model(
    rng: np.random.Generator,
    question_id: str,
    options: Sequence[str],
    right_options: frozenset[str],
    *,
    has_experiment: bool,
) -> QuestionModel:
    """Draws the parameters of a question, once for all learners."""
    wrong_choices = _wrong_choices(options, right_options)
    return QuestionModel(
        question_id,
        tuple(option for option in options if option in right_options),
        wrong_choices,
        float(rng.normal(0, 0.9)),
        float(np.exp(rng.normal(0.2, 0.3))),
        rng.normal(0, 0.7, len(wrong_choices)),
        int(rng.integers(len(wrong_choices))),
        has_experiment,
    )


def _wrong_choices(options: Sequence[str], right: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Each wrong option alone; with several right ones, the right choice with one changed."""
    if len(right) == 1:
        return tuple((option,) for option in options if option not in right)
    changed_sets = [right ^ {option} for option in options]
    return tuple(
        tuple(option for option in options if option in changed_set)
        for changed_set in changed_sets
        if changed_set
    )


def draw_learner_kinds(rng: np.random.Generator, learners: int) -> list[LearnerKind]:
    """The kind of each learner: the stated shares, rounded, in a random order."""
    learner_kinds: list[LearnerKind] = []
    shares: list[tuple[LearnerKind, float]] = [
        ("never", NEVER),
        ("stopped", STOPPED),
        ("stuck", STUCK),
    ]
    for kind, share in shares:
        learner_kinds += [kind] * round(share * learners)
    learner_kinds += ["usual"] * (learners - len(learner_kinds))
    return [learner_kinds[index] for index in rng.permutation(learners)]


def draw_answers(
    rng: np.random.Generator, kind: LearnerKind, questions: Sequence[QuestionModel]
) -> Iterator[InventedAnswer]:
    """All attempts of one learner, question after question."""
    if kind == "never":
        return
    ability = float(rng.normal())
    answered = [question for question in questions if rng.random() < ANSWERED]
    if kind == "stopped":
        answered = answered[: max(1, len(questions) // 2)]
    hardest = max(questions, key=lambda question: question.difficulty)
    if kind == "stuck" and hardest not in answered:
        answered.append(hardest)
    # The latest first attempt is an hour ago, so that later attempts are not in the future.
    since, until = (DAYS, 8) if kind == "stopped" else (DAYS, 1 / 24)
    moments = np.sort(rng.uniform(until * _DAY, since * _DAY, len(answered)))[::-1]
    for question, seconds_ago in zip(answered, moments, strict=True):
        yield from _draw_attempts(
            rng,
            ability,
            question,
            float(seconds_ago),
            stuck=kind == "stuck" and question is hardest,
        )


def _draw_attempts(
    rng: np.random.Generator,
    ability: float,
    question: QuestionModel,
    seconds_ago: float,
    *,
    stuck: bool,
) -> Iterator[InventedAnswer]:
    number = 0
    ran_seconds_ago: float | None = None
    while True:
        number += 1
        logit = question.discrimination * (
            ability + ABILITY_GAIN * (number - 1) - question.difficulty
        )
        right = not stuck and bool(rng.random() < 1 / (1 + np.exp(-logit)))
        seconds = 75 * float(np.exp(rng.normal(0, 0.6))) * (0.6 if number > 1 else 1)
        chosen = question.right_choice if right else _draw_wrong_choice(rng, ability, question)
        yield InventedAnswer(
            question.question_id,
            number,
            chosen,
            right,
            round(seconds, 1),
            seconds_ago,
            ran_seconds_ago,
        )
        tries_again = number < 3 if stuck else number < ATTEMPTS_MAX and rng.random() < TRIES_AGAIN
        if right or not tries_again:
            return
        ran_experiment = question.has_experiment and rng.random() < RUNS_EXPERIMENT
        pause = float(rng.uniform(60, 600))
        ran_seconds_ago = seconds_ago - pause / 2 if ran_experiment else None
        seconds_ago -= pause


def _draw_wrong_choice(
    rng: np.random.Generator, ability: float, question: QuestionModel
) -> tuple[str, ...]:
    utilities = question.utilities.copy()
    utilities[question.popular] += 1.5 - 0.3 * ability
    shares = np.exp(utilities - utilities.max())
    return question.wrong_choices[int(rng.choice(len(shares), p=shares / shares.sum()))]
