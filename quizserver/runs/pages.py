"""The addresses of runs: ask, look, watch live, stop, download; and a simulation's source."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request
from flask_limiter.util import get_remote_address
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from quizserver.evidence.record import EvidenceError
from quizserver.evidence.record import read_evidence as read_evidence
from quizserver.lab.model import Description, SimulationError
from quizserver.lab_views.recorded import recorded_arms_json
from quizserver.runs import results
from quizserver.runs.model import Run, RunRefusedError
from quizserver.runs.request_parser import BODY_MAX, build_request, parse_request_body
from quizserver.runs.service import RunService
from quizserver.settings import Settings
from quizserver.web.event_streams import event_stream_response, requested_event_id

if TYPE_CHECKING:  # they cost time at start, and only their names are needed here
    from flask_limiter import Limiter

    from quizserver.lab.catalog import SimulationCatalog
    from quizserver.topics.library import Library

NO_SUCH_RUN = "There is no such run, or its results are no longer kept. Run it again."
ANSWER_FIRST = "Answer the question first; then its experiment is open to you."

# A run's id has this many hex digits; the length keeps "<id>.csv" out of "<id>".
_RUN = "<string(length=24):run_id>"


def create_runs_blueprint(
    *,
    library: Library,
    catalog: SimulationCatalog,
    runs: RunService,
    may_use: Callable[[str, str], bool],
    visitor: Callable[[], str],
    on_run: Callable[[str, str], None],
    limiter: Limiter | None = None,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``runs``. ``may_use(topic, simulation)`` says whether the experiment is open
    to whoever asks; nothing of a simulation is told to anybody else. ``ran(topic, simulation)`` is
    called when a run that they asked for was accepted, be it new or there already."""
    blueprint = Blueprint("runs", __name__)

    def locate_simulation(topic_id: str, simulation: str) -> Path:
        """The file of a simulation that the visitor may use. Raises RefusedError (404, 403)."""
        topic = library.snapshot().topics.get(topic_id)
        path = topic.simulations.get(simulation) if topic is not None else None
        if path is None:
            raise RunRefusedError(404, "There is no such simulation.", "simulation")
        if not may_use(topic_id, simulation):
            raise RunRefusedError(403, ANSWER_FIRST)
        return path

    def find_run(run_id: str) -> Run:
        """The run, if it is there and open to the visitor. Raises RefusedError (404, 403)."""
        run = runs.store.get_run(run_id)
        if run is None or run.request.overlay is not None:  # a verification is its author's alone
            raise RunRefusedError(404, NO_SUCH_RUN)
        if not may_use(run.request.topic, run.request.simulation):
            raise RunRefusedError(403, ANSWER_FIRST)
        return run

    @blueprint.errorhandler(RunRefusedError)
    def handle_refusal(error: RunRefusedError) -> Response:
        response = make_response(jsonify(error=error.message, field=error.field), error.status)
        response.headers["Cache-Control"] = "no-store"
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    def start_run() -> Response:
        body = parse_request_body(_read_json_body())
        path = locate_simulation(body.topic, body.simulation)
        submission = runs.submit(
            build_request(
                body,
                _describe_simulation(catalog, path),
                path.relative_to(settings.content).as_posix(),
                replicas_max=settings.run_replicas_max,
                shapes=_load_shapes() if body.map is not None else (),
            ),
            visitor(),
        )
        on_run(body.topic, body.simulation)
        run = submission.run
        address = f"/runs/{run.id}"
        data = {
            "id": run.id,
            "state": run.state,
            "url": address,
            "events": f"{address}/events",
            "csv": f"{address}.csv",
            "points_total": run.points_total,
        }
        return _json_response(data, 200 if submission.how == "found" else 202)

    if limiter is not None:
        by_client = limiter.limit(settings.limit_runs_client, key_func=get_remote_address)
        start_run = by_client(limiter.limit(settings.limit_runs, key_func=visitor)(start_run))
    blueprint.post("/runs", endpoint="start")(start_run)

    @blueprint.get(f"/runs/{_RUN}")
    def show_run(run_id: str) -> Response:
        run = find_run(run_id)
        batches = list(runs.store.read_batches(run_id))
        data = results.describe_run(run, batches, time.time())
        if request.args.get("replicas") == "1" and run.request.plane is None:
            data["replicas"] = {
                name: [results.finite_or_none(curve) for curve in curves]
                for name, curves in results.replica_curves(run, batches).items()
            }
        return _json_response(data)

    @blueprint.get(f"/runs/{_RUN}/events")
    def stream_events(run_id: str) -> Response:
        find_run(run_id)
        return event_stream_response(runs.open_stream(run_id, requested_event_id(), visitor()))

    @blueprint.post(f"/runs/{_RUN}/stop")
    def stop_run(run_id: str) -> Response:
        find_run(run_id)
        run = runs.leave_run(run_id, visitor())
        if run is None:
            raise RunRefusedError(404, NO_SUCH_RUN)
        return _json_response({"state": run.state})

    @blueprint.get(f"/runs/{_RUN}.csv")
    def download_csv(run_id: str) -> Response:
        run = find_run(run_id)
        lines = results.csv_lines(run, list(runs.store.read_batches(run_id)))
        response = Response(lines, mimetype="text/csv")
        name = f"{run.request.topic}-{run.request.arm or run.request.simulation}-{run.id[:8]}.csv"
        response.headers.set("Content-Disposition", "attachment", filename=name)
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.get("/simulations/<topic>/<name>/recorded")
    def recorded(topic: str, name: str) -> Response:
        locate_simulation(topic, name)
        try:
            evidence = read_evidence(library.snapshot().topics[topic].folder)
        except EvidenceError:
            evidence = None
        return _json_response(recorded_arms_json(evidence, name))

    @blueprint.get("/simulations/<topic>/<name>")
    def source(topic: str, name: str) -> str:
        try:
            path = locate_simulation(topic, name)
            text = path.read_text("utf-8", errors="replace")
        except RunRefusedError as error:
            abort(error.status)
        except OSError:  # taken away since the topics were read
            abort(404)
        return render_template(
            "runs/source.html",
            title=f"{name}.py",
            topic=library.snapshot().topics[topic],
            source_html=Markup(highlight(text, PythonLexer(), HtmlFormatter())),
            filename=path.name,
        )

    return blueprint


def _load_shapes() -> Collection[str]:
    # It brings numpy, which only maps need here.
    from quizserver.lab.shapes.single import SHAPES

    return SHAPES


def _describe_simulation(catalog: SimulationCatalog, path: Path) -> Description:
    try:
        description = catalog.describe_if_ready(path)
    except SimulationError as error:
        raise RunRefusedError(
            422, f"This simulation can't be run until its author mends it: {error}", "simulation"
        ) from error
    if description is None:
        raise RunRefusedError(503, "This simulation is being read. Try again soon.", retry_after=2)
    return description


def _read_json_body() -> bytes:
    if not request.is_json:
        raise RunRefusedError(400, "Send JSON (Content-Type: application/json).")
    body = request.get_data(cache=False)
    if len(body) > BODY_MAX:
        raise RunRefusedError(413, "The request is larger than any request for a run needs to be.")
    return body


def _json_response(data: dict[str, Any], status: int = 200) -> Response:
    response = Response(
        json.dumps(data, allow_nan=False, separators=(",", ":")),
        status,
        mimetype="application/json",
    )
    response.headers["Cache-Control"] = "no-store"
    return response
