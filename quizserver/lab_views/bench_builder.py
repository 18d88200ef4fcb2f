"""Builds the lab bench of a simulation from its description and the recorded evidence."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from quizserver.kernel.recipe import source_version
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import Description, SimulationError
from quizserver.lab_views.bench import BenchView, bench_view
from quizserver.lab_views.evidence import DescribedPoints
from quizserver.lab_views.topic_evidence import read_topic_evidence
from quizserver.topics.model import Topic
from quizserver.web.urls import UrlBuilder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BenchBuilder:
    """``replicas_max`` is the most replicas that one run may ask for."""

    catalog: SimulationCatalog
    replicas_max: int

    def describe_simulation(self, topic: Topic, simulation: str) -> Description | None:
        """The simulation's description; None while it is being read, or when it can't be used."""
        path = topic.simulations.get(simulation)
        if path is None:
            return None
        try:
            return self.catalog.describe_if_ready(path)
        except SimulationError as error:
            log.warning("%s/%s.py: %s", topic.folder.name, simulation, error)
            return None

    def build_bench(
        self,
        topic: Topic,
        simulation: str,
        url: UrlBuilder,
        *,
        arm: str | None = None,
        knobs: Mapping[str, float] | None = None,
        described: DescribedPoints = (),
        visible_arms: Collection[str] | None = None,
    ) -> BenchView | None:
        """The bench, set to ``arm`` with ``knobs`` turned, over the ``described`` curve.

        With ``visible_arms`` it has these alone: see ``bench_view``.

        None while the simulation is being described, or when it can't be used. Whether the visitor
        may see the simulation is the caller's to check (``AccessPolicy.simulation_grant``).
        """
        description = self.describe_simulation(topic, simulation)
        if description is None:
            return None
        evidence = read_topic_evidence(topic)
        return bench_view(
            topic.id,
            simulation,
            description,
            evidence,
            runs_url=url("runs.start"),
            source_url=url("runs.source", topic=topic.id, name=simulation),
            recorded_url=url("runs.recorded", topic=topic.id, name=simulation),
            stale=evidence.stale_reason(topic) if evidence is not None else None,
            arm_name=arm,
            knobs=knobs,
            described=described,
            replicas_max=self.replicas_max,
            visible_arms=visible_arms,
            live_urls={
                "kernels": {
                    dtype: url("plans.kernel", version_hash=source_version(), dtype=dtype)
                    for dtype in ("float32", "float64")
                },
                "plane": url("runs.lay_out_map"),
                "plans": url("plans.show_plan", topic=topic.id, name=simulation),
                "used": url("plans.note_use", topic=topic.id, name=simulation),
            },
        )
