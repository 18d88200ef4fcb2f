"""The lab trains small networks, many replicas at once, and judges the curves that come out.

A simulation is one Python file in a topic's folder that reads like any training in PyTorch, except
that every tensor begins with the replica axis, that a loss is one value a replica, and that a knob
is a tensor of one value a replica, taken by the optimiser or a layer as it is::

    from torch import nn
    from quizserver.lab import Arm, Axis, Knob, Simulation, losses, optim
    from quizserver.lab.backprop import training_step

    simulation = Simulation(
        "Title",
        knobs=[Knob("rate", "Learning rate", 0.01, 10, default=0.5, scale="log")],
        arms=[Arm("healthy", "Healthy run"), Arm("slow", "Rate ÷ 10", {"rate": 0.05})],
        x=Axis("epoch"),
        series={"loss": Axis("training loss", scale="log")},
        points=51,
    )

    @simulation.train
    def train(replicas):
        inputs, targets = replicas.share(...)  # (N, …) to (R, N, …), the same for all
        net = nn.Sequential(replicas.linear(2, 16), nn.Tanh(), replicas.linear(16, 1))
        optimiser = optim.SGD(net.parameters(), lr=replicas.knobs.rate)
        step = training_step(net, losses.mse_loss, optimiser)
        for epoch in range(simulation.points):
            yield epoch, {"loss": losses.mse_loss(net(inputs), targets)}
            for some, wanted in replicas.batches(inputs, targets, size=32):
                step(some, wanted)

``step`` is ``optimiser.zero_grad()``, ``losses.mse_loss(net(some), wanted).sum().backward()`` and
``optimiser.step()``, several times as fast; those lines do as well.

What each module is for:

- ``model``, ``simulation``: knobs, arms, axes; what an author's file makes of them
- ``catalog``, ``describe``: reading simulation files without torch in this process
- ``ensemble``, ``replicas``, ``layers``, ``losses``, ``optim``: training with a replica axis
- ``backprop``, ``flat``: the same in fewer calls of torch
- ``schedules``, ``norms``: learning rates that change; how large gradients and weights are
- ``course``, ``shapes``, ``pairs``, ``levels``, ``kinds``, ``words``: does a curve, alone, beside
  another or beside a number, have a named property; a curve in words
- ``claims``, ``bootstrap``: counts to verdicts, intervals of medians
- ``phases``, ``sweep``, ``map_checks``: phase maps, what they ask and how their cells are trained
- ``plan``, ``findings``, ``verify``, ``evidence``, ``report``: what to train, what came out, the
  record, the tables
"""

from quizserver.lab.model import Arm, Axis, Knob, Map
from quizserver.lab.simulation import Simulation

__all__ = ["Arm", "Axis", "Knob", "Map", "Simulation"]
