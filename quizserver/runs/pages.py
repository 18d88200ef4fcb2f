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

from quizserver.lab.evidence import EvidenceError
from quizserver.lab.evidence import read as read_evidence
from quizserver.lab.model import Description, SimulationError
from quizserver.runs import results
from quizserver.runs.model import RefusedError, Run
from quizserver.runs.recorded import recorded_arms
from quizserver.runs.request import BODY_MAX, order, read
from quizserver.runs.service import Runs
from quizserver.settings import Settings

if TYPE_CHECKING:  # they cost time at start, and only their names are needed here
    from flask_limiter import Limiter

    from quizserver.lab.catalog import Catalog
    from quizserver.topics.library import Library

NO_SUCH_RUN = "There is no such run, or its results are no longer kept. Run it again."
ANSWER_FIRST = "Answer the question first; then its experiment is open to you."

# A run's id has this many hex digits; the length keeps "<id>.csv" out of "<id>".
_RUN = "<string(length=24):run_id>"


def pages(
    *,
    library: Library,
    catalog: Catalog,
    runs: Runs,
    may_use: Callable[[str, str], bool],
    visitor: Callable[[], str],
    ran: Callable[[str, str], None],
    limiter: Limiter | None = None,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``runs``. ``may_use(topic, simulation)`` says whether the experiment is open
    to whoever asks; nothing of a simulation is told to anybody else. ``ran(topic, simulation)`` is
    called when a run that they asked for was accepted, be it new or there already."""
    pages = Blueprint("runs", __name__)

    def locate(topic_id: str, simulation: str) -> Path:
        """The file of a simulation that the visitor may use. Raises RefusedError (404, 403)."""
        topic = library.snapshot().topics.get(topic_id)
        path = topic.simulations.get(simulation) if topic is not None else None
        if path is None:
            raise RefusedError(404, "There is no such simulation.", "simulation")
        if not may_use(topic_id, simulation):
            raise RefusedError(403, ANSWER_FIRST)
        return path

    def find(run_id: str) -> Run:
        """The run, if it is there and open to the visitor. Raises RefusedError (404, 403)."""
        run = runs.store.get(run_id)
        if run is None or run.order.overlay is not None:  # a verification is its author's alone
            raise RefusedError(404, NO_SUCH_RUN)
        if not may_use(run.order.topic, run.order.simulation):
            raise RefusedError(403, ANSWER_FIRST)
        return run

    @pages.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        response = make_response(jsonify(error=error.message, field=error.field), error.status)
        response.headers["Cache-Control"] = "no-store"
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    def start() -> Response:
        wanted = read(_json_body())
        path = locate(wanted.topic, wanted.simulation)
        asked = runs.ask(
            order(
                wanted,
                _describe(catalog, path),
                path.relative_to(settings.content).as_posix(),
                replicas_max=settings.run_replicas_max,
                shapes=_shapes() if wanted.map is not None else (),
            ),
            visitor(),
        )
        ran(wanted.topic, wanted.simulation)
        run = asked.run
        address = f"/runs/{run.id}"
        told = {
            "id": run.id,
            "state": run.state,
            "url": address,
            "events": f"{address}/events",
            "csv": f"{address}.csv",
            "points_total": run.points_total,
        }
        return _json(told, 200 if asked.how == "found" else 202)

    if limiter is not None:
        by_client = limiter.limit(settings.limit_runs_client, key_func=get_remote_address)
        start = by_client(limiter.limit(settings.limit_runs, key_func=visitor)(start))
    pages.post("/runs", endpoint="start")(start)

    @pages.get(f"/runs/{_RUN}")
    def show(run_id: str) -> Response:
        run = find(run_id)
        batches = list(runs.store.batches(run_id))
        told = results.describe(run, batches, time.time())
        if request.args.get("replicas") == "1" and run.order.plane is None:
            told["replicas"] = {
                name: [results.finite(curve) for curve in curves]
                for name, curves in results.replicas(run, batches).items()
            }
        return _json(told)

    @pages.get(f"/runs/{_RUN}/events")
    def events(run_id: str) -> Response:
        find(run_id)
        stream = runs.stream(run_id, _after(), visitor())
        response = Response(stream, mimetype="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response

    @pages.post(f"/runs/{_RUN}/stop")
    def stop(run_id: str) -> Response:
        find(run_id)
        left = runs.stop(run_id, visitor())
        if left is None:
            raise RefusedError(404, NO_SUCH_RUN)
        return _json({"state": left.state})

    @pages.get(f"/runs/{_RUN}.csv")
    def csv(run_id: str) -> Response:
        run = find(run_id)
        lines = results.csv_lines(run, list(runs.store.batches(run_id)))
        response = Response(lines, mimetype="text/csv")
        name = f"{run.order.topic}-{run.order.arm or run.order.simulation}-{run.id[:8]}.csv"
        response.headers.set("Content-Disposition", "attachment", filename=name)
        response.headers["Cache-Control"] = "no-store"
        return response

    @pages.get("/simulations/<topic>/<name>/recorded")
    def recorded(topic: str, name: str) -> Response:
        locate(topic, name)
        try:
            evidence = read_evidence(library.snapshot().topics[topic].folder)
        except EvidenceError:
            evidence = None
        return _json(recorded_arms(evidence, name))

    @pages.get("/simulations/<topic>/<name>")
    def source(topic: str, name: str) -> str:
        try:
            path = locate(topic, name)
            text = path.read_text("utf-8", errors="replace")
        except RefusedError as error:
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

    return pages


def _shapes() -> Collection[str]:
    # It brings numpy, which only maps need here.
    from quizserver.lab.shapes import SHAPES

    return SHAPES


def _describe(catalog: Catalog, path: Path) -> Description:
    try:
        description = catalog.known(path)
    except SimulationError as error:
        raise RefusedError(
            422, f"This simulation can't be run until its author mends it: {error}", "simulation"
        ) from error
    if description is None:
        raise RefusedError(503, "This simulation is being read. Try again soon.", retry_after=2)
    return description


def _json_body() -> bytes:
    if not request.is_json:
        raise RefusedError(400, "Send JSON (Content-Type: application/json).")
    body = request.get_data(cache=False)
    if len(body) > BODY_MAX:
        raise RefusedError(413, "The request is larger than any request for a run needs to be.")
    return body


def _after() -> int:
    """The batch behind which the client wants to go on: what it had when its stream broke."""
    text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    return min(int(text), 2**31 - 1) if text.isascii() and text.isdigit() else 0


def _json(told: dict[str, Any], status: int = 200) -> Response:
    response = Response(
        json.dumps(told, allow_nan=False, separators=(",", ":")),
        status,
        mimetype="application/json",
    )
    response.headers["Cache-Control"] = "no-store"
    return response
