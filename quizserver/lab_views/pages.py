"""The addresses of what a simulation comes with: its recorded curves and maps, and its source."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template, request, url_for
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from quizserver.lab.fingerprint import read_simulation_text
from quizserver.lab.model import Description
from quizserver.lab_views.bench_builder import KNOB_PREFIX, BenchBuilder
from quizserver.lab_views.phase_map import maps_view
from quizserver.lab_views.recorded import recorded_arms_json, recorded_replicas_json
from quizserver.lab_views.recorded_arm import arm_views, recorded_arm
from quizserver.lab_views.topic_evidence import read_topic_evidence
from quizserver.runs.access import NOT_OPEN_YET, Part, SimulationAccess
from quizserver.runs.model import RunRefusedError
from quizserver.runs.pages import json_response
from quizserver.topics.model import Topic
from quizserver.web.numbers import parse_decimal

_BENCH_ID = re.compile(r"bench(-[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class SimulationPages:
    """The views of a simulation, for those who may use it."""

    access: SimulationAccess
    benches: BenchBuilder

    def show_recorded(self, topic: str, name: str) -> Response:
        """The recorded curves of the arms that are open to the visitor, as JSON; with
        ``?replicas=ARM`` every replica of that arm. None where the evidence can't be read."""
        arms = self.access.visible_arms(topic, name)
        evidence = read_topic_evidence(self._topic(topic))
        replicas_of = request.args.get("replicas")
        if replicas_of is None:
            return json_response(recorded_arms_json(evidence, name, arms))
        if arms is not None and replicas_of not in arms:
            raise RunRefusedError(403, NOT_OPEN_YET)
        return json_response(recorded_replicas_json(evidence, name, replicas_of))

    def show_arm(self, topic: str, name: str, arm: str) -> str:
        """The page of an arm's recorded curve: chart, single runs and every number."""
        served_topic, description = self._described(topic, name, "recorded", arm)
        view = next((view for view in arm_views(description) if view.name == arm), None)
        recorded = (
            recorded_arm(description, read_topic_evidence(served_topic), name, view)
            if view is not None
            else None
        )
        if recorded is None:
            abort(404)
        return render_template(
            "runs/arm.html", topic=served_topic, description=description, recorded=recorded
        )

    def show_bench(self, topic: str, name: str) -> str:
        """The page of a bench alone, which lessons take theirs from: ``arm`` and ``knob.NAME`` are
        its setting, ``id`` is that of its element."""
        arm = request.args.get("arm")
        served_topic, description = self._described(topic, name, "map")
        ident = request.args.get("id", "bench")
        knobs = _read_knobs(request.args)
        if not _BENCH_ID.fullmatch(ident) or knobs is None:
            abort(404)
        bench = self.benches.defer_bench(served_topic, name, url_for, arm=arm, knobs=knobs)
        if bench is None or not bench.is_declared:
            abort(404)
        return render_template(
            "runs/bench.html",
            topic=served_topic,
            title=description.title or name,
            bench=bench,
            ident=ident,
        )

    def show_maps(self, topic: str, name: str) -> str:
        """The page of a simulation's recorded maps, with a table of each; a bench takes from it
        what works on them, too."""
        served_topic, description = self._described(topic, name, "map")
        evidence = read_topic_evidence(served_topic)
        return render_template(
            "runs/maps.html", topic=served_topic, maps=maps_view(name, description, evidence)
        )

    def show_source(self, topic: str, name: str) -> str:
        try:
            path = self.access.locate_simulation(topic, name, "source")
            text = read_simulation_text(path, errors="replace")
        except RunRefusedError as error:
            abort(error.status)
        except OSError as error:
            if error.errno != errno.EFBIG:
                abort(404)  # deleted since the topics were read
            text = f"# This file is not shown: {error.strerror}."
        return render_template(
            "runs/source.html",
            title=f"{name}.py",
            topic=self.access.library.snapshot().topics[topic],
            source_html=Markup(highlight(text, PythonLexer(), HtmlFormatter())),
            filename=path.name,
        )

    def _described(
        self, topic: str, name: str, part: Part, arm: str | None = None
    ) -> tuple[Topic, Description]:
        """The topic and the simulation's description; a page of an error when there is none, or
        when that part of it is not open to the visitor."""
        try:
            self.access.locate_simulation(topic, name, part, arm)
        except RunRefusedError as error:
            abort(error.status)
        description = self.benches.describe_simulation(self._topic(topic), name)
        if description is None:  # it is being read, or can't be used any more
            abort(404)
        return self._topic(topic), description

    def _topic(self, topic: str) -> Topic:
        return self.access.library.snapshot().topics[topic]


def _read_knobs(fields: Mapping[str, str]) -> dict[str, float] | None:
    """The knobs that an address sets; None where one is no number."""
    knobs = {}
    for field, text in fields.items():
        if field.startswith(KNOB_PREFIX):
            value = parse_decimal(text)
            if value is None:
                return None
            knobs[field.removeprefix(KNOB_PREFIX)] = value
    return knobs


def add_simulation_routes(blueprint: Blueprint, pages: SimulationPages) -> None:
    """Adds the addresses of ``pages`` to the blueprint ``runs``, whose handler answers refusals."""
    blueprint.add_url_rule("/simulations/<topic>/<name>/recorded", "recorded", pages.show_recorded)
    blueprint.add_url_rule("/simulations/<topic>/<name>", "source", pages.show_source)
    blueprint.add_url_rule("/simulations/<topic>/<name>/arms/<arm>", "arm", pages.show_arm)
    blueprint.add_url_rule("/simulations/<topic>/<name>/maps", "maps", pages.show_maps)
    blueprint.add_url_rule("/simulations/<topic>/<name>/bench", "bench", pages.show_bench)
