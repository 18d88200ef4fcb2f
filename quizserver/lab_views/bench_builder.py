"""Builds the lab bench of a simulation from its description and the recorded evidence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from quizserver.kernel.recipe import source_version
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import Description, KnobError, SimulationError, check_knobs
from quizserver.lab_views.bench import BenchUrls, BenchView, bench_view
from quizserver.lab_views.finding_charts import DescribedPoints
from quizserver.lab_views.topic_evidence import read_topic_evidence
from quizserver.topics.model import Topic
from quizserver.web.fragments import FragmentKey
from quizserver.web.urls import UrlBuilder

log = logging.getLogger(__name__)

KNOB_PREFIX = "knob."
"""Before a knob's name in the address of a bench's page."""


@dataclass(frozen=True, slots=True)
class DeferredBench:
    """A bench whose view is built when its fragment has to be rendered.

    ``page_url(id=…)`` is the page that shows it alone, its element with that id. ``is_declared``
    says that the simulation has the arm and the knobs that were asked for: else the bench is set to
    its first arm, or to a value that can't be trained.
    """

    fragment: FragmentKey
    view: Callable[[], BenchView]
    page_url: Callable[..., str]
    is_declared: bool


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

    def defer_bench(
        self,
        topic: Topic,
        simulation: str,
        url: UrlBuilder,
        *,
        arm: str | None = None,
        knobs: Mapping[str, float] | None = None,
        described: DescribedPoints = (),
        visible_arms: Collection[str] | None = None,
        main_arms: Collection[str] = (),
    ) -> DeferredBench | None:
        """The bench, set to ``arm`` with ``knobs`` turned, over the ``described`` curve.

        With ``visible_arms`` it has these alone, and ``main_arms`` come first: see ``bench_view``.

        None while the simulation is being described, or when it can't be used. Whether the visitor
        may see the simulation is the caller's to check (``AccessPolicy.simulation_grant``).
        """
        description = self.describe_simulation(topic, simulation)
        if description is None:
            return None
        names = {arm.name for arm in description.arms}
        if visible_arms is not None and names.isdisjoint(visible_arms):
            return None  # the simulation has changed since somebody looked which arms it has
        evidence = read_topic_evidence(topic)
        stale = evidence.stale_reason(topic) if evidence is not None else None
        name = (
            "bench",
            topic.id,
            simulation,
            arm,
            tuple((knobs or {}).items()),
            tuple(described),
            frozenset(visible_arms) if visible_arms is not None else None,
            frozenset(main_arms),
            stale,
        )

        def view() -> BenchView:
            return bench_view(
                topic.id,
                simulation,
                description,
                evidence,
                self._bench_urls(topic.id, simulation, url),
                stale=stale,
                arm_name=arm,
                knobs=knobs,
                described=described,
                replicas_max=self.replicas_max,
                visible_arms=visible_arms,
                main_arms=main_arms,
            )

        setting = {f"{KNOB_PREFIX}{knob}": value for knob, value in (knobs or {}).items()}
        page_url = partial(url, "runs.bench", topic=topic.id, name=simulation, arm=arm, **setting)
        is_declared = (arm is None or arm in names) and _are_declared(description, knobs or {})
        return DeferredBench(
            FragmentKey(name, (description, evidence)), view, page_url, is_declared
        )

    def _bench_urls(self, topic: str, simulation: str, url: UrlBuilder) -> BenchUrls:
        return BenchUrls(
            runs=url("runs.start"),
            source=url("runs.source", topic=topic, name=simulation),
            recorded=url("runs.recorded", topic=topic, name=simulation),
            maps=url("runs.maps", topic=topic, name=simulation),
            arm=lambda arm: url("runs.arm", topic=topic, name=simulation, arm=arm),
            live={
                "kernels": {
                    dtype: url("plans.kernel", version_hash=source_version(), dtype=dtype)
                    for dtype in ("float32", "float64")
                },
                "plane": url("runs.lay_out_map"),
                "plans": url("plans.show_plan", topic=topic, name=simulation),
                "used": url("plans.note_use", topic=topic, name=simulation),
            },
        )


def _are_declared(description: Description, knobs: Mapping[str, float]) -> bool:
    """Whether the simulation has these knobs, and takes these values of them."""
    try:
        check_knobs(description.knobs, knobs)
    except KnobError:
        return False
    return True
