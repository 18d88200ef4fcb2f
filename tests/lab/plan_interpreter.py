"""Runs a kernel plan in numpy, written from the definitions: an independent reading of it.

Slow, and not the same to the last bit: sums go in numpy's order. ``InterpretedTraining`` has the
interface of ``quizserver.kernel.training.Training``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel import plan
from quizserver.kernel.draws import Stream, example_orders, uniform_numbers
from quizserver.kernel.plan import Operation

Numbers = NDArray[Any]


class InterpretedTraining:
    def __init__(self, of: plan.Plan, slot_values: Numbers, seeds: Sequence[int]) -> None:
        self.plan, self.seeds = of, list(seeds)
        self.count = len(self.seeds)
        self.dtype = np.dtype(of.dtype)
        self.slots = np.asarray(slot_values, dtype=np.float64)
        self.outputs = np.full((of.outputs, self.count), np.nan)
        self.tensors = [
            self._start(start, len(shape))
            for start, shape in zip(of.starts, of.tensor_shapes, strict=True)
        ]
        self.moments = [[np.zeros_like(t) for t in self.tensors] for _ in range(2)]
        self.steps = self.dropped = 0

    def run(self, first: int, last: int) -> None:
        with np.errstate(all="ignore"):
            for row in self.plan.operations[first:last].tolist():
                self._execute(Operation(row[0]), row[1:])

    def recorded(self, first: int, last: int) -> Numbers:
        return self.outputs[first:last].copy()

    def close(self) -> None:
        pass

    def _start(self, start: plan.Start, ndim: int) -> Numbers:
        values = start.values
        if values.ndim == ndim:
            values = np.broadcast_to(values, (self.count, *values.shape))
        if start.scale is not None:
            values = values * self._column(self.slots[start.scale], ndim + 1)
        return values.astype(self.dtype)

    def _column(self, values: Numbers, ndim: int) -> Numbers:
        return np.reshape(values, (-1, *[1] * (ndim - 1)))

    def _slot(self, slot: int, ndim: int = 1) -> Numbers:
        return self._column(self.slots[slot].astype(self.dtype), ndim)

    def _data(self, number: int) -> tuple[Numbers, Numbers]:
        data = self.plan.datasets[number]
        classes = self.plan.loss == "cross_entropy"
        inputs = data.inputs if data.inputs.ndim == 3 else data.inputs[None]
        targets = data.targets if data.targets.ndim == (2 if classes else 3) else data.targets[None]
        return tuple(  # type: ignore[return-value]
            np.broadcast_to(values, (self.count, *values.shape[1:])).astype(kind)
            for values, kind in (
                (inputs, self.dtype), (targets, np.int64 if classes else self.dtype),
            )
        )  # fmt: skip

    def _execute(self, code: Operation, fields: list[int]) -> None:
        if code == Operation.DERIVE:
            self._derive(fields)
            return
        if code == Operation.WEIGHT_NORMS:
            weights = [t for t in self.tensors if t.ndim == 3]
            self._record_norms(fields[0], weights)
            return
        x, y = self._data(fields[0])
        if code == Operation.STEP:
            self._record(fields[1], self._step(x, y))
        elif code == Operation.STEP_BATCH:
            _, epoch, first, size, output, replace = fields[:6]
            orders = example_orders(self.seeds, x.shape[1], epoch, 1, replace=bool(replace))
            order = orders[:, 0, first : first + size]
            rows = np.arange(self.count)[:, None]
            self._record(output, self._step(x[rows, order], y[rows, order]))
        elif code == Operation.LOSS:
            self._record(fields[1], self._loss(self._forward(x)[-1], y)[0])
        elif code == Operation.WIDE_LOSS:
            narrow = self.tensors
            self.tensors = [tensor.astype(np.float64) for tensor in narrow]
            loss = self._loss(self._forward(x.astype(np.float64))[-1], y)[0]
            self._record(fields[1], loss)
            self.tensors = narrow
        elif code == Operation.GRADIENT_NORMS:
            gradients = self._gradients(x, y, None)[1]
            self._record_norms(fields[1], [g for g in gradients if g.ndim == 3])
        elif code == Operation.ALIVE:
            values = self._forward(x)[fields[1] + 1]
            share = (values > 0).any(1).mean(1)
            finite = np.isfinite(values).all((1, 2))
            self._record(fields[2], np.where(finite, share, np.nan))
        elif code == Operation.UNEXPLAINED:
            missing = self._forward(x)[-1] - y
            spread = missing.reshape(self.count, -1).var(1, ddof=1)
            self._record(fields[1], spread / y.reshape(self.count, -1).var(1, ddof=1))
        else:
            flat = self._forward(x)[-1].reshape(self.count, -1)
            self.outputs[fields[1] : fields[1] + flat.shape[1]] = flat.T

    def _derive(self, fields: list[int]) -> None:
        a, b = (self.outputs[n] if n >= 0 else self.slots[-1 - n] for n in fields[1:3])
        results = {
            "add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b,
            "at_least": np.where(a < b, b, a), "at_most": np.where(a > b, b, a),
            "log": np.log(a), "log10": np.log10(a),
        }  # fmt: skip
        self._record(fields[3], results[plan.FUNCTIONS[fields[0]]])

    def _record(self, output: int, values: Numbers) -> None:
        if output >= 0:
            self.outputs[output] = values

    def _record_norms(self, output: int, tensors: list[Numbers]) -> None:
        for number, tensor in enumerate(tensors):
            self.outputs[output + number] = np.sqrt(np.square(tensor).sum((1, 2)))

    def _step(self, x: Numbers, y: Numbers) -> Numbers:
        factors = self._draw_dropout(x.shape[1])
        value, gradients = self._gradients(x, y, factors)
        if self.plan.optimiser.max_norm is not None:
            squares = sum(np.square(g).reshape(self.count, -1).sum(1) for g in gradients)
            limit = self._slot(self.plan.optimiser.max_norm)
            factor = np.minimum(limit / (np.sqrt(squares) + self.dtype.type(1e-6)), 1)
            gradients = [g * self._column(factor, g.ndim) for g in gradients]
        self._update(gradients)
        return value

    def _draw_dropout(self, examples: int) -> dict[int, Numbers]:
        factors = {}
        for place, layer in enumerate(self.plan.layers):
            if isinstance(layer, plan.Dropout):
                units = self.plan.layer_widths[place]
                drawn = uniform_numbers(self.seeds, Stream.DROPOUT, self.dropped, examples * units)
                self.dropped += examples * units
                keep = drawn.reshape(-1, examples, units).astype(self.dtype) >= self._slot(
                    layer.rate, 3
                )
                rate = self._slot(layer.rate, 3)
                factors[place] = keep * np.where(rate < 1, 1 / (1 - rate), 0).astype(self.dtype)
        return factors

    def _forward(self, x: Numbers, factors: dict[int, Numbers] | None = None) -> list[Numbers]:
        """What goes into each layer, and at last what comes out."""
        values, place = [x], 0
        for number, layer in enumerate(self.plan.layers):
            z = values[-1]
            if isinstance(layer, plan.Dense):
                z = z @ self.tensors[place]
                place += 1
                if layer.bias:
                    z = z + self.tensors[place][:, None]
                    place += 1
            elif isinstance(layer, plan.Activation):
                z = _activation(layer, z)[0]
            elif factors is not None:
                z = z * factors[number]
            values.append(z)
        return values

    def _loss(self, z: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        """The mean loss of each replica, and its slope with respect to the output."""
        share = self.dtype.type(1 / (z.shape[1] * (1 if y.ndim == 2 else z.shape[2])))
        if self.plan.loss == "mse":
            return np.square(z - y).mean((1, 2)), 2 * share * (z - y)
        if self.plan.loss == "binary_cross_entropy_with_logits":
            each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
            return each.mean((1, 2)), share * (_sigmoid(z) - y)
        top = z.max(2, keepdims=True)
        log_sum = top + np.log(np.exp(z - top).sum(2, keepdims=True))
        chosen = np.take_along_axis(z, y[..., None], 2)
        hit = np.zeros_like(z)
        np.put_along_axis(hit, y[..., None], 1, 2)
        return (log_sum - chosen).mean((1, 2)), share * (np.exp(z - log_sum) - hit)

    def _gradients(
        self, x: Numbers, y: Numbers, factors: dict[int, Numbers] | None
    ) -> tuple[Numbers, list[Numbers]]:
        values = self._forward(x, factors)
        loss, slope = self._loss(values[-1], y)
        gradients: list[Numbers] = []
        place = len(self.tensors)
        for number in range(len(self.plan.layers) - 1, -1, -1):
            layer = self.plan.layers[number]
            if isinstance(layer, plan.Dense):
                if layer.bias:
                    place -= 1
                    gradients.insert(0, slope.sum(1))
                place -= 1
                gradients.insert(0, values[number].swapaxes(1, 2) @ slope)
                slope = slope @ self.tensors[place].swapaxes(1, 2)
            elif isinstance(layer, plan.Activation):
                slope = slope * _activation(layer, values[number])[1]
            elif factors is not None:
                slope = slope * factors[number]
        return loss, gradients

    def _update(self, gradients: list[Numbers]) -> None:
        rule = self.plan.optimiser
        for number, gradient in enumerate(gradients):
            tensor = self.tensors[number]
            rate = self._column(self._rate(rule.rates[number]), tensor.ndim)
            decay = self._slot(rule.weight_decay[number], tensor.ndim)
            if rule.kind == "adamw":
                tensor *= 1 - rate.astype(self.dtype) * decay
            else:
                gradient = gradient + decay * tensor
            tensor -= self._direction(number, gradient, rate)
        self.steps += 1

    def _direction(self, number: int, gradient: Numbers, rate: Numbers) -> Numbers:
        """What a step takes off a tensor."""
        rule, ndim = self.plan.optimiser, gradient.ndim
        first, second = (moments[number] for moments in self.moments)
        rate = rate.astype(self.dtype)
        if rule.kind == "sgd":
            momentum = self._slot(rule.momentum, ndim)
            first[:] = momentum * first + gradient
            return rate * (gradient + momentum * first if rule.nesterov else first)
        if rule.kind == "rmsprop":
            alpha = self._column(self.slots[rule.alpha], ndim)
            second[:] = alpha * second + (1 - alpha) * gradient**2
            first[:] = self._slot(rule.momentum, ndim) * first + gradient / (
                np.sqrt(second) + self.dtype.type(rule.eps)
            )
            return rate * first
        beta1, beta2 = (self._column(self.slots[b], ndim) for b in (rule.beta1, rule.beta2))
        first[:] = first + (1 - beta1) * (gradient - first)
        second[:] = beta2 * second + (1 - beta2) * gradient**2
        corrected = np.sqrt(second / (1 - beta2 ** (self.steps + 1))) + rule.eps
        step: Numbers = (rate / (1 - beta1 ** (self.steps + 1)) * first / corrected).astype(
            self.dtype
        )
        return step

    def _rate(self, rate: plan.Rate) -> Numbers:
        """In float64, (R,), at the step that comes next."""
        if isinstance(rate, int):
            return self.slots[rate]
        if isinstance(rate, plan.WarmUp):
            share = (self.steps + 1) / self.slots[rate.steps]
            return self._rate(rate.base) * np.minimum(share, 1)
        start = self.slots[rate.rate]
        if isinstance(rate, plan.StepDown):
            passed = np.floor(self.steps / self.slots[rate.every])
            return np.asarray(start * self.slots[rate.factor] ** passed)
        if isinstance(rate, plan.Exponential):
            return np.asarray(start * self.slots[rate.factor] ** self.steps)
        if isinstance(rate, plan.ChangeAt):
            return start * np.where(
                self.steps >= self.slots[rate.step], self.slots[rate.factor], 1.0
            )
        passed = np.minimum(self.steps / self.slots[rate.steps], 1)
        if isinstance(rate, plan.Geometric):
            return np.asarray(start * self.slots[rate.last_factor] ** passed)
        final = self.slots[rate.final]
        return final + (start - final) * (1 + np.cos(math.pi * passed)) / 2


def _sigmoid(z: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-z)))


def _activation(layer: plan.Activation, z: Numbers) -> tuple[Numbers, Numbers]:
    """The function and its slope."""
    if layer.kind == "tanh":
        return np.tanh(z), 1 - np.tanh(z) ** 2
    if layer.kind == "sigmoid":
        return _sigmoid(z), _sigmoid(z) * (1 - _sigmoid(z))
    if layer.kind in ("relu", "leaky_relu"):
        slope = z.dtype.type(layer.slope if layer.kind == "leaky_relu" else 0)
        return np.where(z > 0, z, slope * z), np.where(z > 0, 1, slope).astype(z.dtype)
    if layer.kind == "gelu":
        share = (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2
        slope = share + z * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return (z * share).astype(z.dtype), slope.astype(z.dtype)
    inner = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    change = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z**2)
    slope = (1 + np.tanh(inner)) / 2 + z / 2 * (1 - np.tanh(inner) ** 2) * change
    return (z / 2 * (1 + np.tanh(inner))).astype(z.dtype), slope.astype(z.dtype)
