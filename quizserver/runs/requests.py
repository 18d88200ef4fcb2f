"""The kinds of request for a run: curves, a phase map, a verification, a plan. Plain values.

Every kind has the fields ``topic``, ``path`` (what is trained, relative to the content folder, with
forward slashes) and ``fingerprint`` (a digest of its files, which must be the same when the run is
trained), and the properties ``seeds``, ``points`` (into how many points the progress is divided)
and ``files`` (path -> fingerprint of the simulations that a worker must hold to train it).
``kind`` names the kind in the store. ``key_fields`` is what ``request_key`` hashes, ``row_values``
what a row of the table ``run`` keeps of the request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from quizserver.kernel.recipe import source_version
from quizserver.lab.phase_maps import Plane

RunKind: TypeAlias = Literal["curves", "map", "verification", "plan"]

PARTS = 1000
"""Into how many parts a verification's progress is divided."""


@dataclass(frozen=True, slots=True)
class CurveRequest:
    """The curves of one simulation with one setting: ``path`` is the simulation's file.

    ``knobs`` holds every knob of the simulation; ``points`` is how many values of x it gives.
    """

    topic: str
    simulation: str
    path: str
    fingerprint: str
    arm: str | None
    knobs: Mapping[str, float]
    first_seed: int
    replicas: int
    x_label: str
    series: tuple[str, ...]
    points: int
    kind: ClassVar[RunKind] = "curves"

    @property
    def files(self) -> Mapping[str, str]:
        return {self.path: self.fingerprint}

    @property
    def seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.replicas)

    def key_fields(self) -> dict[str, object]:
        return {
            "topic": self.topic,
            "simulation": self.simulation,
            "fingerprint": self.fingerprint,
            "knobs": canonical_knobs(self.knobs),
            "seeds": [self.first_seed, self.replicas],
            "series": list(self.series),
            "plane": None,
        }

    def row_values(self) -> dict[str, Any]:
        return _row_values(
            self,
            simulation=self.simulation,
            arm=self.arm,
            knobs=dict(self.knobs),
            x_label=self.x_label,
            series=list(self.series),
        )


@dataclass(frozen=True, slots=True)
class MapRequest:
    """A phase map of one simulation: ``path`` is its file, a point of the progress is a cell.

    ``plane`` decides the setting and the seeds of every cell; ``series`` are all series of the
    simulation.
    """

    topic: str
    simulation: str
    path: str
    fingerprint: str
    arm: str | None
    series: tuple[str, ...]
    plane: Plane
    kind: ClassVar[RunKind] = "map"

    @property
    def files(self) -> Mapping[str, str]:
        return {self.path: self.fingerprint}

    @property
    def knobs(self) -> Mapping[str, float]:
        return self.plane.setting

    @property
    def seeds(self) -> range:
        return self.plane.seeds

    @property
    def points(self) -> int:
        return self.plane.cell_count

    def key_fields(self) -> dict[str, object]:
        plane = self.plane
        # Where the two knobs of the plane were set before changes no cell.
        fixed = {name: v for name, v in self.knobs.items() if name not in (plane.x, plane.y)}
        axes = ((plane.x, plane.x_values), (plane.y, plane.y_values))
        named_axes = [[name, [_canonical_number(v) for v in values]] for name, values in axes]
        return {
            "topic": self.topic,
            "simulation": self.simulation,
            "fingerprint": self.fingerprint,
            "knobs": canonical_knobs(fixed),
            "seeds": [plane.first_seed, plane.replicas],
            "series": list(self.series),
            "plane": [*named_axes, plane.shape, plane.series],
        }

    def row_values(self) -> dict[str, Any]:
        return _row_values(
            self,
            simulation=self.simulation,
            arm=self.arm,
            knobs=dict(self.knobs),
            series=list(self.series),
            plane={**asdict(self.plane), "setting": dict(self.plane.setting)},
        )


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """The verification of a topic's claims: ``path`` is the topic's folder.

    ``overlay`` holds the texts (by path) of its questions with claims, so that only the simulations
    are read from a worker's disk; ``fingerprint`` is that of the topic's claims and simulations. A
    point of the progress is a thousandth.
    """

    topic: str
    path: str
    fingerprint: str
    first_seed: int
    replicas: int
    overlay: Mapping[str, str]
    files: Mapping[str, str]
    kind: ClassVar[RunKind] = "verification"

    @property
    def seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.replicas)

    @property
    def points(self) -> int:
        return PARTS

    def key_fields(self) -> dict[str, object]:
        # The claims are in the fingerprint; how the texts are worded changes no verdict.
        return {
            "topic": self.topic,
            "simulation": "",
            "fingerprint": self.fingerprint,
            "knobs": {},
            "seeds": [self.first_seed, self.replicas],
            "series": [],
            "plane": None,
            "verified": True,
        }

    def row_values(self) -> dict[str, Any]:
        return _row_values(self, overlay=dict(self.overlay))


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """The plan of one simulation's training, for browsers: ``path`` is the simulation's file.

    ``knobs`` holds every knob of the simulation; the plan may be that of other settings as well. It
    comes at once, as the only point of the progress.
    """

    topic: str
    simulation: str
    path: str
    fingerprint: str
    knobs: Mapping[str, float]
    first_seed: int
    replicas: int
    kind: ClassVar[RunKind] = "plan"

    @property
    def files(self) -> Mapping[str, str]:
        return {self.path: self.fingerprint}

    @property
    def seeds(self) -> range:
        return range(self.first_seed, self.first_seed + self.replicas)

    @property
    def points(self) -> int:
        return 1

    def key_fields(self) -> dict[str, object]:
        return {
            "topic": self.topic,
            "simulation": self.simulation,
            "fingerprint": self.fingerprint,
            "knobs": canonical_knobs(self.knobs),
            "seeds": [self.first_seed, self.replicas],
            "planned_by": planner_version(),
        }

    def row_values(self) -> dict[str, Any]:
        return _row_values(self, simulation=self.simulation, knobs=dict(self.knobs))


RunRequest: TypeAlias = CurveRequest | MapRequest | VerificationRequest | PlanRequest


def _row_values(request: RunRequest, **own: Any) -> dict[str, Any]:
    """What the row of any kind of request keeps; ``own`` is what not every kind has."""
    row: dict[str, Any] = {
        "kind": request.kind,
        "topic": request.topic,
        "simulation": "",
        "path": request.path,
        "fingerprint": request.fingerprint,
        "files": dict(request.files),
        "arm": None,
        "knobs": {},
        "first_seed": request.seeds.start,
        "replicas": len(request.seeds),
        "x_label": "",
        "series": [],
        "plane": None,
        "overlay": None,
        "points_total": request.points,
    }
    return row | own


@cache
def planner_version() -> str:
    """16 hex digits that change with the code that makes plans, and with the kernel.

    What was planned by another version is planned again.
    """
    digest = hashlib.sha256(source_version().encode())
    package = Path(__file__).parent.parent
    for folder in ("kernel", "lab"):
        for path in sorted((package / folder).glob("*.py")):
            digest.update(f"{folder}/{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def request_from_row(row: Any) -> RunRequest:
    """The request of a row of the table ``run``."""
    if row.kind == "plan":
        return PlanRequest(
            topic=row.topic,
            simulation=row.simulation,
            path=row.path,
            fingerprint=row.fingerprint,
            knobs=row.knobs,
            first_seed=row.first_seed,
            replicas=row.replicas,
        )
    if row.kind == "verification":
        return VerificationRequest(
            topic=row.topic,
            path=row.path,
            fingerprint=row.fingerprint,
            first_seed=row.first_seed,
            replicas=row.replicas,
            overlay=row.overlay,
            files=row.files,
        )
    if row.kind == "map":
        return MapRequest(
            topic=row.topic,
            simulation=row.simulation,
            path=row.path,
            fingerprint=row.fingerprint,
            arm=row.arm,
            series=tuple(row.series),
            plane=_plane_from_json(row.plane),
        )
    return CurveRequest(
        topic=row.topic,
        simulation=row.simulation,
        path=row.path,
        fingerprint=row.fingerprint,
        arm=row.arm,
        knobs=row.knobs,
        first_seed=row.first_seed,
        replicas=row.replicas,
        x_label=row.x_label,
        series=tuple(row.series),
        points=row.points_total,
    )


def request_key(request: RunRequest, kernel: str | None = None) -> str:
    """64 hex digits that are equal for two requests exactly when their results must be equal.

    The arm is left out: two arms with the same setting of every knob are the same training. The
    fingerprint is in, so that a changed simulation never finds the results of the old one, and so
    is the version of the ``kernel`` (None: this machine's). Whether the kernel trains it, or torch,
    follows from both. Another key for the same request would train again what is stored already.
    """
    fields = {**request.key_fields(), "kernel": kernel or source_version()}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plane_from_json(data: Mapping[str, Any]) -> Plane:
    values = {name: tuple(data[name]) for name in ("x_values", "y_values")}
    return Plane(**{**data, **values})


def canonical_knobs(knobs: Mapping[str, float]) -> dict[str, str]:
    """The knobs with one spelling for each number."""
    return {name: _canonical_number(value) for name, value in knobs.items()}


def _canonical_number(value: float) -> str:
    # Adding zero turns -0.0 into 0.0; hex is exact and has one spelling for a number.
    return (float(value) + 0.0).hex()
