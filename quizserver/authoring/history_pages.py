"""The pages of a file's history, and those that take a file away."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import merge, store
from quizserver.authoring.files import digest_or_none, page_ref
from quizserver.authoring.service import EditingService
from quizserver.db.session import Database

CHANGED_MEANWHILE = "The file, or your draft of it, was changed once more. Look at it again."
DRAFT_EXISTS = "You have an unpublished draft of this page. Publish or discard it first."


def add_history_routes(
    blueprint: Blueprint,
    *,
    database: Database,
    editing: EditingService,
    current_author: Callable[[], Person],
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>/history", endpoint="history")
    def show_history(topic: str, name: str) -> str:
        ref = page_ref(topic, name)
        with database.read() as session:
            versions = store.list_versions(session, ref.path)
        page_state = editing.load_page_state(ref, current_author())
        if not versions and page_state.status == "new":
            abort(404)
        file_digest = digest_or_none(page_state.file_text)
        return render_template(
            "authoring/history.html", file=ref, versions=versions, live_digest=file_digest
        )

    @blueprint.get("/<topic>/<name>/history/<int:number>", endpoint="version")
    def show_version(topic: str, name: str, number: int) -> str:
        ref = page_ref(topic, name)
        with database.read() as session:
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

    @blueprint.post("/<topic>/<name>/history/<int:number>", endpoint="restore")
    def restore_version(topic: str, name: str, number: int) -> AnyResponse:
        ref = page_ref(topic, name)
        outcome = editing.restore_version(ref, current_author(), number)
        if outcome == "no":
            abort(404)
        if outcome == "draft":
            flash(DRAFT_EXISTS)
        else:
            flash("The earlier text is your draft now. Look at it, then publish it.")
        return redirect(url_for("authoring.editor", topic=topic, name=name), 303)

    @blueprint.get("/<topic>/<name>/delete", endpoint="delete")
    def confirm_delete(topic: str, name: str) -> str:
        ref = page_ref(topic, name)
        file_text = editing.files.read_page(ref)
        if file_text is None:
            abort(404)
        dry_run = editing.library.dry_run(ref.path, None)
        return render_template(
            "authoring/delete.html",
            file=ref,
            seen_digest=digest_or_none(file_text),
            other_problems=dry_run.elsewhere,
        )

    @blueprint.post("/<topic>/<name>/delete", endpoint="do_delete")
    def delete_page(topic: str, name: str) -> AnyResponse:
        ref = page_ref(topic, name)
        result = editing.delete_page(
            ref, current_author(), expected_digest=request.form.get("seen", "")
        )
        if result.outcome == "draft":
            flash(DRAFT_EXISTS)
            return redirect(url_for("authoring.editor", topic=topic, name=name), 303)
        if result.outcome == "conflict":
            flash(CHANGED_MEANWHILE)
            return redirect(url_for("authoring.delete", topic=topic, name=name), 303)
        flash(f"{ref.path} is deleted. Its history is kept, and brings it back.")
        return redirect(url_for("authoring.index"), 303)
