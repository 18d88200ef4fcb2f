"""``Training``: a plan, the numbers and seeds of its replicas, and the kernel that trains them."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quizserver.kernel.layout import MemoryLayout, seed_words
from quizserver.kernel.plan import Plan, PlanError
from quizserver.kernel.plan_checks import check_slot_values, check_work

if TYPE_CHECKING:
    from quizserver.kernel.library import KernelLibrary


class Training:
    """The replicas of ``plan`` in training: R of them, one a seed.

    ``slot_values`` are float64 (slots, R). The operations run in any portions, each once, in order;
    what a replica records depends on its seed and its numbers alone. It holds memory until
    ``close``, or until the ``with`` block ends.

    Raises ``PlanError`` where numbers, seeds or the work do not fit the plan, ``MemoryError``, and
    ``KernelUnavailableError`` where no ``library`` is given and this machine can run none.
    """

    def __init__(
        self,
        plan: Plan,
        slot_values: ArrayLike,
        seeds: Sequence[int],
        library: KernelLibrary | None = None,
    ) -> None:
        self.plan = plan
        self.replicas = _checked_replicas(plan, seeds)
        values = _checked_values(plan, slot_values, self.replicas)
        if library is None:
            from quizserver.kernel.library import load_library

            library = load_library()
        self.library = library
        self._next = 0
        self._type = plan.dtype
        self._layout = layout = MemoryLayout(plan, library.call(f"block_replicas_{self._type}"))
        self._blocks = -(-self.replicas // layout.lanes)
        self._columns = self._blocks * layout.lanes
        memory_size = layout.size(self._blocks)
        check_work(plan, self.replicas, memory_size + plan.outputs * self._columns * 8)
        arena = library.open_arena()
        self._close = weakref.finalize(self, arena.release)
        self._memory, self._memory_bytes = arena.allocate(memory_size, np.uint8)
        self._outputs_address, self._outputs = arena.allocate(
            (plan.outputs, self._columns), np.float64
        )
        _Filling(layout, self._memory_bytes).fill(values, seeds)
        library.call(f"start_training_{self._type}", self._memory, 0, self._blocks)

    def run(self, first: int, last: int) -> None:
        """Executes operations [first, last) of the plan, after all those before them.

        Raises ``ValueError`` for others: each is executed once, in order.
        """
        self._check_open()
        if first != self._next or not first <= last <= len(self.plan.operations):
            raise ValueError(
                f"operations {first} to {last} can't come now: {self._next} of "
                f"{len(self.plan.operations)} have been executed"
            )
        self._next = last
        self.library.call(
            f"run_operations_{self._type}",
            self._memory,
            self._outputs_address,
            self._columns,
            first,
            last,
            0,
            self._blocks,
        )

    @property
    def outputs(self) -> NDArray[np.float64]:
        """A copy of all that has been recorded, (outputs, R); zeros where nothing has yet."""
        return self.recorded(0, self.plan.outputs)

    def recorded(self, first: int, last: int) -> NDArray[np.float64]:
        """A copy of the outputs [first, last), (last - first, R)."""
        self._check_open()
        return self._outputs[first:last, : self.replicas].copy()

    def close(self) -> None:
        """Gives the memory back; a second call changes nothing."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._close.alive:
            raise ValueError("this training has been closed")


class _Filling:
    """Fills a memory with a plan and its replicas."""

    def __init__(self, layout: MemoryLayout, memory: NDArray[np.uint8]) -> None:
        self._layout, self._memory = layout, memory

    def fill(self, slot_values: NDArray[np.float64], seeds: Sequence[int]) -> None:
        layout = self._layout
        self._put_shared(0, layout.header_words())
        for part in layout.parts:
            if part.own:
                self._put_own(part.offset, part.values)
            else:
                self._put_shared(part.offset, part.values)
        self._put_own(layout.header["block_slots"], slot_values.T)
        self._put_own(layout.header["block_seeds"], seed_words(seeds))

    def _put_shared(self, offset: int, values: NDArray[Any]) -> None:
        self._memory[offset : offset + values.nbytes] = values.view(np.uint8)

    def _put_own(self, offset: int, values: NDArray[Any]) -> None:
        """One row a replica (R, n), as n vectors in each block."""
        place = self._layout.shared_size + offset
        for vectors in self._layout.in_lanes(values):
            view = self._memory[place : place + vectors.nbytes]
            view.view(values.dtype).reshape(vectors.shape)[...] = vectors
            place += self._layout.block_size


def _checked_replicas(plan: Plan, seeds: Sequence[int]) -> int:
    if not seeds:
        raise PlanError("there is no seed: a training needs at least one replica")
    if plan.replicas not in (None, len(seeds)):
        raise PlanError(f"there are {len(seeds)} seeds; the plan is for {plan.replicas} replicas")
    for seed in seeds:
        if not -(2**63) <= seed < 2**64:
            raise PlanError(f"the seed {seed} has more than 64 bits")
    return len(seeds)


def _checked_values(plan: Plan, slot_values: ArrayLike, replicas: int) -> NDArray[np.float64]:
    values = np.asarray(slot_values, dtype=np.float64)
    check_slot_values(plan, values, replicas)
    return values
