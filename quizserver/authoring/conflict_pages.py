"""The pages of a conflict: what changed in the file and in the draft, and how it is resolved."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring import merge
from quizserver.authoring.editor_pages import editor_url
from quizserver.authoring.files import (
    RefusedTextError,
    digest_or_none,
    normalise_text,
    page_ref,
)
from quizserver.authoring.forms import form_field, parse_digest
from quizserver.authoring.guards import current_author
from quizserver.authoring.history_pages import CHANGED_MEANWHILE
from quizserver.authoring.page_state import PageState
from quizserver.authoring.service import EditingService


@dataclass(frozen=True, slots=True)
class ConflictPages:
    """The views of a conflict between a file and an author's draft of it."""

    editing: EditingService
    current: CurrentUser

    def show_conflict(self, topic: str, name: str) -> AnyResponse:
        page_state = self.editing.load_page_state(
            page_ref(topic, name), current_author(self.current)
        )
        if page_state.status != "conflict":
            return redirect(editor_url(page_state.ref), 303)
        return self._render_conflict(page_state)

    def resolve_conflict(self, topic: str, name: str) -> AnyResponse:
        """Takes the file, the draft or the merged text as the draft, as the author chose."""
        ref, author = page_ref(topic, name), current_author(self.current)
        page_state = self.editing.load_page_state(ref, author)
        choice, merged_text = form_field("choice"), normalise_text(form_field("text"))
        texts = {"theirs": None, "mine": page_state.text, "merged": merged_text}
        if choice not in texts:
            abort(400)
        shown_digests = parse_digest(form_field("theirs")), parse_digest(form_field("seen"))
        current_digests = digest_or_none(page_state.file_text), page_state.draft_digest
        try:
            resolved = shown_digests == current_digests and self.editing.resolve_conflict(
                page_state, author, texts[choice]
            )
        except RefusedTextError as error:
            return self._render_conflict(page_state, str(error), merged_text, 422)
        if not resolved:
            newer_state = self.editing.load_page_state(ref, author)
            return self._render_conflict(newer_state, CHANGED_MEANWHILE, merged_text, 409)
        if choice == "theirs":
            flash("Your draft is gone; here is the file as it is.")
            file_exists = page_state.file_text is not None
            return redirect(editor_url(ref) if file_exists else url_for("authoring.index"), 303)
        flash("Your draft now stands on the file as it is. Publish it when you are ready.")
        return redirect(editor_url(ref), 303)

    def _render_conflict(
        self,
        page_state: PageState,
        error: str | None = None,
        edited_text: str = "",
        status: int = 200,
    ) -> AnyResponse:
        conflict = self.editing.load_conflict(page_state)
        html = render_template(
            "authoring/conflict.html",
            file=page_state.ref,
            conflict=conflict,
            live_digest=digest_or_none(page_state.file_text) or "",
            seen_digest=page_state.draft_digest or "",
            is_deleted=page_state.file_text is None,
            file_changes=merge.diff_texts(conflict.base_text or "", conflict.theirs),
            draft_changes=merge.diff_texts(conflict.base_text or "", conflict.yours),
            file_to_draft=merge.diff_texts(conflict.theirs, conflict.yours),
            text=edited_text or conflict.merged.text,
            form_error=error,
        )
        return make_response(html, status)
