"""One plan for many batches of a simulation, made once where no more than its numbers differ.

What a plan holds of a replica depends on its seed, its structural knobs and whether its draws are
nudged; all other knobs are slots. So where a plan was made for a seed and these, that of the same
seed at other numbers is a copy with other numbers in its slots: as in a browser, where a knob is
turned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from quizserver.kernel import plan
from quizserver.lab.kernel_batch import PlannedPoint, PlannedTraining, plan_training
from quizserver.lab.planning import UnplannedError
from quizserver.lab.simulation import Simulation

Setting = Mapping[str, float]
Chosen = NDArray[np.intp]


class SharedPlans:
    """Plans of ``simulation``, whose replicas train in ``dtype``, in multiples of ``pad``.

    The newest is kept, and which values of the whole-number knobs have none.
    """

    def __init__(self, simulation: Simulation, dtype: torch.dtype, pad: int) -> None:
        self._simulation, self._dtype, self._pad = simulation, dtype, pad
        self._whole_numbers = [knob.name for knob in simulation.knobs if knob.integer]
        self._newest: PlannedTraining | None = None
        self._place: dict[tuple[float, ...], int] = {}
        self._refusals: dict[tuple[float, ...], UnplannedError] = {}

    def plan_for(
        self, settings: Sequence[Setting], seeds: Sequence[int], nudged: Sequence[bool] = ()
    ) -> PlannedTraining:
        """The plan of one replica for each of ``seeds``, all equal in the whole-number knobs.

        ``nudged`` is that of ``Replicas``, one a replica. Raises ``UnplannedError`` when the kernel
        cannot train it, and whatever the author's code raises.
        """
        nudged = nudged or [False] * len(seeds)
        shared = self._from_newest(settings, seeds, nudged)
        if shared is not None:
            return shared
        kind = tuple(settings[0][name] for name in self._whole_numbers)
        if kind in self._refusals:
            raise self._refusals[kind]
        try:
            planned = plan_training(
                self._simulation, settings, seeds, dtype=self._dtype, pad=self._pad, nudged=nudged
            )
        except UnplannedError as error:
            self._refusals[kind] = error
            raise
        self._newest = planned
        keys = self._keys(planned, settings, seeds, nudged)
        self._place = {key: index for index, key in enumerate(keys)}
        return planned

    def _from_newest(
        self, settings: Sequence[Setting], seeds: Sequence[int], nudged: Sequence[bool]
    ) -> PlannedTraining | None:
        if self._newest is None:
            return None
        keys = self._keys(self._newest, settings, seeds, nudged)
        places = [self._place.get(key, -1) for key in keys]
        if min(places) < 0:
            return None
        return _with_numbers(self._newest, np.array(places), settings, seeds, self._dtype)

    def _keys(
        self,
        planned: PlannedTraining,
        settings: Sequence[Setting],
        seeds: Sequence[int],
        nudged: Sequence[bool],
    ) -> Iterable[tuple[float, ...]]:
        names = sorted(planned.structural_knobs)
        for setting, seed, is_nudged in zip(settings, seeds, nudged, strict=True):
            yield seed, is_nudged, *(setting[name] for name in names)


def _with_numbers(
    planned: PlannedTraining,
    chosen: Chosen,
    settings: Sequence[Setting],
    seeds: Sequence[int],
    dtype: torch.dtype,
) -> PlannedTraining:
    """The plan of these replicas of ``planned``, with the knobs of ``settings`` in its slots."""
    slot_values = planned.slot_values[:, chosen]
    for slot, name in planned.slot_knobs.items():
        numbers = torch.tensor([setting[name] for setting in settings], dtype=dtype)
        slot_values[slot] = numbers.double().numpy()
    return replace(
        planned,
        plan=_of_replicas(planned.plan, chosen),
        slot_values=slot_values,
        seeds=tuple(seeds),
        points=tuple(_point_of_replicas(point, chosen) for point in planned.points),
    )


def _of_replicas(whole: plan.Plan, chosen: Chosen) -> plan.Plan:
    shapes = whole.tensor_shapes
    return replace(
        whole,
        starts=tuple(
            plan.Start(start.values[chosen], start.scale)
            if start.values.ndim > len(shape)
            else start
            for start, shape in zip(whole.starts, shapes, strict=True)
        ),
        datasets=tuple(
            plan.Dataset(
                data.inputs[chosen] if data.inputs_differ else data.inputs,
                data.targets[chosen] if data.targets_differ else data.targets,
            )
            for data in whole.datasets
        ),
    )


def _point_of_replicas(point: PlannedPoint, chosen: Chosen) -> PlannedPoint:
    if not any(isinstance(values, np.ndarray) for values in point.series.values()):
        return point
    series = {
        name: values[chosen] if isinstance(values, np.ndarray) else values
        for name, values in point.series.items()
    }
    return replace(point, series=series)
