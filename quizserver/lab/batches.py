"""The batches of an ensemble, ready to train: by the kernel where it has a plan, else in torch."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from quizserver.confined.error_text import error_text, traceback_text
from quizserver.kernel.library import load_library
from quizserver.kernel.plan import PlanError
from quizserver.lab.kernel_batch import KernelBatch, may_take_training_step
from quizserver.lab.model import Backend, SimulationError
from quizserver.lab.planning import UnplannedError
from quizserver.lab.point_checks import UnseededRandomness, checked_point
from quizserver.lab.replicas import Replicas
from quizserver.lab.shared_plans import SharedPlans
from quizserver.lab.simulation import Simulation

PAD = 32
"""Replicas of which a batch in torch has a multiple; see ``ensemble``."""

KERNEL_BATCHES = (512, 64, 16)
"""Replicas in one plan: as many as its bounds on memory and arithmetic allow."""

LANES = 16
"""Replicas that the kernel trains at once on the widest processors."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class Batch(Protocol):
    """Some replicas that train together; ``backend`` is what trains them."""

    backend: str

    def next_point(self, index: int) -> tuple[float, dict[str, Floats]]:
        """x and each series (R,) of point ``index``; the points come in order."""
        ...

    def train_to(self, index: int) -> None:
        """Called before point ``index``, or the last one where nobody looks before; it may train
        that far at once, in a thread of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Replicas of a simulation: their full settings and seeds, and whether their draws are nudged,
    one each a replica."""

    simulation: Simulation
    settings: Sequence[Mapping[str, float]]
    seeds: Sequence[int]
    nudged: Sequence[bool]
    dtype: torch.dtype

    def batches(
        self,
        backend: Backend,
        device: torch.device,
        size: int,
        plans: SharedPlans | None,
        *,
        threads: int,
    ) -> Iterator[tuple[Indices, Batch]]:
        """The replicas in batches, in torch of at most ``size``: their indices and what trains
        them. Those of the kernel are at least as many as there are ``threads`` to share them."""
        plans = plans or SharedPlans(self.simulation, self.dtype, PAD)
        for group in self._groups():
            planned = None
            if backend == "kernel" or (backend == "auto" and device.type == "cpu"):
                planned = self._plan_group(group, backend, plans, threads)
            if planned is not None:
                yield from ((np.array(part), kernel_batch) for part, kernel_batch in planned)
                continue
            for part in _parts(group, size):
                with author_errors(self.simulation):
                    torch_batch = _TorchBatch(
                        self.simulation, *self._chosen(part), device, self.dtype
                    )
                yield np.array(part), torch_batch

    def _plan_group(
        self, group: Sequence[int], backend: Backend, plans: SharedPlans, threads: int
    ) -> list[tuple[list[int], KernelBatch]] | None:
        """The batches of replicas that the kernel trains; None where torch must."""
        if may_take_training_step(self.simulation):
            # torch does not stand in for a kernel that this machine cannot run
            with author_errors(self.simulation):
                load_library()
        share = -(-len(group) // (threads * LANES)) * LANES
        try:
            with author_errors(self.simulation):
                for size in KERNEL_BATCHES:
                    try:
                        return [
                            (part, KernelBatch(plans.plan_for(*self._chosen(part))))
                            for part in _parts(group, min(size, share))
                        ]
                    except PlanError as error:
                        # so many of them are too many: what a seed is trained by must not depend
                        # on it
                        too_large = error
                raise UnplannedError(str(too_large), self.simulation.train_line)
        except SimulationError:
            # torch says what is wrong with it where something is, at the point where it happens
            if backend == "kernel":
                raise
            return None

    def _chosen(
        self, part: Sequence[int]
    ) -> tuple[list[Mapping[str, float]], list[int], list[bool]]:
        return (
            [self.settings[i] for i in part],
            [self.seeds[i] for i in part],
            [self.nudged[i] for i in part],
        )

    def _groups(self) -> list[list[int]]:
        """Indices of replicas that may train together: those equal in every integer knob."""
        integer_knobs = [knob.name for knob in self.simulation.knobs if knob.integer]
        groups: dict[tuple[float, ...], list[int]] = {}
        for index, setting in enumerate(self.settings):
            groups.setdefault(tuple(setting[name] for name in integer_knobs), []).append(index)
        return list(groups.values())


def train_together(
    pool: Executor | None, batches: Sequence[tuple[Indices, Batch]], index: int
) -> None:
    """Has the batches train up to a point as far as they can, each in a thread of the pool."""
    if pool is None:
        for _, batch in batches:
            batch.train_to(index)
        return
    for training in [pool.submit(batch.train_to, index) for _, batch in batches]:
        training.result()


class _TorchBatch:
    """Some replicas and the author's generator that trains them."""

    backend = "torch"

    def __init__(
        self,
        simulation: Simulation,
        settings: Sequence[Mapping[str, float]],
        seeds: Sequence[int],
        nudged: Sequence[bool],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._simulation = simulation
        self._real_count = len(seeds)
        padding = -self._real_count % PAD
        self._replicas = Replicas(
            simulation.knobs,
            [*settings, *[settings[-1]] * padding],
            [*seeds, *[seeds[-1]] * padding],
            device=device,
            dtype=dtype,
            nudged=[*nudged, *[nudged[-1]] * padding],
        )
        self._points = simulation.start_training(self._replicas)
        self._randomness = UnseededRandomness()

    def next_point(self, index: int) -> tuple[float, dict[str, Floats]]:
        # an author's `with torch.no_grad(): yield …` must not leak into the other batches
        with torch.enable_grad(), self._randomness.explain_errors():
            try:
                item = next(self._points)
            except StopIteration:
                raise SimulationError(
                    f"train yielded {index} points, but points={self._simulation.points}"
                ) from None
        self._randomness.check_unused(index, self._simulation.points)
        try:
            x, values = checked_point(item, self._simulation.series, self._replicas.count)
        except SimulationError as error:
            error.line = self._yield_line()
            raise
        return x, {
            name: value[: self._real_count].detach().to("cpu", torch.float64).numpy()
            for name, value in values.items()
        }

    def train_to(self, index: int) -> None:
        """It trains on its turn, which bounds the memory of a step."""

    def _yield_line(self) -> int | None:
        """The line of the file in which the generator waits: that of its ``yield``."""
        frame = getattr(self._points, "gi_frame", None)
        return None if frame is None else frame.f_lineno


def _parts(group: Sequence[int], size: int) -> list[list[int]]:
    return [list(group[start : start + size]) for start in range(0, len(group), size)]


@contextmanager
def author_errors(simulation: Simulation) -> Iterator[None]:
    """Turns exceptions of the author's code into ``SimulationError`` with the line of the file."""
    try:
        yield
    except SimulationError as error:
        if error.line is None:
            error.line = simulation.train_line
        raise
    except UnplannedError as error:
        raise SimulationError(
            f"the kernel cannot train this: {error.reason}. The backend torch can",
            error.line or simulation.train_line,
        ) from error
    except Exception as error:
        frames = traceback.extract_tb(sys.exc_info()[2])
        lines = [frame.lineno for frame in frames if frame.filename == simulation.file]
        content = Path(simulation.file or "").parent.parent
        raise SimulationError(
            error_text(error, content),
            lines[-1] if lines else None,
            traceback_text(error, content),
        ) from error
