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
from quizserver.authoring.files import Place, normal, place
from quizserver.authoring.forms import field, mark, sent
from quizserver.authoring.proving import Proving
from quizserver.authoring.views import page_view
from quizserver.authoring.work import RefusedTextError, Work
from quizserver.authoring.workshop import Workshop
from quizserver.settings import Settings
from quizserver.topics.assets import image_in
from quizserver.topics.model import Problem
from quizserver.topics.trial import Trial

OTHER_TAB = (
    "This draft was saved from another tab or window meanwhile. Nothing is lost: below is what "
    "that one holds against what you have here. Save once more to keep what you have here."
)
NOT_SERVED = "It can't be published yet: as it stands, it could not be served. Mend this first."


class EditorPage:
    """The editor with a page in it, whichever way it was come to."""

    def __init__(self, *, workshop: Workshop, proving: Proving, settings: Settings) -> None:
        self._workshop = workshop
        self._proving = proving
        self._content = settings.content
        self._upload_kb = settings.upload_kb

    def show(
        self,
        work: Work,
        *,
        refused: str | None = None,
        unsaved: bool = False,
        lines: list[merge.DiffLine] | None = None,
        image: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> AnyResponse:
        """``refused`` says what was not done, ``lines`` what another tab holds, ``image`` what
        came of sending one. A text that is ``unsaved`` is not saved before its author says so."""
        where = work.where
        trial = self._workshop.check(where, work.text)
        run = self._proving.asked(trial, work.text)
        config = {
            "check": url_for("authoring.check", topic=where.topic, name=where.name),
            "conflict": url_for("authoring.conflict", topic=where.topic, name=where.name),
            "base": work.base or "",
            "seen": "" if lines else work.seen or "",
            "unsaved": unsaved,
            "verification": _links(run.id) if run is not None and run.active else None,
        }
        page = render_template(
            "authoring/editor.html",
            work=work,
            where=where,
            trial=trial,
            page_html=self.page_html(trial, where),
            refused=refused,
            lines=lines or [],
            image={"error": "", "markdown": ""} | dict(image or {}),
            upload_kb=self._upload_kb,
            verified=run,
            config=json.dumps(config),
        )
        return make_response(page, status)

    def page_html(self, trial: Trial, where: Place) -> Markup:
        """The page as it will be, with its images from where authors see them.

        Learners find no image of a topic that is not published, and keep one for an hour.
        """
        html = render_template("authoring/page.html", page=page_view(trial))
        if trial.topic is None:
            return Markup(html)
        public = url_for("attempts.file", topic=trial.topic.id, name="")

        def own(found: re.Match[str]) -> str:
            name = unquote(found[1])
            path = image_in(self._content / where.topic, name)
            changed = path.stat().st_mtime_ns if path is not None else 0
            url = url_for("authoring.image_file", topic=where.topic, name=name, changed=changed)
            return f'src="{escape(url)}"'

        return Markup(re.sub(f'src="{re.escape(public)}([^"]*)"', own, html))


def address(where: Place) -> str:
    return url_for("authoring.editor", topic=where.topic, name=where.name)


def add_editor(
    blueprint: Blueprint, *, workshop: Workshop, editor: EditorPage, author: Callable[[], Person]
) -> None:
    """Adds the pages to the authors' blueprint, whose guard lets nobody else in."""

    @blueprint.get("/<topic>/<name>", endpoint="editor")
    def show(topic: str, name: str) -> AnyResponse:
        work = workshop.work(place(topic, name), author())
        if work.state == "new":
            abort(404)
        return editor.show(work)

    @blueprint.post("/<topic>/<name>", endpoint="save")
    def save(topic: str, name: str) -> AnyResponse:
        where, text = place(topic, name), normal(field("text"))
        base, seen = mark(field("base")), mark(field("seen"))
        try:
            workshop.save(where, author(), text, base=base, seen=seen)
        except store.OtherTabError as error:
            lines = merge.diff(error.stored or "", text)
            typed = _typed(where, text)
            return editor.show(typed, refused=OTHER_TAB, unsaved=True, lines=lines, status=409)
        except RefusedTextError as error:
            typed = _typed(where, text)
            return editor.show(typed, refused=str(error), unsaved=True, status=422)
        if field("do") == "publish":
            return _publish(where)
        if field("do") == "check":
            return editor.show(workshop.work(where, author()))
        flash("The draft is saved. Learners see it when you publish it.")
        return redirect(address(where), 303)

    @blueprint.post("/<topic>/<name>/check", endpoint="check")
    def check(topic: str, name: str) -> AnyResponse:
        where, body = place(topic, name), sent()
        text, error = normal(body["text"]), None
        base, seen = mark(body.get("base")), mark(body.get("seen"))
        try:
            workshop.save(where, author(), text, base=base, seen=seen)
        except store.OtherTabError:
            error = "This draft was changed in another tab. Save draft shows both texts."
        except RefusedTextError as refused:
            error = str(refused)
        trial = workshop.check(where, text)
        work = workshop.work(where, author())
        return jsonify(
            saved=error is None,
            error=error,
            state=work.state if error is None else "draft",
            seen=work.seen if error is None else seen,
            base=work.base if error is None else base,
            problems=[_told(problem) for problem in trial.problems],
            elsewhere=[_told(problem) | {"path": problem.path} for problem in trial.elsewhere],
            problems_html=render_template("authoring/problems.html", trial=trial),
            page_html=editor.page_html(trial, where),
        )

    @blueprint.get("/<topic>/<name>/discard", endpoint="discard")
    def ask_discard(topic: str, name: str) -> AnyResponse:
        work = workshop.work(place(topic, name), author())
        if not work.unpublished:
            return redirect(address(work.where), 303)
        lines = merge.diff(work.live or "", work.text)
        page = render_template("authoring/discard.html", work=work, where=work.where, lines=lines)
        return make_response(page)

    @blueprint.post("/<topic>/<name>/discard", endpoint="do_discard")
    def discard(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        work = workshop.work(where, author())
        if mark(field("seen")) != work.seen or not workshop.discard(work, author()):
            flash("Your draft was changed meanwhile. Look at it again.")
            return redirect(url_for("authoring.discard", topic=topic, name=name), 303)
        flash(f"The draft of {where.path} is discarded.")
        there = workshop.files.read(where) is not None
        return redirect(address(where) if there else url_for("authoring.index"), 303)

    def _publish(where: Place) -> AnyResponse:
        outcome = workshop.publish(where, author())
        if outcome.how == "conflict":
            return redirect(url_for("authoring.conflict", topic=where.topic, name=where.name), 303)
        if outcome.how == "refused":
            return editor.show(workshop.work(where, author()), refused=NOT_SERVED, status=422)
        flash(
            "Published: learners see it from now on."
            if outcome.how == "published"
            else "There was nothing to publish: the file says just this."
        )
        return redirect(address(where), 303)

    def _typed(where: Place, text: str) -> Work:
        """The page with a text that is kept nowhere yet."""
        return replace(workshop.work(where, author()), text=text)


def _links(run_id: str) -> dict[str, str]:
    """Where a verification that goes on is followed."""
    url = url_for("authoring.verification", run_id=run_id)
    return {"url": url, "result": f"{url}?part=1", "events": f"{url}/events"}


def _told(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
