"""Verifications of a page's claims: starting one, its progress, and its verdicts.

The verdicts tell the key, so only authors may see them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import (
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
from quizserver.authoring.files import page_ref
from quizserver.authoring.guards import current_author
from quizserver.authoring.service import EditingService
from quizserver.authoring.verification import Verifications
from quizserver.authoring.views import verdict_rows
from quizserver.runs.model import Run, RunRefusedError
from quizserver.web.errors import wants_json
from quizserver.web.event_streams import event_stream_response, requested_event_id


@dataclass(frozen=True, slots=True)
class VerificationPages:
    """The views that start, show, stream and stop a verification."""

    editing: EditingService
    verifications: Verifications
    current: CurrentUser

    def start_verification(self, topic: str, name: str) -> AnyResponse:
        """Trains the claims of the topic with the author's draft in place of this file."""
        page_state = self.editing.load_page_state(
            page_ref(topic, name), current_author(self.current)
        )
        dry_run = self.editing.check_page(page_state.ref, page_state.text)
        try:
            submission = self.verifications.request_verification(
                dry_run, page_state.text, self.current.visitor_token()
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

    def show_verification(self, run_id: str) -> str:
        run = self._require_verification(run_id)
        evidence = self.verifications.load_evidence(run)
        template = (
            "authoring/verdicts.html" if "part" in request.args else "authoring/verified.html"
        )
        return render_template(
            template, run=run, verdict_rows=verdict_rows(evidence) if evidence is not None else None
        )

    def stream_verification(self, run_id: str) -> AnyResponse:
        run = self._require_verification(run_id)
        try:
            stream = self.verifications.stream_events(
                run.id, requested_event_id(), self.current.visitor_token()
            )
        except RunRefusedError as error:
            abort(error.status)
        return event_stream_response(stream)

    def stop_verification(self, run_id: str) -> AnyResponse:
        run = self.verifications.stop_verification(
            self._require_verification(run_id).id, self.current.visitor_token()
        )
        if not wants_json():
            return redirect(url_for("authoring.verification", run_id=run_id), 303)
        return make_response(jsonify(state=run.state if run is not None else "stopped"))

    def _require_verification(self, run_id: str) -> Run:
        run = self.verifications.find_verification(run_id)
        if run is None:
            abort(404)
        return run
