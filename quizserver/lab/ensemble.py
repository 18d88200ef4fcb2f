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

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from quizserver.lab.batches import Ensemble, author_errors, train_together
from quizserver.lab.model import DEFAULT_BACKEND, Backend
from quizserver.lab.point_checks import check_x
from quizserver.lab.shared_plans import SharedPlans
from quizserver.lab.simulation import Simulation

BATCH = 128
"""Replicas in one batch: large enough to hide the cost of calling torch, small enough for cache."""

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
    plans: SharedPlans | None = None,
    threads: int = 1,
    nudged: Sequence[bool] = (),
) -> Curves:
    """Trains one replica for each of ``seeds``.

    ``settings`` is one setting for all, or one a replica; knobs left out take their defaults.
    After each point ``on_points(index, x, {series: (R,)})`` is called with every replica's value,
    before each ``should_stop()``. Batches of at most ``batch`` replicas take turns, point by
    point: the memory of one step is bounded by one batch, while weights and optimiser state are
    held for all.

    ``backend``: "auto" trains by the kernel what it can plan, and in torch what it can't; which one
    it is depends on the simulation and its whole-number knobs alone. ``plans`` are those of an
    earlier call for this simulation and type, where there were some; the kernel trains in up to
    ``threads`` threads. No curve depends on either. ``nudged`` says which of the replicas have
    draws that are changed in their last place (see ``Replicas``).

    Raises ``KnobError`` for a bad setting, ``SimulationError`` (with the line of the file) when the
    author's code fails or, with "kernel", has no plan; whatever the two callbacks raise passes
    through.
    """
    seeds = tuple(int(seed) for seed in seeds)
    full_settings = _full_settings(simulation, settings, seeds)
    names = tuple(simulation.series)
    x = np.full(simulation.points, np.nan)
    values = {name: np.full((simulation.points, len(seeds)), np.nan) for name in names}
    done = 0
    ensemble = Ensemble(
        simulation,
        full_settings,
        seeds,
        tuple(nudged) or (False,) * len(seeds),
        getattr(torch, dtype or simulation.dtype),
    )
    workers = ThreadPoolExecutor(threads) if threads > 1 else nullcontext()
    with one_thread(), workers as pool:
        batches = list(
            ensemble.batches(backend, torch.device(device), batch, plans, threads=threads)
        )
        if on_points is None and should_stop is None:
            train_together(pool, batches, simulation.points - 1)
        for index in range(simulation.points if seeds else 0):
            if should_stop is not None and should_stop():
                break
            if pool is not None:
                train_together(pool, batches, index)
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


def _full_settings(
    simulation: Simulation,
    settings: Mapping[str, float] | Sequence[Mapping[str, float]],
    seeds: Sequence[int],
) -> tuple[Mapping[str, float], ...]:
    if isinstance(settings, Mapping):
        return (simulation.check_knobs(settings),) * len(seeds)
    if len(settings) != len(seeds):
        raise ValueError(f"{len(settings)} settings for {len(seeds)} seeds: give one a replica")
    distinct = {id(setting): setting for setting in settings}  # a map has each many times over
    checked = {key: simulation.check_knobs(setting) for key, setting in distinct.items()}
    return tuple(checked[id(setting)] for setting in settings)


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
