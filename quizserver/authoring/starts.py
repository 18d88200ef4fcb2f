"""What an author begins with: right as it is, with comments that say what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quizserver.authoring.start_texts import (
    CLAIMING,
    FITTED_CLAIMS,
    FITTED_OPTIONS,
    PLAIN,
    SIMULATION,
    TOPIC,
)
from quizserver.lab.model import Arm, Description
from quizserver.topics.identity import humanise, is_id

OPTIONS_MAX = 4


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parts of a question that its simulation decides."""

    title: str
    stem: str
    remark: str
    claims: str
    options: str


def topic_start(topic: str, question: str) -> dict[str, str]:
    """File name to text: a lesson, and the question that it embeds."""
    lesson = TOPIC.format(title=humanise(topic), topic=topic, question=question)
    return {"lesson.md": lesson, f"{question}.md": plain_question(question)}


def plain_question(name: str) -> str:
    """A question that refers to no simulation."""
    return PLAIN.format(name=name, title=humanise(name))


def claiming_question(topic: str, name: str, simulation: str, description: Description) -> str:
    """A question about a simulation of its topic, with a claim for every option.

    Nothing has been trained: which option is marked is a guess, and its comments say so.
    """
    arms = _candidates(description.arms)
    asked = _which_arm(arms) if len(arms) > 1 else _which_shape(description.arms[0])
    names = [arm.name for arm in description.arms]
    return _claiming(topic, name, simulation, names, asked)


def simulation_start(topic: str, name: str, question: str) -> dict[str, str]:
    """File name to text: a simulation that trains in seconds, and a question whose key it bears."""
    asked = _Asked(
        title="Why does the loss not move?",
        stem="A line is fitted to twenty points. After a hundred steps the loss is where it began.",
        remark="Describe what was seen, not why. The marks below agree with the simulation.",
        claims=FITTED_CLAIMS,
        options=FITTED_OPTIONS,
    )
    arms = ("healthy", "low-rate", "high-rate", "mended")
    return {
        f"{name}.py": SIMULATION.format(title=humanise(name)),
        f"{question}.md": _claiming(topic, question, name, arms, asked),
    }


def _claiming(topic: str, name: str, simulation: str, arms: Sequence[str], asked: _Asked) -> str:
    return CLAIMING.format(
        title=asked.title,
        name=name,
        simulation=simulation,
        topic=topic,
        arms=", ".join(arms),
        claims=asked.claims,
        remark=asked.remark,
        stem=asked.stem,
        options=asked.options,
    )


def _candidates(arms: Sequence[Arm]) -> list[Arm]:
    """The arms an option may blame: the faults, not the healthy run nor the remedies."""
    named = [arm for arm in arms if is_id(arm.name)]  # its name becomes the option's id
    faults = [arm for arm in named if arm is not arms[0] and arm.base is None]
    return (faults if len(faults) > 1 else named)[:OPTIONS_MAX]


_GUESS = (
    "The [x] below is a guess: nothing was trained for it. Mark what you think is right, and\n"
    "     let `quizserver verify` say whether the key agrees with the curves."
)


def _which_arm(arms: Sequence[Arm]) -> _Asked:
    labels = [arm.label for arm in arms]
    options = {
        arm.name: _words(arm.label if labels.count(arm.label) == 1 else f"{arm.label} ({arm.name})")
        for arm in arms
    }
    claims = [f"  - {{option: {a.name}, arm: {a.name}, shape: flat}}" for a in arms]
    return _Asked(
        title="Which of these keeps the loss where it began?",
        stem="The loss has not moved at all. Which change explains it?",
        remark=_GUESS,
        claims="\n".join(claims),
        options=_task_list(options),
    )


def _which_shape(arm: Arm) -> _Asked:
    shapes = {"early-drop": "It falls early", "flat": "It stays flat", "diverges": "It diverges"}
    claims = [f"  - {{option: {s}, arm: {arm.name}, shape: {s}}}" for s in shapes]
    return _Asked(
        title="What does the loss do?",
        stem=f"Think of the run called “{_words(arm.label)}”. What does its curve look like?",
        remark=_GUESS,
        claims="\n".join(claims),
        options=_task_list(shapes),
    )


def _task_list(options: Mapping[str, str]) -> str:
    lines = []
    for index, (ident, text) in enumerate(options.items()):
        lines.append(f"- [{'x' if index == 0 else ' '}] {text} {{#{ident}}}")
        lines.append("  > Say what the curve shows, and why.")
    return "\n".join(lines)


def _words(label: str) -> str:
    """A label as text: what markdown would read as markup is taken at its word."""
    plain = " ".join(label.split())
    return "".join(f"\\{c}" if c in r"\`*_[]{}<>#$|!" else c for c in plain)
