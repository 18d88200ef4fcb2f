"""The editor: rendering it, and the views that open, save, check, publish and discard a draft."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

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
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring import merge, store
from quizserver.authoring.files import PageRef, RefusedTextError, normalise_text, page_ref
from quizserver.authoring.forms import (
    form_field,
    parse_digest,
    parse_draft_digests,
    require_json_text,
)
from quizserver.authoring.guards import current_author
from quizserver.authoring.page_state import PageState, PageStatus
from quizserver.authoring.service import EditingService
from quizserver.authoring.verification import Verifications
from quizserver.authoring.views import page_view
from quizserver.settings import Settings
from quizserver.topics.assets import image_in_folder
from quizserver.topics.dry_run import DryRun
from quizserver.topics.model import Diagnostic

OTHER_TAB = (
    "This draft was saved from another tab or window meanwhile. Nothing is lost: below is what "
    "that one holds against what you have here. Save once more to keep what you have here."
)
UNSERVABLE_PAGE = "It can't be published yet: as it stands, it could not be served. Fix this first."


@dataclass(frozen=True, slots=True)
class EditorRenderer:
    """Renders the editor with a page in it, for every view that answers with the editor."""

    editing: EditingService
    verifications: Verifications
    settings: Settings

    def render_editor(
        self,
        page_state: PageState,
        *,
        refused: str | None = None,
        unsaved: bool = False,
        lines: list[merge.DiffLine] | None = None,
        image: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> AnyResponse:
        """The editor's page.

        ``refused`` says what was not done and why, ``lines`` is the difference to the draft of
        another tab, ``image`` the result of an upload. With ``unsaved`` the script does not save
        the text before its author presses a button.
        """
        ref = page_state.ref
        dry_run = self.editing.check_page(ref, page_state.text)
        run = self.verifications.find_matching(dry_run, page_state.text)
        config = {
            "check": url_for("authoring.check", topic=ref.topic, name=ref.name),
            "conflict": url_for("authoring.conflict", topic=ref.topic, name=ref.name),
            "base": page_state.base_digest or "",
            "seen": "" if lines else page_state.draft_digest or "",
            "unsaved": unsaved,
            "verification": _verification_links(run.id) if run is not None and run.active else None,
        }
        html = render_template(
            "authoring/editor.html",
            page_state=page_state,
            file=ref,
            dry_run=dry_run,
            page_html=self.render_page(dry_run, ref),
            refusal=refused,
            diff_lines=lines or [],
            image={"error": "", "markdown": ""} | dict(image or {}),
            upload_kb=self.settings.upload_kb,
            verification_run=run,
            editor_config=json.dumps(config),
        )
        return make_response(html, status)

    def render_page(self, dry_run: DryRun, ref: PageRef) -> Markup:
        """The page as learners will see it, with its images at the authors' addresses.

        At the learners' addresses a topic that is not published has no images, and browsers keep an
        image for an hour.
        """
        html = render_template("authoring/page.html", page_view=page_view(dry_run))
        if dry_run.topic is None:
            return Markup(html)
        public_prefix = url_for("attempts.file", topic=dry_run.topic.id, name="")

        def author_image_source(match: re.Match[str]) -> str:
            image_name = unquote(match[1])
            path = image_in_folder(self.settings.content / ref.topic, image_name)
            modified_ns = path.stat().st_mtime_ns if path is not None else 0
            url = url_for(
                "authoring.image_file", topic=ref.topic, name=image_name, changed=modified_ns
            )
            return f'src="{escape(url)}"'

        return Markup(re.sub(f'src="{re.escape(public_prefix)}([^"]*)"', author_image_source, html))


def editor_url(ref: PageRef) -> str:
    return url_for("authoring.editor", topic=ref.topic, name=ref.name)


@dataclass(frozen=True, slots=True)
class EditorPages:
    """The views of the editor: open, save, check while typing, publish, discard."""

    editing: EditingService
    editor: EditorRenderer
    current: CurrentUser

    def show_editor(self, topic: str, name: str) -> AnyResponse:
        page_state = self._load_page_state(page_ref(topic, name))
        if page_state.status == "new":
            abort(404)
        return self.editor.render_editor(page_state)

    def save_page(self, topic: str, name: str) -> AnyResponse:
        """Saves the draft, then publishes or checks it if the button that was pressed says so."""
        ref, text = page_ref(topic, name), normalise_text(form_field("text"))
        base_digest, draft_digest = parse_draft_digests(request.form)
        try:
            page_state = self.editing.save_draft(
                ref,
                current_author(self.current),
                text,
                base_digest=base_digest,
                expected_digest=draft_digest,
            )
        except store.StaleDraftError as error:
            lines = merge.diff_texts(error.stored_text or "", text)
            return self._render_unsaved(ref, text, OTHER_TAB, lines=lines, status=409)
        except RefusedTextError as error:
            return self._render_unsaved(ref, text, str(error), status=422)
        if form_field("do") == "publish":
            return self._publish_page(ref)
        if form_field("do") == "check":
            return self.editor.render_editor(page_state)
        flash("The draft is saved. Learners see it when you publish it.")
        return redirect(editor_url(ref), 303)

    def check_page_live(self, topic: str, name: str) -> AnyResponse:
        """Saves and checks the text while it is typed; answers the editor's script with JSON."""
        ref, payload = page_ref(topic, name), require_json_text()
        text, error = normalise_text(payload["text"]), None
        base_digest, draft_digest = parse_draft_digests(payload)
        status: PageStatus = "draft"
        try:
            saved = self.editing.save_draft(
                ref,
                current_author(self.current),
                text,
                base_digest=base_digest,
                expected_digest=draft_digest,
            )
            status = saved.status
            base_digest, draft_digest = saved.base_digest, saved.draft_digest
        except store.StaleDraftError:
            error = "This draft was changed in another tab. Save draft shows both texts."
        except RefusedTextError as refusal:
            error = str(refusal)
        dry_run = self.editing.check_page(ref, text)
        return jsonify(
            saved=error is None,
            error=error,
            state=status,
            seen=draft_digest,
            base=base_digest,
            problems=[_problem_json(problem) for problem in dry_run.diagnostics],
            elsewhere=[
                _problem_json(problem) | {"path": problem.path} for problem in dry_run.elsewhere
            ],
            problems_html=render_template("authoring/problems.html", dry_run=dry_run),
            page_html=self.editor.render_page(dry_run, ref),
        )

    def confirm_discard(self, topic: str, name: str) -> AnyResponse:
        page_state = self._load_page_state(page_ref(topic, name))
        if not page_state.unpublished:
            return redirect(editor_url(page_state.ref), 303)
        lines = merge.diff_texts(page_state.file_text or "", page_state.text)
        html = render_template(
            "authoring/discard.html", page_state=page_state, file=page_state.ref, lines=lines
        )
        return make_response(html)

    def discard_draft(self, topic: str, name: str) -> AnyResponse:
        ref = page_ref(topic, name)
        page_state = self._load_page_state(ref)
        is_shown_draft = parse_digest(form_field("seen")) == page_state.draft_digest
        if not is_shown_draft or not self.editing.discard_draft(
            page_state, current_author(self.current)
        ):
            flash("Your draft was changed meanwhile. Look at it again.")
            return redirect(url_for("authoring.discard", topic=topic, name=name), 303)
        flash(f"The draft of {ref.path} is discarded.")
        file_exists = page_state.file_text is not None
        return redirect(editor_url(ref) if file_exists else url_for("authoring.index"), 303)

    def _publish_page(self, ref: PageRef) -> AnyResponse:
        result = self.editing.publish_draft(ref, current_author(self.current))
        if result.outcome == "conflict":
            return redirect(url_for("authoring.conflict", topic=ref.topic, name=ref.name), 303)
        if result.outcome == "refused":
            page_state = self._load_page_state(ref)
            return self.editor.render_editor(page_state, refused=UNSERVABLE_PAGE, status=422)
        if result.outcome != "published":
            flash("There was nothing to publish: the file says just this.")
        elif result.dry_run is not None and result.dry_run.count:
            flash(f"Published, with {result.dry_run.count}: learners see it from now on.")
        else:
            flash("Published: learners see it from now on.")
        return redirect(editor_url(ref), 303)

    def _load_page_state(self, ref: PageRef) -> PageState:
        return self.editing.load_page_state(ref, current_author(self.current))

    def _render_unsaved(
        self,
        ref: PageRef,
        text: str,
        reason: str,
        *,
        lines: list[merge.DiffLine] | None = None,
        status: int,
    ) -> AnyResponse:
        """The editor with a text that could not be saved, and why."""
        page_state = replace(self._load_page_state(ref), text=text)
        return self.editor.render_editor(
            page_state, refused=reason, unsaved=True, lines=lines, status=status
        )


def _verification_links(run_id: str) -> dict[str, str]:
    """The addresses at which the editor's script follows a running verification."""
    url = url_for("authoring.verification", run_id=run_id)
    return {"url": url, "result": f"{url}?part=1", "events": f"{url}/events"}


def _problem_json(problem: Diagnostic) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
