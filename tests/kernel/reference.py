"""One replica of a plan in plain float64 numpy, written from the formulas: what the kernel must do.

Slow and independent: it shares no code with the kernel, and reads nothing but the plan.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from quizserver.kernel.plan import (
    FUNCTIONS,
    Activation,
    ChangeAt,
    Cosine,
    Dense,
    Dropout,
    Exponential,
    Geometric,
    Operation,
    Plan,
    StepDown,
    WarmUp,
)

erf = np.vectorize(math.erf, otypes=[np.float64])
ROOT = math.sqrt(2 / math.pi)


def philox(seed: int, counter: tuple[int, int, int, int]) -> tuple[int, ...]:
    """Philox4x32-10 as Salmon and others (2011) describe it."""
    mask = 2**32 - 1
    a, b, c, d = counter
    low, high = seed & mask, seed >> 32 & mask
    for _ in range(10):
        left, right = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = right >> 32 ^ b ^ low, right & mask, left >> 32 ^ d ^ high, left & mask
        low, high = (low + 0x9E3779B9) & mask, (high + 0xBB67AE85) & mask
    return a, b, c, d


def uniform(seed: int, stream: int, index: int) -> float:
    words = philox(seed, (index // 2 % 2**32, index // 2 >> 32, stream, 0))
    left, right = words[2 * (index % 2) : 2 * (index % 2) + 2]
    return ((left >> 5) * 2**26 + (right >> 6)) / 2**53


def example_order(seed: int, examples: int, epoch: int) -> list[int]:
    order = list(range(examples))
    for k in range(examples - 1):
        word = philox(seed, (k // 4, epoch, 3, examples))[k % 4]
        last = examples - 1 - k
        chosen = word * (last + 1) >> 32
        order[last], order[chosen] = order[chosen], order[last]
    return order


def example_choices(seed: int, examples: int, epoch: int) -> np.ndarray:
    """As many examples, each drawn from all of them."""
    words = [philox(seed, (k // 4, epoch, 4, examples))[k % 4] for k in range(examples)]
    return np.array([word * examples >> 32 for word in words], dtype=np.int64)


def activate(kind: str, slope: float, x: np.ndarray) -> np.ndarray:
    match kind:
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return 1 / (1 + np.exp(-x))
        case "relu":
            return np.maximum(x, 0)
        case "leaky_relu":
            return np.where(x > 0, x, slope * x)
        case "gelu":
            return x * (1 + erf(x / math.sqrt(2))) / 2
        case _:
            return x * (1 + np.tanh(ROOT * (x + 0.044715 * x**3))) / 2


def activation_slope(kind: str, slope: float, x: np.ndarray) -> np.ndarray:
    match kind:
        case "tanh":
            return 1 / np.cosh(x) ** 2
        case "sigmoid":
            return np.exp(-x) / (1 + np.exp(-x)) ** 2
        case "relu":
            return (x > 0).astype(float)
        case "leaky_relu":
            return np.where(x > 0, 1.0, slope)
        case "gelu":
            return (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        case _:
            inner = np.tanh(ROOT * (x + 0.044715 * x**3))
            return (1 + inner) / 2 + x * (1 - inner**2) / 2 * ROOT * (1 + 3 * 0.044715 * x**2)


def loss_and_slope(kind: str, out: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss of (N, o), and its slope by the outputs."""
    if kind == "mse":
        return float(np.mean((out - target) ** 2)), 2 * (out - target) / out.size
    if kind == "binary_cross_entropy_with_logits":
        value = np.mean(np.logaddexp(0, out) - out * target)
        return float(value), (1 / (1 + np.exp(-out)) - target) / out.size
    wanted = np.eye(out.shape[1])[target]
    share = np.exp(out - np.logaddexp.reduce(out, axis=1, keepdims=True))
    return float(-np.mean(np.sum(wanted * np.log(share), axis=1))), (share - wanted) / len(out)


def rate_at(rate: Any, slots: np.ndarray, step: int) -> float:
    match rate:
        case StepDown(base, every, factor):
            return slots[base] * slots[factor] ** math.floor(step / slots[every])
        case Exponential(base, factor):
            return slots[base] * slots[factor] ** step
        case Cosine(base, steps, final):
            angle = math.pi * min(step / slots[steps], 1)
            return slots[final] + (slots[base] - slots[final]) * (1 + math.cos(angle)) / 2
        case WarmUp(base, steps):
            return rate_at(base, slots, step) * min((step + 1) / slots[steps], 1)
        case Geometric(base, factor, steps):
            return slots[base] * slots[factor] ** (min(step, slots[steps]) / slots[steps])
        case ChangeAt(base, at, factor):
            return slots[base] * (slots[factor] if step >= slots[at] else 1)
        case _:
            return float(slots[rate])


class Reference:
    """Replica number ``replica`` of a plan with its column of slots and its seed."""

    def __init__(self, plan: Plan, slots: np.ndarray, seed: int, replica: int) -> None:
        self.plan, self.slots, self.seed, self.replica = plan, slots, seed, replica
        self.tensors = []
        for start, shape in zip(plan.starts, plan.tensor_shapes, strict=True):
            values = start.values if start.values.ndim == len(shape) else start.values[replica]
            self.tensors.append(values * (1 if start.scale is None else slots[start.scale]))
        self.moments = [[np.zeros_like(t) for t in self.tensors] for _ in range(3)]
        self.steps = self.dropout_position = 0
        self.outputs = np.zeros(plan.outputs)

    def run(self) -> np.ndarray:
        for row in self.plan.operations:
            self.execute([int(number) for number in row])
        return self.outputs

    def execute(self, row: list[int]) -> None:
        code, first, second, third = row[:4]
        dense = [t for t in range(len(self.tensors)) if self.tensors[t].ndim == 2]
        if code == Operation.DERIVE:
            self.outputs[row[4]] = self.derived(row[1], row[2], row[3])
        elif code == Operation.STEP:
            self.step(*self.data(first), second)
        elif code == Operation.STEP_BATCH:
            inputs, targets = self.data(first)
            draw = example_choices if row[6] else example_order
            chosen = draw(self.seed, len(inputs), second)[third : third + row[4]]
            self.step(inputs[chosen], targets[chosen], row[5])
        elif code in (Operation.LOSS, Operation.WIDE_LOSS):
            self.outputs[second] = self.evaluate(*self.data(first))[0]
        elif code == Operation.GRADIENT_NORMS:
            gradients = self.evaluate(*self.data(first))[1]
            for place, t in enumerate(dense):
                self.outputs[second + place] = np.linalg.norm(gradients[t])
        elif code == Operation.WEIGHT_NORMS:
            for place, t in enumerate(dense):
                self.outputs[first + place] = np.linalg.norm(self.tensors[t])
        elif code == Operation.ALIVE:
            values = self.forward(self.data(first)[0], training=False)[second + 1]
            self.outputs[third] = np.mean((values > 0).any(axis=0))
        elif code == Operation.UNEXPLAINED:
            inputs, targets = self.data(first)
            out = self.forward(inputs, training=False)[-1]
            self.outputs[second] = np.var(out - targets, ddof=1) / np.var(targets, ddof=1)
        else:
            out = self.forward(self.data(first)[0], training=False)[-1]
            self.outputs[second : second + out.size] = out.reshape(-1)

    def derived(self, function: int, *operands: int) -> float:
        a, b = (self.outputs[n] if n >= 0 else self.slots[-1 - n] for n in operands)
        match FUNCTIONS[function]:
            case "add":
                return a + b
            case "subtract":
                return a - b
            case "multiply":
                return a * b
            case "divide":
                return a / b
            case "at_least":
                return max(a, b)
            case "at_most":
                return min(a, b)
            case name:
                return math.log(a) if name == "log" else math.log10(a)

    def data(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        data = self.plan.datasets[number]
        shared = 1 if self.plan.loss == "cross_entropy" else 2
        inputs = data.inputs if data.inputs.ndim == 2 else data.inputs[self.replica]
        targets = data.targets if data.targets.ndim == shared else data.targets[self.replica]
        return inputs, targets

    def forward(self, inputs: np.ndarray, *, training: bool) -> list[np.ndarray]:
        """The values before the first layer and after each, (N, units); factors of dropout."""
        values, tensor = [inputs], 0
        self.factors: list[Any] = []
        for layer in self.plan.layers:
            x, factor = values[-1], None
            if isinstance(layer, Dense):
                x = x @ self.tensors[tensor]
                tensor += 1
                if layer.bias:
                    x = x + self.tensors[tensor]
                    tensor += 1
            elif isinstance(layer, Activation):
                x = activate(layer.kind, layer.slope, x)
            elif isinstance(layer, Dropout) and training:
                rate, first = self.slots[layer.rate], self.dropout_position
                drawn = [uniform(self.seed, 2, first + k) for k in range(x.size)]
                kept = np.reshape(drawn, x.shape) >= rate
                factor = kept * (1 / (1 - rate) if rate < 1 else 0)
                self.dropout_position += x.size
                x = x * factor
            self.factors.append(factor)
            values.append(x)
        return values

    def evaluate(
        self, inputs: np.ndarray, targets: np.ndarray, *, training: bool = False
    ) -> tuple[float, list[np.ndarray]]:
        """The loss, and its gradient by each tensor."""
        values = self.forward(inputs, training=training)
        loss, slope = loss_and_slope(self.plan.loss, values[-1], targets)
        gradients: list[np.ndarray] = []
        tensor = len(self.tensors)
        for number in reversed(range(len(self.plan.layers))):
            layer, x = self.plan.layers[number], values[number]
            if isinstance(layer, Dense):
                if layer.bias:
                    tensor -= 1
                    gradients.insert(0, slope.sum(axis=0))
                tensor -= 1
                gradients.insert(0, x.T @ slope)
                slope = slope @ self.tensors[tensor].T
            elif isinstance(layer, Activation):
                slope = slope * activation_slope(layer.kind, layer.slope, x)
            elif self.factors[number] is not None:
                slope = slope * self.factors[number]
        return loss, gradients

    def step(self, inputs: np.ndarray, targets: np.ndarray, output: int) -> None:
        loss, gradients = self.evaluate(inputs, targets, training=True)
        if output >= 0:
            self.outputs[output] = loss
        rule = self.plan.optimiser
        if rule.max_norm is not None:
            norm = math.sqrt(sum(float(np.sum(g * g)) for g in gradients))
            factor = min(1.0, self.slots[rule.max_norm] / (norm + 1e-6))
            gradients = [g * factor for g in gradients]
        for number, gradient in enumerate(gradients):
            rate = rate_at(rule.rates[number], self.slots, self.steps)
            decay = self.slots[rule.weight_decay[number]]
            self.update(number, gradient, rate, decay)
        self.steps += 1

    def update(self, number: int, gradient: np.ndarray, rate: float, decay: float) -> None:
        rule, weight = self.plan.optimiser, self.tensors[number]
        first, second, third = (moment[number] for moment in self.moments)
        if rule.kind == "adamw":
            weight = weight * (1 - rate * decay)
        else:
            gradient = gradient + decay * weight
        if rule.kind == "sgd":
            momentum = self.slots[rule.momentum]
            first = momentum * first + gradient
            moved = gradient + momentum * first if rule.nesterov else first
        elif rule.kind == "rmsprop":
            alpha, momentum = self.slots[rule.alpha], self.slots[rule.momentum]
            first = alpha * first + (1 - alpha) * gradient**2
            third = alpha * third + (1 - alpha) * gradient
            variance = first - third**2 if rule.centered else first
            second = momentum * second + gradient / (np.sqrt(variance) + rule.eps)
            moved = second
        else:
            beta1, beta2, t = self.slots[rule.beta1], self.slots[rule.beta2], self.steps + 1
            first = beta1 * first + (1 - beta1) * gradient
            second = beta2 * second + (1 - beta2) * gradient**2
            moved = first / (1 - beta1**t) / (np.sqrt(second / (1 - beta2**t)) + rule.eps)
        self.tensors[number] = weight - rate * moved
        for moment, value in zip(self.moments, (first, second, third), strict=True):
            moment[number] = value
