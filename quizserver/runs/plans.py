"""Plans that browsers train: what is known of a stored one, and for which settings it is the plan.

Two settings have the same plan where they differ in knobs alone that are mere numbers of it. Which
knobs those are is known only once a plan was made, and may depend on the others. So each plan has a
scope, the names of the knobs that it depends on, and a key that is made of their values.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from quizserver.runs.requests import PlanRequest, canonical_knobs, planner_version


@dataclass(frozen=True, slots=True)
class PlanScope:
    """What a plan, or the refusal of one, depends on: ``knobs`` by name, and the seeds or not."""

    knobs: tuple[str, ...]
    seeds: bool = True

    def to_text(self) -> str:
        return json.dumps([sorted(self.knobs), self.seeds], separators=(",", ":"))

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    @classmethod
    def from_text(cls, text: str) -> PlanScope:
        knobs, seeds = json.loads(text)
        return cls(tuple(knobs), seeds)

    def plan_key(self, request: PlanRequest) -> str:
        """64 hex digits that are equal for two requests with the same plan in this scope."""
        knobs = {name: request.knobs[name] for name in self.knobs if name in request.knobs}
        fields = [
            request.topic,
            request.simulation,
            request.fingerprint,
            planner_version(),
            self.to_text(),
            canonical_knobs(knobs),
            [request.first_seed, request.replicas] if self.seeds else None,
        ]
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What is known of a plan: its scope, and the SHA-256 of its image as it is stored.

    ``refusal`` says why there is none instead: a sentence for learners, and ``detail`` for authors.
    """

    scope: PlanScope
    sha256: str = ""
    kernel: str = ""
    refusal: str | None = None
    detail: str = ""

    def to_json(self) -> str:
        data = {"scope": self.scope.to_text(), "sha256": self.sha256, "kernel": self.kernel}
        return json.dumps({**data, "refusal": self.refusal, "detail": self.detail})

    @classmethod
    def from_json(cls, text: str) -> PlanSummary:
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "scope": PlanScope.from_text(data["scope"])})


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan in the store: the run that made it, its key, and its image (gzip)."""

    run_id: str
    key: str
    summary: PlanSummary
    image: bytes

    @property
    def is_whole(self) -> bool:
        """Whether the image is the one that was stored; that of a refusal is empty."""
        if self.summary.refusal is not None:
            return True
        return hashlib.sha256(self.image).hexdigest() == self.summary.sha256
