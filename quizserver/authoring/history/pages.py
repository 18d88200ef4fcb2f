"""The pages of a file's history, and those that take a file away."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import merge, store
from quizserver.authoring.files import digest_of, place
from quizserver.authoring.workshop import Workshop
from quizserver.db.session import Database

CHANGED_AGAIN = "The file, or your draft of it, was changed once more. Look at it again."
DRAFT_THERE = "You have an unpublished draft of this page. Publish or discard it first."


def add_history(
    blueprint: Blueprint,
    *,
    database: Database,
    workshop: Workshop,
    author: Callable[[], Person],
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>/history", endpoint="history")
    def history(topic: str, name: str) -> str:
        where = place(topic, name)
        with database.read() as session:
            found = store.versions(session, where.path)
        work = workshop.work(where, author())
        if not found and work.state == "new":
            abort(404)
        live = digest_of(work.live)
        return render_template("authoring/history.html", where=where, versions=found, live=live)

    @blueprint.get("/<topic>/<name>/history/<int:number>", endpoint="version")
    def version(topic: str, name: str, number: int) -> str:
        where = place(topic, name)
        with database.read() as session:
            found = store.version(session, where.path, number)
        if found is None:
            abort(404)
        shown, before = found
        return render_template(
            "authoring/version.html",
            where=where,
            version=shown,
            lines=merge.diff(before, shown.source),
        )

    @blueprint.post("/<topic>/<name>/history/<int:number>", endpoint="restore")
    def restore(topic: str, name: str, number: int) -> AnyResponse:
        where = place(topic, name)
        how = workshop.restore(where, author(), number)
        if how == "no":
            abort(404)
        if how == "draft":
            flash(DRAFT_THERE)
        else:
            flash("The earlier text is your draft now. Look at it, then publish it.")
        return redirect(url_for("authoring.editor", topic=topic, name=name), 303)

    @blueprint.get("/<topic>/<name>/delete", endpoint="delete")
    def ask_delete(topic: str, name: str) -> str:
        where = place(topic, name)
        live = workshop.files.read(where)
        if live is None:
            abort(404)
        trial = workshop.library.trial(where.path, None)
        return render_template(
            "authoring/delete.html", where=where, seen=digest_of(live), elsewhere=trial.elsewhere
        )

    @blueprint.post("/<topic>/<name>/delete", endpoint="do_delete")
    def delete(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        outcome = workshop.delete(where, author(), seen=request.form.get("seen", ""))
        if outcome.how == "draft":
            flash(DRAFT_THERE)
            return redirect(url_for("authoring.editor", topic=topic, name=name), 303)
        if outcome.how == "conflict":
            flash(CHANGED_AGAIN)
            return redirect(url_for("authoring.delete", topic=topic, name=name), 303)
        flash(f"{where.path} is deleted. Its history is kept, and brings it back.")
        return redirect(url_for("authoring.index"), 303)
