"""The page of a conflict: what changed in the file, what the author changed, and what goes on."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.model import Person
from quizserver.authoring import merge
from quizserver.authoring.editing.pages import address
from quizserver.authoring.files import digest_of, normal, place
from quizserver.authoring.forms import field, mark
from quizserver.authoring.history.pages import CHANGED_AGAIN
from quizserver.authoring.work import RefusedTextError, Work
from quizserver.authoring.workshop import Workshop


def add_conflicts(
    blueprint: Blueprint, *, workshop: Workshop, author: Callable[[], Person]
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>/conflict", endpoint="conflict")
    def conflict(topic: str, name: str) -> AnyResponse:
        work = workshop.work(place(topic, name), author())
        if work.state != "conflict":
            return redirect(address(work.where), 303)
        return _both(work)

    @blueprint.post("/<topic>/<name>/conflict", endpoint="settle")
    def settle(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        work = workshop.work(where, author())
        choice, merged = field("choice"), normal(field("text"))
        texts = {"theirs": None, "mine": work.text, "merged": merged}
        if choice not in texts:
            abort(400)
        shown = mark(field("theirs")), mark(field("seen"))
        try:
            done = shown == (digest_of(work.live), work.seen) and workshop.settle(
                work, author(), texts[choice]
            )
        except RefusedTextError as error:
            return _both(work, str(error), merged, 422)
        if not done:
            return _both(workshop.work(where, author()), CHANGED_AGAIN, merged, 409)
        if choice == "theirs":
            flash("Your draft is gone; here is the file as it is.")
            there = work.live is not None
            return redirect(address(where) if there else url_for("authoring.index"), 303)
        flash("Your draft now stands on the file as it is. Publish it when you are ready.")
        return redirect(address(where), 303)

    def _both(
        work: Work, fault: str | None = None, text: str = "", status: int = 200
    ) -> AnyResponse:
        clash = workshop.clash(work)
        page = render_template(
            "authoring/conflict.html",
            where=work.where,
            clash=clash,
            theirs=digest_of(work.live) or "",
            seen=work.seen or "",
            gone=work.live is None,
            from_theirs=merge.diff(clash.base or "", clash.theirs),
            from_yours=merge.diff(clash.base or "", clash.yours),
            between=merge.diff(clash.theirs, clash.yours),
            text=text or clash.merged.text,
            fault=fault,
        )
        return make_response(page, status)
