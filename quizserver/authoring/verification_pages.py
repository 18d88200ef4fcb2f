"""Asking for a verification, watching it, and what came out. Its verdicts are the key."""

from __future__ import annotations

from collections.abc import Callable

from flask import (
    Blueprint,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.authoring.files import page_ref
from quizserver.authoring.service import EditingService
from quizserver.authoring.verification import Verifications
from quizserver.authoring.views import verdict_rows
from quizserver.runs.model import Run, RunRefusedError
from quizserver.web.errors import wants_json
from quizserver.web.event_streams import event_stream_response, requested_event_id

_RUN = "<string(length=24):run_id>"


def add_verification_routes(
    blueprint: Blueprint,
    *,
    editing: EditingService,
    verifications: Verifications,
    current: CurrentUser,
    current_author: Callable[[], Person],
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.post("/<topic>/<name>/verify", endpoint="verify")
    def start_verification(topic: str, name: str) -> AnyResponse:
        """Trains the claims of the topic with the author's draft in place of this file."""
        page_state = editing.load_page_state(page_ref(topic, name), current_author())
        dry_run = editing.check_page(page_state.ref, page_state.text)
        try:
            submission = verifications.request_verification(
                dry_run, page_state.text, current.visitor_token()
            )
        except RunRefusedError as error:
            if wants_json():
                return make_response(jsonify(error=error.message), error.status)
            flash(error.message)
            return redirect(url_for("authoring.editor", topic=topic, name=name), 303)
        url = url_for("authoring.verification", run_id=submission.run.id)
        if not wants_json():
            return redirect(url, 303)
        links = {"url": url, "result": f"{url}?part=1"}
        if submission.run.active:
            links["events"] = f"{url}/events"
        return make_response(jsonify(links), 200 if submission.how == "found" else 202)

    @blueprint.get(f"/verifications/{_RUN}", endpoint="verification")
    def show_verification(run_id: str) -> str:
        run = _require_verification(run_id)
        evidence = verifications.load_evidence(run)
        template = (
            "authoring/verdicts.html" if "part" in request.args else "authoring/verified.html"
        )
        return render_template(
            template, run=run, verdict_rows=verdict_rows(evidence) if evidence is not None else None
        )

    @blueprint.get(f"/verifications/{_RUN}/events", endpoint="verification_events")
    def stream_verification(run_id: str) -> AnyResponse:
        run = _require_verification(run_id)
        try:
            stream = verifications.stream_events(
                run.id, requested_event_id(), current.visitor_token()
            )
        except RunRefusedError as error:
            abort(error.status)
        return event_stream_response(stream)

    @blueprint.post(f"/verifications/{_RUN}/stop", endpoint="verification_stop")
    def stop_verification(run_id: str) -> AnyResponse:
        run = verifications.stop_verification(
            _require_verification(run_id).id, current.visitor_token()
        )
        if not wants_json():
            return redirect(url_for("authoring.verification", run_id=run_id), 303)
        return make_response(jsonify(state=run.state if run is not None else "stopped"))

    def _require_verification(run_id: str) -> Run:
        run = verifications.find_verification(run_id)
        if run is None:
            abort(404)
        return run
