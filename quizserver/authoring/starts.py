"""What an author begins with: right as it is, with comments that say what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quizserver.lab.simulation import Arm, Description
from quizserver.topics.identity import humanise, is_id

OPTIONS_MAX = 4

TOPIC = """\
---
title: {title}
summary: One sentence for the list of topics. Change it.
---
# {title}

<!-- A comment like this one is for authors: learners never see it.
     This is the lesson. A topic needs none: delete this file, and the questions stay. -->

Begin with something that surprises. What did the loss do, and what did you expect?

<!-- A fenced block embeds a question by its id, which is its file's name. -->

```question
{question}
```

<!-- Once there is a simulation (quizserver new simulation {topic}/simulation),
     a block with the word simulation embeds its lab bench; docs/authors.md shows one. -->

Formulas such as $\\ln 2$ stand between dollar signs.
"""

PLAIN = """\
---
title: {title}
# The address is /questions/{name}: the file's name. Both last, so choose it well.
# tags: [loss curves]
# shuffle: false      # keeps the options in the order below; else each learner has one of their own
---
# {title}

<!-- Everything above the options is the question. Describe what was seen, not why. -->

Write here what happened. Then ask for its cause.

<!-- [x] marks each option that is right: one makes radio buttons, several make checkboxes.
     {{#its-id}} lets you reword an option later: old answers go on naming it.
     An indented > is what a learner reads about that option after answering. -->

- [x] The first option, which is right {{#first}}
  > Say why it is right.
- [ ] The second option, which is wrong {{#second}}
  > Say what would happen instead.
- [ ] The third option, which is wrong {{#third}}
  > Name the misconception behind it.

## Hint

Point at what to look at, without naming the answer.

## Answer

Explain it in a few sentences. This is shown after answering.
"""

CLAIMING = """\
---
title: {title}
# The address is /questions/{name}: the file's name. Both last, so choose it well.
simulation: {simulation}
# One claim for each option: this arm's curve has this shape. The right options' claims must come
# out as supported, the others' must not: `quizserver verify {topic}` trains them and tells.
# Arms of {simulation}.py: {arms}
# Shapes: plateau-then-drop, steady-decrease, early-drop, flat, oscillates, diverges, stalls-above
claims:
{claims}
---
# {title}

<!-- {remark} -->

{stem}

{options}

## Hint

Point at what to look at, without naming the answer.

## Answer

Explain it in a few sentences. The trained curves stand beside each option; lean on them.
"""

SIMULATION = '''\
"""A straight line is fitted to noisy points. Say here in a paragraph what is trained, and why."""

from torch import nn

from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim
from quizserver.lab.backprop import training_step

simulation = Simulation(
    "{title}",
    # What learners may turn: a name, a label, the lowest and highest value, the default.
    knobs=[
        Knob("learning_rate", "Learning rate", 1e-6, 10, default=0.1, scale="log"),
        Knob("noise", "Noise of the targets", 0, 1, default=0.1),
    ],
    # What options speak of. An arm differs in one knob from the defaults, or from its base.
    arms=[
        Arm("healthy", "Healthy run"),
        Arm("low-rate", "Learning rate ÷ 10,000", {{"learning_rate": 1e-5}}),
        Arm("high-rate", "Learning rate × 40", {{"learning_rate": 4.0}}),
        Arm("mended", "Low rate, × 5000", {{"learning_rate": 0.05}}, base="low-rate"),
    ],
    x=Axis("step"),
    series={{"loss": Axis("training loss", scale="log")}},
    points=101,
)


@simulation.train
def train(replicas):
    """Yields the step and one loss a replica, ``points`` times. Every tensor begins with an axis
    for the replicas: they all train at once, each with a seed of its own."""
    knobs = replicas.knobs
    x = replicas.rand(20, 1)
    y = 2 * x + 1 + knobs.noise.view(-1, 1, 1) * replicas.randn(20, 1)
    net = nn.Sequential(replicas.linear(1, 1))
    optimiser = optim.SGD(net.parameters(), lr=knobs.learning_rate)
    step = training_step(net, losses.mse_loss, optimiser)
    for count in range(simulation.points):
        yield count, {{"loss": step(x, y)}}  # the loss before the step
'''

# What the simulation above shows; a test trains it and has every claim agree.
_FITTED_CLAIMS = """\
  - {option: low-rate, arm: low-rate, shape: flat}
  - {option: high-rate, arm: high-rate, shape: flat}
  # Claims of no option say what they expect: the healthy run, and the remedy.
  - {arm: healthy, shape: early-drop, expect: supported}
  - {arm: mended, shape: early-drop, expect: supported}"""
_FITTED_OPTIONS = """\
- [x] The learning rate is far too low {#low-rate}
  > Each step is too small to be seen.
- [ ] The learning rate is far too high {#high-rate}
  > The loss grows without end instead."""


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
        claims=_FITTED_CLAIMS,
        options=_FITTED_OPTIONS,
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
