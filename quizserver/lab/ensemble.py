"""Trains all replicas of all settings of a simulation as one batch, point by point.

A replica's curve depends on its setting and its seed alone, to the last bit in float32 and float64
on one machine's processor (in 16 bits, and on an accelerator, only up to rounding): seed 17 is the
same curve alone, among 64, in another order, and beside other arms. What that takes: random numbers
a seed (``replicas``), matrices aligned alike (``layers``), batches that are always a multiple of
``PAD`` replicas (vectorised kernels treat the last few numbers of a tensor apart; with the padding
no replica is ever among them), and one thread (threads cut tensors at places that depend on their
size).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from quizserver.lab.kernel_batch import KernelBatch, may_take_training_step, plan_training
from quizserver.lab.model import DEFAULT_BACKEND, Backend, SimulationError
from quizserver.lab.planning import UnplannedError
from quizserver.lab.point_checks import UnseededRandomness, check_x, checked_point
from quizserver.lab.replicas import Replicas
from quizserver.lab.simulation import Simulation

PAD = 32
BATCH = 128
"""Replicas in one batch: large enough to hide the cost of calling torch, small enough for cache."""

KERNEL_BATCHES = (512, 64, 16)
"""Replicas in one plan: as many as its bounds on memory and arithmetic allow."""


Floats = NDArray[np.float64]
OnPoints = Callable[[int, float, Mapping[str, Floats]], None]


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of an ensemble: ``x`` (P,) and each series (R, P), float64; NaN and inf are data.

    Replica i has ``seeds[i]`` and ``settings[i]``. ``stopped``: ``should_stop`` ended it after P
    points, before the last. ``backends``: what trained them, "kernel" or "torch"; both where some
    settings of a simulation have a plan and others have none.
    """

    x: Floats
    series: Mapping[str, Floats]
    seeds: tuple[int, ...]
    settings: tuple[Mapping[str, float], ...]
    stopped: bool = False
    backends: tuple[str, ...] = ()


def simulate(
    simulation: Simulation,
    settings: Mapping[str, float] | Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    *,
    on_points: OnPoints | None = None,
    should_stop: Callable[[], bool] | None = None,
    device: str = "cpu",
    dtype: str | None = None,
    batch: int = BATCH,
    backend: Backend = DEFAULT_BACKEND,
) -> Curves:
    """Trains one replica for each of ``seeds``.

    ``settings`` is one setting for all, or one a replica; knobs left out take their defaults.
    After each point ``on_points(index, x, {series: (R,)})`` is called with every replica's value,
    before each ``should_stop()``. Batches of at most ``batch`` replicas take turns, point by
    point: the memory of one step is bounded by one batch, while weights and optimiser state are
    held for all.

    ``backend``: "auto" trains by the kernel what it can plan, and in torch what it can't; which one
    it is depends on the simulation and its whole-number knobs alone. Raises ``KnobError`` for a bad
    setting, ``SimulationError`` (with the line of the file) when the author's code fails or, with
    "kernel", has no plan; whatever the two callbacks raise passes through.
    """
    seeds = tuple(int(seed) for seed in seeds)
    full_settings = _full_settings(simulation, settings, seeds)
    names = tuple(simulation.series)
    x = np.full(simulation.points, np.nan)
    values = {name: np.full((simulation.points, len(seeds)), np.nan) for name in names}
    done = 0
    with one_thread():
        batches = list(
            _start_batches(
                simulation, full_settings, seeds, backend, batch,
                torch.device(device), getattr(torch, dtype or simulation.dtype),
            )
        )  # fmt: skip
        if on_points is None and should_stop is None:
            for _, group_batch in batches:
                group_batch.train_all()
        for index in range(simulation.points if seeds else 0):
            if should_stop is not None and should_stop():
                break
            for number, (group, group_batch) in enumerate(batches):
                with author_errors(simulation):
                    point_x, point = group_batch.next_point(index)
                    previous_x = None if index == 0 else x[index - 1]
                    other_x = None if number == 0 else x[index]
                    x[index] = check_x(point_x, previous=previous_x, other=other_x)
                for name in names:
                    values[name][index, group] = point[name]
            done = index + 1
            if on_points is not None:
                on_points(index, float(x[index]), {name: values[name][index] for name in names})
    return Curves(
        x=x[:done],
        series={name: np.ascontiguousarray(value[:done].T) for name, value in values.items()},
        seeds=seeds,
        settings=full_settings,
        stopped=done < simulation.points,
        backends=tuple(sorted({group_batch.backend for _, group_batch in batches})),
    )


def check_device(name: str) -> str:
    """``name``, if replicas can train there; raises ``ValueError`` with advice when not."""
    try:
        torch.empty(1, device=name).add_(1)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(f"Nothing can be trained on {name!r} here: {reason}. Use cpu.") from None
    return name


class _Batch(Protocol):
    """Some replicas that train together; ``backend`` is what trains them."""

    backend: str

    def next_point(self, index: int) -> tuple[float, dict[str, Floats]]:
        """x and each series (R,) of point ``index``; the points come in order."""
        ...

    def train_all(self) -> None:
        """Called where nobody looks before the last point: it may train everything at once."""
        ...


def _start_batches(
    simulation: Simulation,
    settings: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    backend: Backend,
    batch: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Iterator[tuple[NDArray[np.intp], _Batch]]:
    """The replicas in batches, ready to train: their indices and what trains them."""
    for group in _training_groups(simulation, settings):
        planned = None
        if backend == "kernel" or (backend == "auto" and device.type == "cpu"):
            planned = _plan_group(simulation, settings, seeds, group, backend, dtype)
        if planned is not None:
            yield from ((np.array(part), kernel_batch) for part, kernel_batch in planned)
            continue
        for part in _parts(group, batch):
            with author_errors(simulation):
                torch_batch = _TorchBatch(
                    simulation, [settings[i] for i in part], [seeds[i] for i in part], device, dtype
                )
            yield np.array(part), torch_batch


def _plan_group(
    simulation: Simulation,
    settings: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    group: Sequence[int],
    backend: Backend,
    dtype: torch.dtype,
) -> list[tuple[list[int], KernelBatch]] | None:
    """The batches of replicas that the kernel trains; None where torch must."""
    if may_take_training_step(simulation):
        # torch does not stand in for a kernel that this machine cannot run
        with author_errors(simulation):
            load_library()
    try:
        with author_errors(simulation):
            for size in KERNEL_BATCHES:
                parts = _parts(group, size)
                try:
                    return [
                        (part, _plan_batch(simulation, settings, seeds, part, dtype))
                        for part in parts
                    ]
                except PlanError as error:
                    # so many of them are too many: what a seed is trained by must not depend on it
                    too_large = error
            raise UnplannedError(str(too_large), simulation.train_line)
    except SimulationError:
        # torch says what is wrong with it where something is, at the point where it happens
        if backend == "kernel":
            raise
        return None


def _plan_batch(
    simulation: Simulation,
    settings: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    part: Sequence[int],
    dtype: torch.dtype,
) -> KernelBatch:
    return KernelBatch(
        plan_training(
            simulation, [settings[i] for i in part], [seeds[i] for i in part], dtype=dtype, pad=PAD
        )
    )


class _TorchBatch:
    """Some replicas and the author's generator that trains them."""

    backend = "torch"

    def __init__(
        self,
        simulation: Simulation,
        settings: Sequence[Mapping[str, float]],
        seeds: Sequence[int],
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

    def train_all(self) -> None:
        """Batches take turns, which bounds the memory of a step."""

    def _yield_line(self) -> int | None:
        """The line of the file in which the generator waits: that of its ``yield``."""
        frame = getattr(self._points, "gi_frame", None)
        return None if frame is None else frame.f_lineno


def _full_settings(
    simulation: Simulation,
    settings: Mapping[str, float] | Sequence[Mapping[str, float]],
    seeds: Sequence[int],
) -> tuple[Mapping[str, float], ...]:
    if isinstance(settings, Mapping):
        return (simulation.check_knobs(settings),) * len(seeds)
    if len(settings) != len(seeds):
        raise ValueError(f"{len(settings)} settings for {len(seeds)} seeds: give one a replica")
    return tuple(simulation.check_knobs(setting) for setting in settings)


def _training_groups(
    simulation: Simulation, settings: Sequence[Mapping[str, float]]
) -> list[list[int]]:
    """Indices of replicas that may train together: those equal in every integer knob."""
    integer_knobs = [knob.name for knob in simulation.knobs if knob.integer]
    groups: dict[tuple[float, ...], list[int]] = {}
    for index, setting in enumerate(settings):
        groups.setdefault(tuple(setting[name] for name in integer_knobs), []).append(index)
    return list(groups.values())


def _parts(group: Sequence[int], size: int) -> list[list[int]]:
    return [list(group[start : start + size]) for start in range(0, len(group), size)]


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
