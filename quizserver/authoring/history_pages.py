"""The pages of a page's history, and of its deletion."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring import merge, store
from quizserver.authoring.files import digest_or_none, page_ref
from quizserver.authoring.guards import current_author
from quizserver.authoring.service import EditingService
from quizserver.db.session import Database

CHANGED_MEANWHILE = "The file, or your draft of it, was changed once more. Look at it again."
DRAFT_EXISTS = "You have an unpublished draft of this page. Publish or discard it first."


@dataclass(frozen=True, slots=True)
class HistoryPages:
    """The views of a page's versions, and of deleting the page."""

    database: Database
    editing: EditingService
    current: CurrentUser

    def show_history(self, topic: str, name: str) -> str:
        ref = page_ref(topic, name)
        with self.database.read() as session:
            versions = store.list_versions(session, ref.path)
        page_state = self.editing.load_page_state(ref, current_author(self.current))
        if not versions and page_state.status == "new":
            abort(404)
        file_digest = digest_or_none(page_state.file_text)
        return render_template(
            "authoring/history.html", file=ref, versions=versions, live_digest=file_digest
        )

    def show_version(self, topic: str, name: str, number: int) -> str:
        ref = page_ref(topic, name)
        with self.database.read() as session:
            stored = store.get_version(session, ref.path, number)
        if stored is None:
            abort(404)
        selected, previous_text = stored
        return render_template(
            "authoring/version.html",
            file=ref,
            version=selected,
            lines=merge.diff_texts(previous_text, selected.source),
        )

    def restore_version(self, topic: str, name: str, number: int) -> AnyResponse:
        ref = page_ref(topic, name)
        outcome = self.editing.restore_version(ref, current_author(self.current), number)
        if outcome == "no":
            abort(404)
        if outcome == "draft":
            flash(DRAFT_EXISTS)
        else:
            flash("The earlier text is your draft now. Look at it, then publish it.")
        return redirect(url_for("authoring.editor", topic=topic, name=name), 303)

    def confirm_delete(self, topic: str, name: str) -> str:
        ref = page_ref(topic, name)
        file_text = self.editing.files.read_page(ref)
        if file_text is None:
            abort(404)
        dry_run = self.editing.library.dry_run(ref.path, None)
        return render_template(
            "authoring/delete.html",
            file=ref,
            seen_digest=digest_or_none(file_text),
            other_problems=dry_run.elsewhere,
        )

    def delete_page(self, topic: str, name: str) -> AnyResponse:
        ref = page_ref(topic, name)
        result = self.editing.delete_page(
            ref, current_author(self.current), expected_digest=request.form.get("seen", "")
        )
        if result.outcome == "draft":
            flash(DRAFT_EXISTS)
            return redirect(url_for("authoring.editor", topic=topic, name=name), 303)
        if result.outcome == "conflict":
            flash(CHANGED_MEANWHILE)
            return redirect(url_for("authoring.delete", topic=topic, name=name), 303)
        flash(f"{ref.path} is deleted. Its history is kept, and brings it back.")
        return redirect(url_for("authoring.index"), 303)
