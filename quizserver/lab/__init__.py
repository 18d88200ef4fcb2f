"""Trains small networks, many replicas at once, and decides which shapes their curves have.

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
            yield epoch, {"loss": step.loss(inputs, targets)}
            for batch, labels in replicas.batches(inputs, targets, size=32):
                step(batch, labels)

``step`` is ``optimiser.zero_grad()``, ``losses.mse_loss(net(batch), labels).sum().backward()`` and
``optimiser.step()``, several times as fast; those lines do as well.

The modules:

- ``model``, ``simulation``: knobs, arms, axes, maps; the ``Simulation`` that an author's file makes
- ``catalog``, ``describe_files``, ``description_json``, ``fingerprint``: descriptions of simulation
  files, without torch in this process
- ``ensemble``, ``replicas``, ``point_checks``, ``isolation``: training with a replica axis, and
  checks of what an author's ``train`` does
- ``seed_draws``, ``data``: random numbers that no processor changes, a seed's own and fixed ones
- ``layers``, ``losses``, ``optim``, ``schedules``, ``norms``: PyTorch's, with a replica axis
- ``backprop``, ``recorders``, ``parameter_buffer``: a training step, and what a curve shows of it
- ``planning``, ``planned_step``, ``plan_parts``, ``knob_values``, ``kernel_batch``: simulations as
  plans that the kernel trains
- ``curves``, ``shapes``, ``curve_text``, ``shape_text``: named properties of curves, and curves in
  words
- ``phase_maps``, ``phase_map_training``, ``map_checks``: phase maps and how their cells are trained
"""

from quizserver.lab.model import Arm, Axis, Knob, Map
from quizserver.lab.simulation import Simulation

__all__ = ["Arm", "Axis", "Knob", "Map", "Simulation"]
