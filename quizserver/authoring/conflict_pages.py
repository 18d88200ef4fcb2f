"""The page of a conflict: what changed in the file, what the author changed, and what goes on."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import merge
from quizserver.authoring.editor_pages import editor_url
from quizserver.authoring.files import digest_or_none, normalise_text, page_ref
from quizserver.authoring.forms import form_field, parse_digest
from quizserver.authoring.history_pages import CHANGED_MEANWHILE
from quizserver.authoring.page_state import PageState, RefusedTextError
from quizserver.authoring.service import EditingService


def add_conflict_routes(
    blueprint: Blueprint, *, editing: EditingService, current_author: Callable[[], Person]
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>/conflict", endpoint="conflict")
    def show_conflict(topic: str, name: str) -> AnyResponse:
        page_state = editing.load_page_state(page_ref(topic, name), current_author())
        if page_state.status != "conflict":
            return redirect(editor_url(page_state.ref), 303)
        return _render_conflict(page_state)

    @blueprint.post("/<topic>/<name>/conflict", endpoint="settle")
    def resolve_conflict(topic: str, name: str) -> AnyResponse:
        ref = page_ref(topic, name)
        page_state = editing.load_page_state(ref, current_author())
        choice, merged_text = form_field("choice"), normalise_text(form_field("text"))
        texts = {"theirs": None, "mine": page_state.text, "merged": merged_text}
        if choice not in texts:
            abort(400)
        sent_digests = parse_digest(form_field("theirs")), parse_digest(form_field("seen"))
        try:
            resolved = sent_digests == (
                digest_or_none(page_state.file_text),
                page_state.draft_digest,
            ) and editing.resolve_conflict(page_state, current_author(), texts[choice])
        except RefusedTextError as error:
            return _render_conflict(page_state, str(error), merged_text, 422)
        if not resolved:
            return _render_conflict(
                editing.load_page_state(ref, current_author()), CHANGED_MEANWHILE, merged_text, 409
            )
        if choice == "theirs":
            flash("Your draft is gone; here is the file as it is.")
            file_exists = page_state.file_text is not None
            return redirect(editor_url(ref) if file_exists else url_for("authoring.index"), 303)
        flash("Your draft now stands on the file as it is. Publish it when you are ready.")
        return redirect(editor_url(ref), 303)

    def _render_conflict(
        page_state: PageState, error: str | None = None, edited_text: str = "", status: int = 200
    ) -> AnyResponse:
        conflict = editing.load_conflict(page_state)
        html = render_template(
            "authoring/conflict.html",
            file=page_state.ref,
            conflict=conflict,
            theirs=digest_or_none(page_state.file_text) or "",
            seen_digest=page_state.draft_digest or "",
            gone=page_state.file_text is None,
            from_theirs=merge.diff_texts(conflict.base_text or "", conflict.theirs),
            from_yours=merge.diff_texts(conflict.base_text or "", conflict.yours),
            between=merge.diff_texts(conflict.theirs, conflict.yours),
            text=edited_text or conflict.merged.text,
            error=error,
        )
        return make_response(html, status)
