"""An application with the pages of runs and simulations alone, and what a test may change in it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2 import DictLoader

from quizserver.lab.model import Description, SimulationError
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.lab_views.pages import SimulationPages, add_simulation_routes
from quizserver.runs.access import NOTHING, WHOLE, SimulationAccess
from quizserver.runs.context import RunContext
from quizserver.runs.model import Run
from quizserver.runs.pages import RunPages, create_runs_blueprint
from quizserver.runs.plan_pages import PlanPages, create_plans_blueprint
from quizserver.runs.requests import CurveRequest
from quizserver.runs.service import RunService
from quizserver.settings import Settings
from tests.runs.examples import DESCRIPTION, POINTS, expected_batch

BODY = {"topic": "numbers", "simulation": "simulation", "arm": "healthy", "replicas": 5}


class RunsApp:
    """The application around the pages. A test may set ``is_open``, ``visitor``, ``is_author`` and
    ``error`` (of the simulation); ``reported_runs`` are the calls of ``on_run`` and ``on_use``."""

    def __init__(self, folder: Path) -> None:
        content, data = folder / "content", folder / "data"
        (content / "numbers").mkdir(parents=True)
        data.mkdir()
        self.simulation_file = content / "numbers" / "simulation.py"
        self.simulation_file.write_text('"""<b>A simulation</b>."""\nx = 1\n')
        self.settings = Settings(
            data=data, content=content, runs_per_visitor=2, runs_waiting_max=3, streams_max=2
        )
        self.is_open = True
        self.visitor = "ann"
        self.is_author = False
        self.reported_runs: list[tuple[str, str]] = []
        self.error: SimulationError | None = None
        self.runs = RunService(self.settings)
        self.flask = Flask("tests")
        self.flask.jinja_loader = DictLoader(
            {"runs/source.html": "{{ title }} {{ filename }} {{ topic.id }} {{ source_html }}"}
        )
        topic = SimpleNamespace(
            id="numbers",
            title="Numbers",
            simulations={"simulation": self.simulation_file},
            folder=self.simulation_file.parent,
        )
        library = SimpleNamespace(snapshot=lambda: SimpleNamespace(topics={"numbers": topic}))
        access = SimulationAccess(
            library, lambda _topic, _simulation: WHOLE if self.is_open else NOTHING
        )  # type: ignore[arg-type]
        context = RunContext(
            access=access,
            catalog=SimpleNamespace(describe_if_ready=self._describe),  # type: ignore[arg-type]
            runs=self.runs,
            visitor_token=lambda: self.visitor,
            is_author=lambda: self.is_author,
            limit_key=lambda: self.visitor,
            on_use=lambda topic, simulation: self.reported_runs.append((topic, simulation)),
            settings=self.settings,
        )
        blueprint = create_runs_blueprint(RunPages(context))
        add_simulation_routes(blueprint, SimulationPages(access, BenchBuilder(context.catalog, 64)))
        self.flask.register_blueprint(blueprint)
        self.flask.register_blueprint(create_plans_blueprint(PlanPages(context)))

    def _describe(self, path: Path) -> Description:
        assert path == self.simulation_file
        if self.error is not None:
            raise self.error
        return DESCRIPTION

    def train_curves(self, run_id: str, points: int = POINTS) -> None:
        """Does a worker's part: claims the run, adds its points in threes, and ends it."""
        store = self.runs.store
        run = self.claim_run(run_id)
        assert isinstance(run.request, CurveRequest)
        for seq, start in enumerate(range(0, points, 3), start=1):
            batch = expected_batch(run.request, seq, start, min(points, start + 3))
            assert store.add_batch(run_id, 1, batch, time.time())
        store.finish_run(run_id, 1, "done", time.time(), sentence="It falls.")

    def claim_run(self, run_id: str) -> Run:
        run = self.runs.store.claim_next(time.time(), offered=run_id)
        assert run is not None
        return run


def start_run(client: FlaskClient, **changes: object) -> dict[str, Any]:
    response = client.post("/runs", json=BODY | changes)
    assert response.status_code in (200, 202), response.get_json()
    return dict(response.get_json())


def parse_events(body: bytes) -> list[dict[str, str]]:
    blocks = [block for block in body.decode().split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
