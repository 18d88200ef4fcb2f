"""The addresses of runs: start, show, watch, stop and download one; the plane of a map."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, make_response, request

from quizserver.lab.phase_maps import picture_levels
from quizserver.runs import results
from quizserver.runs.access import Part
from quizserver.runs.context import RunContext
from quizserver.runs.model import Run, RunRefusedError
from quizserver.runs.own_runs import describe_own_run
from quizserver.runs.request_builder import build_request
from quizserver.runs.request_parser import BODY_MAX, RequestBody, parse_request_body
from quizserver.runs.requests import CurveRequest, MapRequest, PlanRequest, VerificationRequest
from quizserver.translation import N_, gettext
from quizserver.web.downloads import attachment_response
from quizserver.web.event_streams import event_stream_response, requested_event_id

if TYPE_CHECKING:  # it costs time at start, and only its name is needed here
    from flask_limiter import Limiter

NO_SUCH_RUN = N_("There is no such run, or its results are no longer kept. Run it again.")

# A run's id has this many hex digits; the length keeps "<id>.csv" out of "<id>".
_RUN = "<string(length=24):run_id>"


@dataclass(frozen=True, slots=True)
class RunPages:
    """The views of runs."""

    context: RunContext

    def start_run(self) -> Response:
        body = parse_request_body(_read_json_body())
        part: Part = "run" if body.map is None else "map"
        path = self.context.access.locate_simulation(body.topic, body.simulation, part, body.arm)
        submission = self.context.runs.submit_request(
            self._build_request(body, path), self.context.visitor_token()
        )
        self.context.on_use(body.topic, body.simulation)
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
        return json_response(data, 200 if submission.how == "found" else 202)

    def lay_out_map(self) -> Response:
        """What a browser needs to train the map that a body asks for: the very cells and seeds that
        a run of it has, in which order their picture gets sharper, and how much work is too much.

        Nothing is trained or kept for it.
        """
        body = parse_request_body(_read_json_body())
        path = self.context.access.locate_simulation(body.topic, body.simulation, "map")
        map_request = self._build_request(body, path)
        if not isinstance(map_request, MapRequest):
            raise RunRefusedError(400, gettext("The request lacks “map”."), "map")
        # It imports numpy, which the web process needs for maps only.
        from quizserver.kernel.plan_image import MAX_MAP_MULTIPLICATIONS

        plane = map_request.plane
        return json_response(
            {
                "knobs": dict(plane.setting),
                "first_seed": plane.first_seed,
                "map": results.map_json(plane, []),
                "levels": picture_levels(plane),
                "multiplications_max": MAX_MAP_MULTIPLICATIONS,
            }
        )

    def list_own_runs(self) -> Response:
        """The visitor's runs that are under way, for a page that knows nothing of them any more."""
        own = self.context.runs.store.list_own_runs(self.context.visitor_token())
        return json_response({"runs": [self._describe_own_run(run) for run in own]})

    def show_run(self, run_id: str) -> Response:
        run = self._find_run(run_id)
        batches = list(self.context.runs.store.read_batches(run_id))
        data = results.describe_run(run, batches, time.time(), for_author=self.context.is_author())
        if request.args.get("replicas") == "1" and isinstance(run.request, CurveRequest):
            data["replicas"] = {
                name: [results.finite_or_none(curve) for curve in curves]
                for name, curves in results.replica_curves(run.request, batches).items()
            }
        return json_response(data)

    def stream_events(self, run_id: str) -> Response:
        self._find_run(run_id)
        stream = self.context.runs.open_stream(
            run_id,
            requested_event_id(),
            self.context.visitor_token(),
            for_author=self.context.is_author(),
        )
        return event_stream_response(stream)

    def stop_run(self, run_id: str) -> Response:
        visitor = self.context.visitor_token()
        # Whoever asked for it may leave it, whatever it is and whatever is open to them by now.
        if not self.context.runs.store.is_own_run(run_id, visitor):
            self._find_run(run_id)
        run = self.context.runs.leave_run(run_id, visitor)
        if run is None:
            raise RunRefusedError(404, gettext(NO_SUCH_RUN))
        return json_response({"state": run.state})

    def download_csv(self, run_id: str) -> Response:
        run = self._find_run(run_id)
        lines = results.csv_lines(run, list(self.context.runs.store.read_batches(run_id)))
        response = attachment_response(
            lines, filename=results.csv_name(run), content_type="text/csv; charset=utf-8"
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def refuse(self, error: RunRefusedError) -> Response:
        own_runs = [self._describe_own_run(run) for run in error.own_runs]
        return refusal_response(error, for_author=self.context.is_author(), own_runs=own_runs)

    def _describe_own_run(self, run: Run) -> dict[str, Any]:
        request, description, is_open = run.request, None, False
        if isinstance(request, CurveRequest | MapRequest):
            part: Part = "map" if isinstance(request, MapRequest) else "run"
            try:
                path = self.context.access.locate_simulation(
                    request.topic, request.simulation, part, request.arm
                )
                is_open = True
                description = self.context.describe_simulation(path)
            except RunRefusedError:
                pass  # its title is that of its topic
        title = self.context.access.topic_title(request.topic)
        return describe_own_run(run, title, description, is_open=is_open)

    def _build_request(self, body: RequestBody, path: Path) -> CurveRequest | MapRequest:
        return build_request(
            body,
            self.context.describe_simulation(path),
            path.relative_to(self.context.settings.content).as_posix(),
            replicas_max=self.context.settings.run_replicas_max,
        )

    def _find_run(self, run_id: str) -> Run:
        """The run, if the visitor may see it. Raises RunRefusedError: 404 without one, 403.

        Verifications and plans have pages of their own.
        """
        run = self.context.runs.store.get_run(run_id)
        if run is None or isinstance(run.request, VerificationRequest | PlanRequest):
            raise RunRefusedError(404, gettext(NO_SUCH_RUN))
        part: Part = "map" if isinstance(run.request, MapRequest) else "run"
        grant = self.context.access.check_access(run.request.topic, run.request.simulation, part)
        # Somebody else may have found the same setting under the name of an arm that is not open.
        if run.request.arm is not None and not grant.allows(part, run.request.arm):
            run = replace(run, request=replace(run.request, arm=None))
        return run


def create_runs_blueprint(pages: RunPages, *, limiter: Limiter | None = None) -> Blueprint:
    """The blueprint ``runs``: the addresses of ``pages``."""
    blueprint = Blueprint("runs", __name__)
    start_run, lay_out_map = pages.start_run, pages.lay_out_map
    if limiter is not None:
        context = pages.context
        by_visitor = limiter.limit(context.settings.limit_runs, key_func=context.visitor_token)
        by_client = limiter.limit(context.settings.limit_runs_client, key_func=context.limit_key)
        start_run = by_client(by_visitor(start_run))
        by_visitor = limiter.limit(context.settings.limit_plans, key_func=context.visitor_token)
        by_client = limiter.limit(context.settings.limit_plans_client, key_func=context.limit_key)
        lay_out_map = by_client(by_visitor(lay_out_map))
    blueprint.add_url_rule("/runs", "start", start_run, methods=["POST"])
    blueprint.add_url_rule("/runs/own", "list_own_runs", pages.list_own_runs)
    blueprint.add_url_rule("/runs/plane", "lay_out_map", lay_out_map, methods=["POST"])
    blueprint.add_url_rule(f"/runs/{_RUN}", "show_run", pages.show_run)
    blueprint.add_url_rule(f"/runs/{_RUN}/events", "stream_events", pages.stream_events)
    blueprint.add_url_rule(f"/runs/{_RUN}/stop", "stop_run", pages.stop_run, methods=["POST"])
    blueprint.add_url_rule(f"/runs/{_RUN}.csv", "download_csv", pages.download_csv)
    blueprint.register_error_handler(RunRefusedError, pages.refuse)
    return blueprint


def refusal_response(
    error: RunRefusedError,
    *,
    for_author: bool = False,
    own_runs: Sequence[Mapping[str, Any]] = (),
) -> Response:
    """The refusal as JSON; ``for_author`` adds what the simulation's code said, ``own_runs`` are
    those that are in the way."""
    data: dict[str, Any] = {"error": error.message, "field": error.field}
    if own_runs:
        data["own_runs"] = list(own_runs)
    if for_author and error.detail:
        data["error_detail"] = error.detail
    response = make_response(jsonify(data), error.status)
    response.headers["Cache-Control"] = "no-store"
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def json_response(data: dict[str, Any], status: int = 200) -> Response:
    """The data as JSON that no cache stores; infinities and NaN are an error."""
    response = Response(
        json.dumps(data, allow_nan=False, separators=(",", ":")),
        status,
        mimetype="application/json",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _read_json_body() -> bytes:
    if not request.is_json:
        raise RunRefusedError(400, gettext("Send JSON (Content-Type: application/json)."))
    body = request.get_data(cache=False)
    if len(body) > BODY_MAX:
        message = gettext("The request is larger than any request for a run needs to be.")
        raise RunRefusedError(413, message)
    return body
