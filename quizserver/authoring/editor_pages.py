"""The pages of the editor."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from flask import (
    Blueprint,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    url_for,
)
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import merge, store
from quizserver.authoring.files import PageRef, normalise_text, page_ref
from quizserver.authoring.forms import form_field, parse_digest, require_json_text
from quizserver.authoring.page_state import PageState, RefusedTextError
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
UNSERVABLE_PAGE = (
    "It can't be published yet: as it stands, it could not be served. Mend this first."
)


class EditorPage:
    """The editor with a page in it, whichever way it was come to."""

    def __init__(
        self, *, editing: EditingService, verifications: Verifications, settings: Settings
    ) -> None:
        self._editing = editing
        self._verifications = verifications
        self._content = settings.content
        self._upload_kb = settings.upload_kb

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
        """``refused`` says what was not done, ``lines`` what another tab holds, ``image`` what
        came of sending one. A text that is ``unsaved`` is not saved before its author says so."""
        ref = page_state.ref
        dry_run = self._editing.check_page(ref, page_state.text)
        run = self._verifications.find_matching(dry_run, page_state.text)
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
            upload_kb=self._upload_kb,
            verification_run=run,
            editor_config=json.dumps(config),
        )
        return make_response(html, status)

    def render_page(self, dry_run: DryRun, ref: PageRef) -> Markup:
        """The page as it will be, with its images from where authors see them.

        Learners find no image of a topic that is not published, and keep one for an hour.
        """
        html = render_template("authoring/page.html", page_view=page_view(dry_run))
        if dry_run.topic is None:
            return Markup(html)
        public_prefix = url_for("attempts.file", topic=dry_run.topic.id, name="")

        def author_image_source(match: re.Match[str]) -> str:
            image_name = unquote(match[1])
            path = image_in_folder(self._content / ref.topic, image_name)
            modified_ns = path.stat().st_mtime_ns if path is not None else 0
            url = url_for(
                "authoring.image_file", topic=ref.topic, name=image_name, changed=modified_ns
            )
            return f'src="{escape(url)}"'

        return Markup(re.sub(f'src="{re.escape(public_prefix)}([^"]*)"', author_image_source, html))


def editor_url(ref: PageRef) -> str:
    return url_for("authoring.editor", topic=ref.topic, name=ref.name)


def add_editor_routes(
    blueprint: Blueprint,
    *,
    editing: EditingService,
    editor: EditorPage,
    current_author: Callable[[], Person],
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>", endpoint="editor")
    def show_editor(topic: str, name: str) -> AnyResponse:
        page_state = editing.load_page_state(page_ref(topic, name), current_author())
        if page_state.status == "new":
            abort(404)
        return editor.render_editor(page_state)

    @blueprint.post("/<topic>/<name>", endpoint="save")
    def save_page(topic: str, name: str) -> AnyResponse:
        ref, text = page_ref(topic, name), normalise_text(form_field("text"))
        base_digest, expected_digest = (
            parse_digest(form_field("base")),
            parse_digest(form_field("seen")),
        )
        try:
            editing.save_draft(
                ref,
                current_author(),
                text,
                base_digest=base_digest,
                expected_digest=expected_digest,
            )
        except store.StaleDraftError as error:
            lines = merge.diff_texts(error.stored_text or "", text)
            page_state = _with_typed_text(ref, text)
            return editor.render_editor(
                page_state, refused=OTHER_TAB, unsaved=True, lines=lines, status=409
            )
        except RefusedTextError as error:
            page_state = _with_typed_text(ref, text)
            return editor.render_editor(page_state, refused=str(error), unsaved=True, status=422)
        if form_field("do") == "publish":
            return _publish_page(ref)
        if form_field("do") == "check":
            return editor.render_editor(editing.load_page_state(ref, current_author()))
        flash("The draft is saved. Learners see it when you publish it.")
        return redirect(editor_url(ref), 303)

    @blueprint.post("/<topic>/<name>/check", endpoint="check")
    def check_page_live(topic: str, name: str) -> AnyResponse:
        ref, payload = page_ref(topic, name), require_json_text()
        text, error = normalise_text(payload["text"]), None
        base_digest, expected_digest = (
            parse_digest(payload.get("base")),
            parse_digest(payload.get("seen")),
        )
        try:
            editing.save_draft(
                ref,
                current_author(),
                text,
                base_digest=base_digest,
                expected_digest=expected_digest,
            )
        except store.StaleDraftError:
            error = "This draft was changed in another tab. Save draft shows both texts."
        except RefusedTextError as refusal:
            error = str(refusal)
        dry_run = editing.check_page(ref, text)
        page_state = editing.load_page_state(ref, current_author())
        return jsonify(
            saved=error is None,
            error=error,
            state=page_state.status if error is None else "draft",
            seen=page_state.draft_digest if error is None else expected_digest,
            base=page_state.base_digest if error is None else base_digest,
            problems=[_problem_json(problem) for problem in dry_run.diagnostics],
            elsewhere=[
                _problem_json(problem) | {"path": problem.path} for problem in dry_run.elsewhere
            ],
            problems_html=render_template("authoring/problems.html", dry_run=dry_run),
            page_html=editor.render_page(dry_run, ref),
        )

    @blueprint.get("/<topic>/<name>/discard", endpoint="discard")
    def confirm_discard(topic: str, name: str) -> AnyResponse:
        page_state = editing.load_page_state(page_ref(topic, name), current_author())
        if not page_state.unpublished:
            return redirect(editor_url(page_state.ref), 303)
        lines = merge.diff_texts(page_state.file_text or "", page_state.text)
        html = render_template(
            "authoring/discard.html", page_state=page_state, file=page_state.ref, lines=lines
        )
        return make_response(html)

    @blueprint.post("/<topic>/<name>/discard", endpoint="do_discard")
    def discard_page_draft(topic: str, name: str) -> AnyResponse:
        ref = page_ref(topic, name)
        page_state = editing.load_page_state(ref, current_author())
        if parse_digest(form_field("seen")) != page_state.draft_digest or not editing.discard_draft(
            page_state, current_author()
        ):
            flash("Your draft was changed meanwhile. Look at it again.")
            return redirect(url_for("authoring.discard", topic=topic, name=name), 303)
        flash(f"The draft of {ref.path} is discarded.")
        file_exists = editing.files.read_page(ref) is not None
        return redirect(editor_url(ref) if file_exists else url_for("authoring.index"), 303)

    def _publish_page(ref: PageRef) -> AnyResponse:
        result = editing.publish_draft(ref, current_author())
        if result.outcome == "conflict":
            return redirect(url_for("authoring.conflict", topic=ref.topic, name=ref.name), 303)
        if result.outcome == "refused":
            return editor.render_editor(
                editing.load_page_state(ref, current_author()), refused=UNSERVABLE_PAGE, status=422
            )
        flash(
            "Published: learners see it from now on."
            if result.outcome == "published"
            else "There was nothing to publish: the file says just this."
        )
        return redirect(editor_url(ref), 303)

    def _with_typed_text(ref: PageRef, text: str) -> PageState:
        """The page with a text that is kept nowhere yet."""
        return replace(editing.load_page_state(ref, current_author()), text=text)


def _verification_links(run_id: str) -> dict[str, str]:
    """Where a verification that goes on is followed."""
    url = url_for("authoring.verification", run_id=run_id)
    return {"url": url, "result": f"{url}?part=1", "events": f"{url}/events"}


def _problem_json(problem: Diagnostic) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
