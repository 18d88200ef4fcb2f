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

from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.authoring.files import place
from quizserver.authoring.proving import Proving
from quizserver.authoring.views import verdict_rows
from quizserver.authoring.workshop import Workshop
from quizserver.runs.model import RefusedError, Run
from quizserver.web.errors import wants_json

_RUN = "<string(length=24):run_id>"


def add_verification(
    blueprint: Blueprint,
    *,
    workshop: Workshop,
    proving: Proving,
    current: Current,
    author: Callable[[], Person],
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.post("/<topic>/<name>/verify", endpoint="verify")
    def verify(topic: str, name: str) -> AnyResponse:
        """Trains the claims of the topic with the author's draft in place of this file."""
        work = workshop.work(place(topic, name), author())
        trial = workshop.check(work.where, work.text)
        try:
            asked = proving.ask(trial, work.text, current.visitor())
        except RefusedError as error:
            if wants_json():
                return make_response(jsonify(error=error.message), error.status)
            flash(error.message)
            return redirect(url_for("authoring.editor", topic=topic, name=name), 303)
        address = url_for("authoring.verification", run_id=asked.run.id)
        if not wants_json():
            return redirect(address, 303)
        told = {"url": address, "result": f"{address}?part=1"}
        if asked.run.active:
            told["events"] = f"{address}/events"
        return make_response(jsonify(told), 200 if asked.how == "found" else 202)

    @blueprint.get(f"/verifications/{_RUN}", endpoint="verification")
    def verification(run_id: str) -> str:
        run = _verification(run_id)
        found = proving.evidence(run)
        part = "authoring/verdicts.html" if "part" in request.args else "authoring/verified.html"
        return render_template(
            part, run=run, rows=verdict_rows(found) if found is not None else None
        )

    @blueprint.get(f"/verifications/{_RUN}/events", endpoint="verification_events")
    def verification_events(run_id: str) -> AnyResponse:
        run = _verification(run_id)
        text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
        after = min(int(text), 2**31 - 1) if text.isascii() and text.isdigit() else 0
        try:
            stream = proving.stream(run.id, after, current.visitor())
        except RefusedError as error:
            abort(error.status)
        response = AnyResponse(stream, mimetype="text/event-stream")
        response.headers["X-Accel-Buffering"] = "no"
        return response

    @blueprint.post(f"/verifications/{_RUN}/stop", endpoint="verification_stop")
    def verification_stop(run_id: str) -> AnyResponse:
        run = proving.stop(_verification(run_id).id, current.visitor())
        if not wants_json():
            return redirect(url_for("authoring.verification", run_id=run_id), 303)
        return make_response(jsonify(state=run.state if run is not None else "stopped"))

    def _verification(run_id: str) -> Run:
        run = proving.get(run_id)
        if run is None:
            abort(404)
        return run
