"""A plan's image: what its description says is enough to train the plan, to the bit."""

from __future__ import annotations

import gzip
import json
import math
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quizserver.kernel import draws, plan_image
from quizserver.kernel.library import load_library
from quizserver.kernel.plan import (
    FIELDS,
    Dropout,
    Exponential,
    Operation,
    Plan,
    PlanError,
    Start,
    WarmUp,
)
from quizserver.kernel.plan_image import (
    LANES,
    ImagePoint,
    PlanImage,
    PlanImageError,
)
from quizserver.kernel.training import Training
from tests.kernel.plans import (
    SLOTS,
    chain,
    make_plan,
    rows,
    slot,
    slot_values,
    starts,
    steps,
    tensor_shapes,
)

SEEDS = list(range(5, 5 + 21))  # six blocks, the last not full


def image_of(plan: Plan, seeds: list[int] = SEEDS, **changes: Any) -> PlanImage:
    plain = PlanImage(
        plan=plan,
        slot_values=slot_values(len(seeds)),
        seeds=seeds,
        points=[ImagePoint(0.0, len(plan.operations), {"loss": [0]})],
        slot_knobs={},
        structural_knobs={},
        fingerprint="f",
    )
    return replace(plain, **changes)


def read_head(image: bytes) -> tuple[dict[str, Any], int]:
    """The head, and where the body begins."""
    assert image[:8] == b"quizplan"
    version, length = struct.unpack_from("<II", image, 8)
    assert version == 1
    return json.loads(image[16 : 16 + length]), 16 + length


def drawn_numbers(
    kind: str, seeds: list[int], first: int, count: int, factor: float, divisor: float
) -> np.ndarray:
    """Numbers that seeds draw for first weights, (count, lanes)."""
    if kind == "uniform":
        numbers = 2 * draws.uniform_numbers(seeds, draws.Stream.INIT, first, count) - 1
    else:
        numbers = draws.normal_numbers(seeds, draws.Stream.INIT, first, count)
    return np.ascontiguousarray((numbers * factor / divisor).T)


def train_image(image: bytes, knobs: dict[str, float]) -> np.ndarray:
    """Trains from the bytes alone, as the module describes them: (outputs, R)."""
    head, at = read_head(image)
    lanes, blocks, replicas = head["lanes"], head["blocks"], head["replicas"]
    library = load_library("wasm")
    assert lanes == library.call(f"block_replicas_{head['dtype']}")
    with library.open_arena() as arena:
        size = head["shared_size"] + blocks * head["block_size"]
        address, memory = arena.allocate(size, np.uint8)
        out, outputs = arena.allocate((head["outputs"], blocks * lanes), np.float64)
        pieces = [(0, piece) for piece in head["shared"]]
        for block in range(blocks):
            start = head["shared_size"] + block * head["block_size"]
            pieces += [(start, piece) for piece in head["own"]]
        for start, (offset, encoding, length, *drawn) in pieces:
            stored = image[at : at + length]
            at += length
            if encoding == "float32":
                stored = np.frombuffer(stored, "<f4").astype("<f8").tobytes()
            elif encoding == "rows":
                changes = np.frombuffer(stored, "<i4").reshape(-1, FIELDS)
                stored = np.cumsum(changes, axis=0, dtype="<i4").tobytes()
            elif encoding in ("uniform", "normal"):
                place = memory[start + head["seeds_offset"] :][: 8 * lanes].view(np.uint64)
                stored = drawn_numbers(encoding, [int(seed) for seed in place], *drawn).tobytes()
            memory[start + offset :][: len(stored)] = np.frombuffer(stored, np.uint8)
        assert at == len(image) - 8 * head["constants"] * replicas
        for block in range(blocks):
            place = head["shared_size"] + block * head["block_size"] + head["slots_offset"]
            table = memory[place:][: len(head["slots"]) * lanes * 8].view(np.float64)
            for number, entry in enumerate(head["slots"]):
                for lane in range(lanes):
                    replica = min(replicas - 1, block * lanes + lane)
                    value = entry[replica] if isinstance(entry, list) else entry
                    if isinstance(entry, dict):
                        value = np.float32(knobs[entry["knob"]])
                    table[number * lanes + lane] = float(value)
        dtype = head["dtype"]
        library.call(f"start_training_{dtype}", address, 0, blocks)
        words = (address, out, blocks * lanes, 0, head["operations"], 0, blocks)
        library.call(f"run_operations_{dtype}", *words)
        return outputs[:, :replicas].copy()


def trained(plan: Plan, slots: np.ndarray, seeds: list[int] = SEEDS) -> np.ndarray:
    with Training(plan, slots, seeds) as training:
        training.run(0, len(plan.operations))
        return training.outputs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["sgd", "adam", "rmsprop"])
def test_what_is_trained_from_an_image_has_the_same_bits(dtype: str, kind: str) -> None:
    """Mini-batches, dropout, numbers that differ by replica, a knob, a block that is not full."""
    layers = (*chain(3, 6, 2, unit="gelu"), Dropout(slot("dropout")))
    operations = rows(
        *[(Operation.STEP_BATCH, 0, epoch, 3, 6, epoch) for epoch in range(9)],
        (Operation.LOSS, 0, 9),
        (Operation.PREDICT, 0, 10),
    )
    plan = make_plan(layers, operations, replicas=len(SEEDS), dtype=dtype, kind=kind)
    numbers = slot_values(
        len(SEEDS), rate=np.float32(0.3), scale=np.linspace(0.5, 1.5, len(SEEDS)), norm=np.inf
    )
    image = image_of(plan, slot_values=numbers, slot_knobs={slot("rate"): "learning_rate"})
    found = train_image(image.to_bytes(), {"learning_rate": 0.3})
    assert found.tobytes() == trained(plan, numbers).tobytes()


def test_first_weights_of_any_bits_arrive_as_they_are() -> None:
    """Those that fit a float32 are sent as such, also a zero with a sign; others whole."""
    layers = chain(2, 3)
    weights = np.full((len(SEEDS), 2, 3), -0.0)
    weights[3, 1] = [0.1, np.float32(0.1), 1e-320]
    zeros = Start(np.zeros((len(SEEDS), 3)))
    plan = make_plan(layers, steps(4), replicas=len(SEEDS))
    for values in (weights, np.float32(weights).astype(np.float64)):
        one = replace(plan, starts=(Start(values), zeros))
        image = image_of(one).to_bytes()
        assert train_image(image, {}).tobytes() == trained(one, slot_values(21)).tobytes()


def test_first_weights_that_seeds_draw_are_not_sent() -> None:
    """Each kind of draw, by a factor or a divisor, also after a tensor that was changed."""
    layers = chain(5, 40, 30, 3)
    place, at = (SEEDS, draws.Stream.INIT), 0
    drawn: list[np.ndarray] = []
    for number, shape in enumerate(tensor_shapes(layers)):
        count = int(np.prod(shape))
        uniform = 2 * draws.uniform_numbers(*place, at, count) - 1
        values = [
            uniform / math.sqrt(5),
            uniform * math.sqrt(6 / 45),
            math.sqrt(2 / 40) * draws.normal_numbers(*place, at, count),
            np.zeros((len(SEEDS), count)),
            1.5 * uniform + 0.25,
            uniform,
        ][number]
        at += count if number != 3 else 0
        drawn.append(values.reshape(-1, *shape))
    plan = make_plan(layers, steps(4), replicas=len(SEEDS))
    plan = replace(plan, starts=tuple(Start(values, slot("scale")) for values in drawn))
    image = image_of(plan).to_bytes()
    head, _ = read_head(image)
    assert [piece[1] for piece in head["own"]] == [
        "raw",
        *["uniform"] * 2,
        "normal",
        "raw",
        "uniform",
    ]
    assert train_image(image, {}).tobytes() == trained(plan, slot_values(21)).tobytes()
    assert sum(piece[2] for piece in head["own"]) == 8 * LANES * (1 + 90)


def test_a_plan_of_many_steps_is_small_once_it_is_compressed() -> None:
    layers = chain(1, 8, 1)
    operations = rows(
        *[(Operation.STEP_BATCH, 0, n // 2, 5 * (n % 2), 5, -1) for n in range(8000)],
        (Operation.LOSS, 0, 0),
    )
    plan = make_plan(layers, operations, replicas=1, outputs=1)
    plan = replace(plan, starts=tuple(Start(s.values[0]) for s in starts(layers, 1)))
    image = image_of(plan).to_bytes()
    assert len(image) > 250_000
    assert len(gzip.compress(image)) < 8_000


def test_the_head_says_what_is_drawn_and_which_numbers_are_knobs() -> None:
    rate = WarmUp(Exponential(slot("rate"), slot("factor")), slot("steps"))
    plan = make_plan(chain(2, 3, 1), steps(6), replicas=len(SEEDS), rates=(rate,) * 4)
    constant = np.arange(len(SEEDS)) / 7
    image = image_of(
        plan,
        points=[
            ImagePoint(0.5, 2, {"loss": [1], "least": [0, 1], "fixed": constant}),
            ImagePoint(1.5, 6, {"loss": [5], "least": [4, 5], "fixed": -constant}),
        ],
        slot_knobs={0: "learning_rate"},
        slot_values=slot_values(len(SEEDS), norm=np.inf, decay=constant),
        structural_knobs={"hidden": 3.0},
    ).to_bytes()
    head, _ = read_head(image)
    assert head["x"] == [0.5, 1.5]
    assert head["point_operations"] == [2, 6]
    assert head["series"]["loss"] == [1, 5]
    assert head["series"]["least"] == [[0, 1], [4, 5]]
    assert head["series"]["fixed"] == [{"row": 0}, {"row": 1}]
    stored = np.frombuffer(image, "<f8", offset=len(image) - 16 * len(SEEDS)).reshape(2, -1)
    np.testing.assert_array_equal(stored, [constant, -constant])
    slots = dict(zip(SLOTS, head["slots"], strict=True))
    assert slots["rate"] == {"knob": "learning_rate"}
    assert slots["norm"] == "Infinity"
    assert slots["decay"] == constant.tolist()
    assert slots["beta2"] == 0.999
    assert (head["positive_slots"], head["power_slots"]) == ([10], [9])
    assert head["structural"] == {"hidden": 3.0}
    assert head["seeds"] == SEEDS


def test_a_plan_that_is_too_much_for_a_browser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    image = image_of(make_plan(chain(2, 3, 1), steps(6), replicas=len(SEEDS)))
    work = image.plan.multiplications * len(SEEDS)
    monkeypatch.setattr(plan_image, "MAX_BROWSER_MULTIPLICATIONS", work)
    size = len(image.to_bytes())
    monkeypatch.setattr(plan_image, "MAX_BROWSER_MULTIPLICATIONS", work - 1)
    with pytest.raises(PlanImageError, match="multiplications"):
        image.to_bytes()
    monkeypatch.setattr(plan_image, "MAX_BROWSER_MULTIPLICATIONS", work)
    monkeypatch.setattr(plan_image, "MAX_IMAGE_BYTES", size - 1)
    with pytest.raises(PlanImageError, match="MB"):
        image.to_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [1, 2]}, "2 seeds"),
        ({"slot_values": np.zeros((3, 21))}, "slots are"),
        ({"points": [ImagePoint(0, 7, {"loss": [0]})]}, "7 operations"),
    ],
)
def test_what_does_not_fit_the_plan_is_refused(changes: dict[str, Any], said: str) -> None:
    plan = make_plan(chain(2, 3, 1), steps(6), replicas=len(SEEDS))
    with pytest.raises(PlanError, match=said):
        image_of(plan, **changes).to_bytes()
