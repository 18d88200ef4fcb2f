"""The texts of scaffolds: templates for ``str.format``, but for the two ``FITTED_`` texts."""

from __future__ import annotations

BLANK_LESSON = """\
# {title}

What this topic is about, in a sentence or two.
"""

TOPIC_LESSON = """\
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

PLAIN_QUESTION = """\
---
title: {title}
# The address is /questions/{name}: the file's name. Both last, so choose it well.
# tags: [loss curves]
# shuffle: false      # keeps the options in the order below; else each learner has one of their own
# reveal: at-once     # shows everything after any answer; else after a right one, or on request
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

CLAIMS_QUESTION = """\
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

SIMULATION_FILE = '''\
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
        Arm("fixed", "Low rate, × 5000", {{"learning_rate": 0.05}}, base="low-rate"),
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

# Claims that the simulation above supports; a test trains it and requires that all agree.
FITTED_CLAIMS = """\
  - {option: low-rate, arm: low-rate, shape: flat}
  - {option: high-rate, arm: high-rate, shape: flat}
  # Claims of no option say what they expect: the healthy run, and the remedy.
  - {arm: healthy, shape: early-drop, expect: supported}
  - {arm: fixed, shape: early-drop, expect: supported}"""
FITTED_OPTIONS = """\
- [x] The learning rate is far too low {#low-rate}
  > Each step is too small to be seen.
- [ ] The learning rate is far too high {#high-rate}
  > The loss grows without end instead."""
