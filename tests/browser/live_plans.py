"""What a server gives a bench that trains in the browser: the kernel, plans, and runs to check by.

The plans are those of a small network on two rings of points. Its rate and momentum are numbers of
a plan; the width and the activation make another one.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flask import Blueprint, Response, jsonify, request

from quizserver.kernel import draws, recipe
from quizserver.kernel.plan import (
    FIELDS,
    Activation,
    Dataset,
    Dense,
    Operation,
    Optimiser,
    Plan,
    Start,
)
from quizserver.kernel.plan_image import ImagePoint, PlanImage
from quizserver.kernel.training import Training
from quizserver.lab.phase_maps import Plane, picture_levels
from quizserver.lab.shapes.single import SHAPES
from quizserver.runs.results import map_json
from tests.curves_digest import curves_digest

POINTS = 61
# The values of the knobs in the maps that are trained here.
MAP_VALUES = {
    "learning_rate": (0.02, 0.3, 4.0, 30.0),
    "momentum": (0.0, 0.5, 0.97),
    "unit": (0.0, 1.0, 2.0),
    "hidden": tuple(float(width) for width in range(4, 17)),
}
EXAMPLES = 64
ACTIVATIONS = ("tanh", "relu", "gelu")
LIVE_URLS = {
    "kernels": {"float32": "/float32.wasm", "float64": "/float64.wasm"},
    "plane": "/runs/plane",
    "plans": "/plans/t/simulation",
    "used": "/used",
}


def two_rings() -> Dataset:
    """64 points on two noisy rings, and on which of them each is."""
    angle = np.arange(EXAMPLES // 2) / (EXAMPLES // 2) * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    noise = 0.3 * np.random.default_rng(0).normal(size=(EXAMPLES, 2))
    rings = np.concatenate([circle, 3 * circle]) + noise
    return Dataset(rings, np.repeat([0.0, 1.0], EXAMPLES // 2)[:, None])


def rings_image(
    knobs: Mapping[str, float],
    first_seed: int,
    replicas: int,
    *,
    points: int = POINTS,
    dtype: str = "float32",
) -> PlanImage:
    """The plan of one setting; its slots are the rate, no decay, the momentum, and a mere 0."""
    width, unit = int(knobs["hidden"]), ACTIVATIONS[int(knobs["unit"])]
    layers = (Dense(2, width, True), Activation(unit), Dense(width, 1, True))  # type: ignore[arg-type]
    seeds = range(first_seed, first_seed + replicas)
    place = seeds, draws.Stream.INIT
    first = draws.normal_numbers(*place, 0, 2 * width)
    bias = (2 * draws.uniform_numbers(*place, 2 * width, width) - 1) / 2**0.5
    second = 0.3 * (2 * draws.uniform_numbers(*place, 3 * width, width) - 1)
    others = np.stack([np.random.default_rng(seed).normal(size=1) for seed in seeds])
    starts = (
        Start(first.reshape(-1, 2, width)),
        Start(bias),
        Start(second.reshape(-1, width, 1)),
        Start(others),
    )
    operations = np.zeros((points, FIELDS), dtype=np.int32)
    operations[:, 0] = Operation.STEP
    operations[:, 2] = np.arange(points)
    plan = Plan(
        dtype=dtype,  # type: ignore[arg-type]
        layers=layers,
        loss="binary_cross_entropy_with_logits",
        optimiser=Optimiser("sgd", rates=(0,) * 4, weight_decay=(1,) * 4, momentum=2),
        starts=starts,
        datasets=(two_rings(),),
        operations=operations,
        slots=4,
        outputs=points,
    )
    numbers = [np.float32(knobs["learning_rate"]), 0.0, np.float32(knobs["momentum"]), 0.0]
    return PlanImage(
        plan=plan,
        slot_values=np.repeat(np.array(numbers, dtype=np.float64)[:, None], replicas, axis=1),
        seeds=seeds,
        points=[ImagePoint(x, x + 1, {"loss": [x]}) for x in range(points)],
        slot_knobs={0: "learning_rate", 2: "momentum"},
        structural_knobs={"hidden": knobs["hidden"], "unit": knobs["unit"]},
        fingerprint="f",
    )


def plane_of(asked: Mapping[str, Any]) -> Plane:
    """The map that a request asks for."""
    x, y, shape = (asked["map"][name] for name in ("x", "y", "shape"))
    setting, first = asked["knobs"], asked["first_seed"]
    return Plane(x, MAP_VALUES[x], y, MAP_VALUES[y], setting, shape, first_seed=first)


def trained_outputs(image: PlanImage) -> np.ndarray:
    """What the kernel of this machine records of a plan, (outputs, R)."""
    with Training(image.plan, image.slot_values, image.seeds) as training:
        training.run(0, len(image.plan.operations))
        return training.outputs


@dataclass
class LivePlans:
    """Set ``refusal`` before the page asks for a plan; look at what was asked for afterwards.

    The first ``late`` requests for a plan are told that it has not come yet.
    """

    refusal: str | None = None
    points: int = POINTS
    falsified: bool = False
    dtype: str = "float32"
    kernels: int = 0
    plans: list[dict[str, str]] = field(default_factory=list)
    used: int = 0
    late: int = 0
    multiplications_max: int = 10**12

    def image_of(self, knobs: Mapping[str, float], first: int, replicas: int) -> PlanImage:
        return rings_image(knobs, first, replicas, points=self.points, dtype=self.dtype)

    def create_blueprint(self) -> Blueprint:
        blueprint = Blueprint("live", __name__)

        @blueprint.get("/<any(float32, float64):dtype>.wasm")
        def kernel(dtype: str) -> Response:
            self.kernels += 1
            path = recipe.WASM_FLOAT32_FILE if dtype == "float32" else recipe.WASM_FILE
            return Response(path.read_bytes(), mimetype="application/wasm")

        @blueprint.get("/plans/t/simulation")
        def plan() -> Response | tuple[Response, int]:
            asked = request.args.to_dict()
            self.plans.append(asked)
            if len(self.plans) <= self.late:
                return jsonify(error="Its plan has not come yet."), 503
            if self.refusal is not None:
                return jsonify(reason=self.refusal), 404
            numbers = {name: float(text) for name, text in asked.items()}
            first, replicas = int(numbers.pop("first_seed")), int(numbers.pop("replicas"))
            image = self.image_of(numbers, first, replicas)
            answer = Response(gzip.compress(image.to_bytes()), mimetype="application/octet-stream")
            answer.headers["Content-Encoding"] = "gzip"
            return answer

        @blueprint.post("/runs/plane")
        def plane() -> Response:
            asked = request.get_json()
            found = plane_of(asked)
            return jsonify(
                knobs=dict(found.setting),
                first_seed=found.first_seed,
                map=map_json(found, []),
                levels=picture_levels(found),
                multiplications_max=self.multiplications_max,
            )

        @blueprint.post("/used")
        def used() -> Response:
            self.used += 1
            return jsonify({})

        return blueprint

    def map_counts(self, asked: Mapping[str, Any]) -> list[list[int]]:
        """In how many replicas of each cell of a map the shape shows, as the server trains it."""
        plane = plane_of(asked)
        counts = []
        for cell in range(plane.cell_count):
            image = self.image_of(plane.cell_setting(cell), plane.first_seed, plane.replicas)
            shown = SHAPES[plane.shape].shown_by(range(self.points), trained_outputs(image).T)
            counts.append(int(shown.sum()))
        width = len(plane.x_values)
        return [counts[at : at + width] for at in range(0, len(counts), width)]

    def stored_map(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A finished run of a map."""
        counts = self.map_counts(asked)
        if self.falsified:
            counts[1][2] = 8 - counts[1][2] or 4
        end = {"state": "done", "error": None, "sentence": "From the server."}
        found = map_json(plane_of(asked), []) | {"counts": counts}
        return end | {"knobs": asked["knobs"], "map": found}

    def stored_run(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A finished run of the same setting, with its digest, as the server would train it."""
        image = self.image_of(asked["knobs"], asked["first_seed"], asked["replicas"])
        outputs = trained_outputs(image)
        digest = curves_digest([{"loss": row} for row in outputs])
        if self.falsified:
            digest = hashlib.sha256(b"other").hexdigest()
        lines = {"median": outputs.mean(axis=1).tolist()}
        series = {"loss": lines | {"low": lines["median"], "high": lines["median"]}}
        return {
            "x": list(range(self.points)),
            "series": series,
            "state": "done",
            "error": None,
            "sentence": "From the server.",
            "outputs_sha256": digest,
            "replicas": {"loss": outputs.T.tolist()},
        }
