"""The plan of a simulation's training as bytes, for browsers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from quizserver.kernel.plan import PlanError
from quizserver.kernel.plan_image import ImagePoint, PlanImage
from quizserver.lab.batches import PAD, author_errors
from quizserver.lab.ensemble import one_thread
from quizserver.lab.kernel_batch import PlannedTraining, may_take_training_step, plan_training
from quizserver.lab.planning import UnplannedError
from quizserver.lab.simulation import Simulation


@dataclass(frozen=True, slots=True)
class SimulationImage:
    """``image`` is the plan of every setting that has the same values of the knobs ``depends_on``.

    Where browsers can't train these settings, ``image`` is empty and ``reason`` says why;
    ``is_too_large``: other settings or fewer replicas may do.
    """

    depends_on: frozenset[str]
    image: bytes = b""
    reason: str = ""
    is_too_large: bool = False


def simulation_image(
    simulation: Simulation, setting: Mapping[str, float], seeds: Sequence[int]
) -> SimulationImage:
    """The plan for one replica of ``setting``, with every knob, for each of ``seeds``.

    Raises ``SimulationError`` (with the line of the file) when the author's code fails.
    """
    if not may_take_training_step(simulation):
        return SimulationImage(frozenset(), reason="it makes no training_step")
    whole_numbers = frozenset(knob.name for knob in simulation.knobs if knob.integer)
    with one_thread(), author_errors(simulation):
        try:
            planned = plan_training(
                simulation,
                [setting] * len(seeds),
                seeds,
                dtype=getattr(torch, simulation.dtype),
                pad=PAD,
            )
        except UnplannedError as error:
            return SimulationImage(whole_numbers, reason=error.reason)
        try:
            image = _plan_image(simulation, planned, setting).to_bytes()
        except PlanError as error:
            return SimulationImage(planned.structural_knobs, reason=str(error), is_too_large=True)
    return SimulationImage(planned.structural_knobs, image)


def _plan_image(
    simulation: Simulation, planned: PlannedTraining, setting: Mapping[str, float]
) -> PlanImage:
    return PlanImage(
        plan=planned.plan,
        slot_values=planned.slot_values,
        seeds=planned.seeds,
        points=[ImagePoint(p.x, p.operations, p.series) for p in planned.points],
        slot_knobs=planned.slot_knobs,
        structural_knobs={name: float(setting[name]) for name in sorted(planned.structural_knobs)},
        fingerprint=simulation.fingerprint,
        knob_type=simulation.dtype,
    )
