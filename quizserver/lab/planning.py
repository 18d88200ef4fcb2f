"""Plans a simulation: its ``train`` runs once with the training left out, and is listened to.

While a ``Planner`` is the current one, the lab's parts do not train: ``training_step`` records
operations and gives ``PlannedValue``s, ``replicas.batches`` gives ``PlannedBatch``es, and weights
are ``PlannedParameter``s. What is yielded says which of the values are wanted when. A plan holds no
arithmetic on any of them, so every other use of one raises ``UnplannedError``: a curve of weights
that were never trained must not come about. Such a simulation is trained in torch.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from quizserver.lab.knob_values import METADATA, KnobTensor

if TYPE_CHECKING:
    from quizserver.lab.planned_step import PlannedStep

__all__ = [
    "PlannedBatch", "PlannedParameter", "PlannedPrediction", "PlannedValue", "Planner",
    "UnplannedError", "current_planner", "off_the_record",
]  # fmt: skip

off_the_record = torch._C.DisableTorchFunctionSubclass
"""A context in which the lab itself handles weights and knobs that notice each use."""

_current: ContextVar[Planner | None] = ContextVar("planner", default=None)


class UnplannedError(Exception):
    """``train`` does what no plan can hold. ``line`` is the line of the file, where known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class Planner:
    """What is known while ``train``, in ``file``, is planned.

    ``used_knobs`` are those that the author computed with. ``sealed`` is set by the first optimiser
    that is made: from then on weights are what training makes of them.
    """

    def __init__(self, file: str | None) -> None:
        self._file = file
        self.refusal: UnplannedError | None = None
        self.sealed = False
        self.step: PlannedStep | None = None
        self.used_knobs: set[str] = set()
        self._held: list[Tensor] = []
        self.starts: dict[nn.Parameter, tuple[Tensor, Any]] = {}
        """Of each weight: its values in float64 before scaling, (R, …), and their scale."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """The lab plans for this planner meanwhile."""
        token = _current.set(self)
        try:
            with _Conversions():
                yield
        finally:
            _current.reset(token)

    def refuse(self, reason: str) -> NoReturn:
        """Raises ``UnplannedError`` with the line of the file that runs now.

        The first refusal counts, even if the author's code goes on after it.
        """
        error = UnplannedError(reason, self._current_line())
        self.refusal = self.refusal or error
        raise error

    def seal(self, values: Tensor) -> None:
        """An optimiser holds the weights now, as ``values``: nobody may read or change them."""
        self.sealed = True
        self._held.append(values)

    def spoil_weights(self) -> None:
        """Makes the weights NaN, once the plan has them: what reads them unnoticed shows it."""
        for values in self._held:
            values.fill_(torch.nan)

    def check_untouched(self) -> None:
        """Refuses where weights were changed behind the planner's back."""
        if not all(bool(values.isnan().all()) for values in self._held):
            self.refuse("a weight was changed after the optimiser was made")

    def watch_parameter(self, parameter: nn.Parameter, values: Tensor, scale: Any) -> nn.Parameter:
        """``parameter`` as one that notices reads; ``values`` and ``scale`` are where it starts."""
        watched = PlannedParameter(parameter.detach())
        self.starts[watched] = values, scale
        return watched

    def _current_line(self) -> int | None:
        frame = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_filename == self._file:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None


def current_planner() -> Planner | None:
    """The planner that listens; None where a simulation trains in torch."""
    return _current.get()


def _refuse_use(of: str) -> NoReturn:
    planner = current_planner()
    if planner is None:
        raise UnplannedError(of)
    planner.refuse(of)


class PlannedParameter(nn.Parameter):
    """A weight whose values, once an optimiser has it, nobody may read or change."""

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        planner = current_planner()
        if planner is not None and planner.sealed and func not in METADATA:
            planner.refuse(
                "a weight or its gradient is read or changed: the recorders of the training step "
                "(step.loss, step.gradient_norms, …) say what it comes to"
            )
        with off_the_record():
            return func(*args, **(kwargs or {}))


_MAKE_A_TENSOR = {torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor}


class _Conversions(TorchFunctionMode):
    """Tells weights and knobs of the functions that torch tells no subclass of: those that make a
    plain tensor of anything (torch 2.13)."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _MAKE_A_TENSOR and torch._C._is_torch_function_enabled():
            for value in args:
                if isinstance(value, PlannedParameter | KnobTensor):
                    return type(value).__torch_function__(func, types, args, kwargs)
        return func(*args, **(kwargs or {}))


class _Unusable:
    """Something that stands for numbers that are not there yet: every use of it is refused."""

    __slots__ = ()
    _refused = "a value that is not there yet is used"

    @classmethod
    def __torch_function__(cls, *_: Any) -> Any:
        _refuse_use(cls._refused)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # Python asks for what an object may have, such as __deepcopy__
            raise AttributeError(name)
        _refuse_use(self._refused)

    __hash__ = object.__hash__


def _refused_operator(self: _Unusable, *_: object) -> NoReturn:
    _refuse_use(self._refused)


_OPERATORS = """
    add radd iadd sub rsub isub mul rmul imul truediv rtruediv itruediv floordiv rfloordiv mod rmod
    pow rpow ipow matmul rmatmul neg pos abs invert and or xor lt le gt ge eq ne bool len iter next
    getitem setitem contains float int complex index round array str format reversed
"""
for _operator in re.findall(r"\w+", _OPERATORS):
    setattr(_Unusable, f"__{_operator}__", _refused_operator)


class PlannedValue(_Unusable):
    """One number a replica that operation ``row`` of the plan will record: number ``offset`` of the
    ``width`` that it gives.

    Simple arithmetic on it is one more operation of the plan, in float64.
    """

    __slots__ = ("offset", "row", "width")
    _refused = (
        "a number of the training is used in a computation that no plan holds: it can be yielded "
        "as it is, or after + - * / log log10 and clamp"
    )

    def __init__(self, row: int, offset: int = 0, width: int = 1) -> None:
        self.row, self.offset, self.width = row, offset, width

    @classmethod
    def __torch_function__(cls, *call: Any) -> PlannedValue:
        """What torch's functions do with it, and operators with a tensor on their left."""
        func, _, args, kwargs = (*call, (), None)[:4]
        name = getattr(func, "__name__", "")
        if name in _ARITHMETIC and len(args) == 2 and not kwargs:
            return _derived(_ARITHMETIC[name], *args)
        if name in _LOGARITHMS and len(args) == 1 and not kwargs:
            return _derived(name, args[0])
        if name == "clamp" and isinstance(args[0], PlannedValue):
            return args[0].clamp(*args[1:], **(kwargs or {}))
        _refuse_use(cls._refused)

    def log(self) -> PlannedValue:
        return _derived("log", self)

    def log10(self) -> PlannedValue:
        return _derived("log10", self)

    def clamp(self, min: Any = None, max: Any = None) -> PlannedValue:
        """At least ``min`` and at most ``max``, as ``torch.clamp``; NaN stays NaN."""
        value = self if min is None else _derived("at_least", self, min)
        return value if max is None else _derived("at_most", value, max)

    def and_following(self, width: int) -> list[PlannedValue]:
        """All the numbers of an operation that gives ``width`` of them."""
        return [PlannedValue(self.row, offset, width) for offset in range(width)]


_ARITHMETIC = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide",
               "true_divide": "divide"}  # fmt: skip
_LOGARITHMS = ("log", "log10")


def _derived(function: str, first: Any, second: Any = 0.0) -> PlannedValue:
    planner = current_planner()
    if planner is None or planner.step is None:
        _refuse_use(PlannedValue._refused)
    return planner.step.derive(function, first, second)


def _planned_operator(function: str, swapped: bool = False) -> Callable[[Any, Any], PlannedValue]:
    def apply(self: PlannedValue, other: Any) -> PlannedValue:
        return _derived(function, *((other, self) if swapped else (self, other)))

    return apply


for _name, _function in (("add", "add"), ("sub", "subtract"), ("mul", "multiply"),
                         ("truediv", "divide")):  # fmt: skip
    setattr(PlannedValue, f"__{_name}__", _planned_operator(_function))
    setattr(PlannedValue, f"__r{_name}__", _planned_operator(_function, swapped=True))


class PlannedPrediction(_Unusable):
    """The ``examples`` times ``outputs`` numbers of an operation, of which each can be yielded."""

    __slots__ = ("row", "size")
    _refused = (
        "what the network answers is used in a computation: a plan can only yield one of the "
        "numbers as it is, as predict(inputs)[:, example, output] gives it"
    )

    def __init__(self, row: int, examples: int, outputs: int) -> None:
        self.row, self.size = row, (examples, outputs)

    def __getitem__(self, index: Any) -> PlannedValue:
        if isinstance(index, tuple) and len(index) == 3 and index[0] == slice(None):
            places = [
                place % size
                for place, size in zip(index[1:], self.size, strict=True)
                if type(place) is int and -size <= place < size
            ]
            if len(places) == 2:
                return PlannedValue(
                    self.row, places[0] * self.size[1] + places[1], self.size[0] * self.size[1]
                )
        _refuse_use(self._refused)


class SmallestValue(_Unusable):
    """The smallest of some ``PlannedValue``s; NaN where one of them is."""

    __slots__ = ("parts",)
    _refused = "the smallest of several numbers is used in a computation: yield it as it is"

    def __init__(self, parts: tuple[PlannedValue, ...]) -> None:
        self.parts = parts


class PlannedBatch(_Unusable):
    """``tensor``'s part of a mini-batch. ``span``: the epoch whose order of the examples it is a
    part of, its first place in it, how many it has, and whether that epoch draws with
    replacement."""

    __slots__ = ("span", "tensor")
    _refused = "a mini-batch is used otherwise than in the training step"

    def __init__(self, tensor: Tensor, span: tuple[int, int, int, int]) -> None:
        self.tensor, self.span = tensor, span
