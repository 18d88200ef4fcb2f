"""The pages on which authors write. For everybody else there are no such pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.authoring import blank, images, merge, store
from quizserver.authoring.files import (
    ContentError,
    Place,
    PlaceError,
    digest_of,
    is_name,
    normal,
    place,
)
from quizserver.authoring.history.pages import CHANGED_AGAIN, add_history
from quizserver.authoring.proving import Proving
from quizserver.authoring.verifying.pages import add_verification
from quizserver.authoring.views import page_view, topic_rows
from quizserver.authoring.workshop import Outcome, RefusedTextError, Work, Workshop
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.folder import list_folder
from quizserver.topics.trial import Trial

OTHER_TAB = (
    "This draft was saved from another tab or window meanwhile. Nothing is lost: below is what "
    "that one holds against what you have here. Save once more to keep what you have here."
)
NOT_SERVED = "It can't be published yet: as it stands, it could not be served. Mend this first."
EXTRA_KIB = 64


def pages(
    *,
    database: Database,
    workshop: Workshop,
    proving: Proving,
    current: Current,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``authoring``."""
    blueprint = Blueprint("authoring", __name__, url_prefix="/write")

    @blueprint.url_value_preprocessor
    def more_room(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
        # Before anything reads the form. Others have no use for it: they are turned away below.
        if request.method == "POST" and current.writes():
            request.max_content_length = (settings.upload_kb + EXTRA_KIB) * 1024
            request.max_form_memory_size = request.max_content_length

    @blueprint.before_request
    def authors_only() -> None:
        if not current.writes():
            abort(404)

    @blueprint.errorhandler(PlaceError)
    def no_place(_error: PlaceError) -> Any:
        return current_app.handle_http_exception(NotFound())

    @blueprint.errorhandler(ContentError)
    def no_content(error: ContentError) -> AnyResponse:
        if request.is_json:
            return make_response(jsonify(error=str(error)), 409)
        page = render_template("authoring/trouble.html", message=str(error))
        return make_response(page, 409)

    @blueprint.get("")
    def index() -> str:
        return _index()

    @blueprint.post("/topics")
    def new_topic() -> AnyResponse:
        folder, title = _field("folder").strip(), _field("title").strip()
        fault = _name_fault(folder) or ("" if title else "Give the topic a title.")
        if not fault and any(path.startswith(f"{folder}/") for path in _files()):
            fault = f"There is a topic {folder} already."
        if fault:
            return make_response(_index({"topic": fault}), 422)
        return _begin(place(folder, "lesson.md"), blank.lesson(title), "topic")

    @blueprint.post("/<topic>/files")
    def new_file(topic: str) -> AnyResponse:
        name = _field("name").strip().removesuffix(".md")
        fault = _name_fault(name)
        if fault:
            return make_response(_index({topic: fault}), 422)
        try:
            start = workshop.start(place(topic, f"{name}.md"), _field("simulation"))
        except RefusedTextError as error:
            return make_response(_index({topic: str(error)}), 422)
        return _begin(place(topic, f"{name}.md"), start, topic)

    @blueprint.get("/<topic>/<name>", endpoint="editor")
    def editor(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        work = workshop.work(where, _author())
        if work.state == "new":
            abort(404)
        return _editor(work, workshop.check(where, work.text))

    @blueprint.post("/<topic>/<name>", endpoint="save")
    def save(topic: str, name: str) -> AnyResponse:
        where, text = place(topic, name), normal(_field("text"))
        try:
            _keep(where, text)
        except store.OtherTabError as error:
            return _other_tab(where, text, error)
        except RefusedTextError as error:
            return _editor(_typed(where, text), None, refused=str(error), status=422)
        if _field("do") == "publish":
            return _publish(where)
        work = workshop.work(where, _author())
        if _field("do") == "check":
            return _editor(work, workshop.check(where, work.text))
        flash("The draft is saved. Learners see it when you publish it.")
        return redirect(_url(where), 303)

    @blueprint.post("/<topic>/<name>/check", endpoint="check")
    def check(topic: str, name: str) -> AnyResponse:
        where, body = place(topic, name), _body()
        text = normal(_text(body, "text"))
        told: dict[str, Any] = {"saved": False, "error": None}
        try:
            base, seen = _mark(body.get("base")), _mark(body.get("seen"))
            workshop.save(where, _author(), text, base=base, seen=seen)
            told["saved"] = True
        except store.OtherTabError:
            told["error"] = "This draft was changed in another tab. Save draft shows both texts."
        except RefusedTextError as error:
            told["error"] = str(error)
        trial = workshop.check(where, text)
        work = workshop.work(where, _author())
        state = work.state if told["saved"] else "draft"
        return jsonify(
            **told,
            state=state,
            seen=work.seen if told["saved"] else body.get("seen"),
            base=work.base if told["saved"] else body.get("base"),
            problems=[_problem(p) for p in trial.problems],
            elsewhere=[_problem(p) | {"path": p.path} for p in trial.elsewhere],
            problems_html=render_template("authoring/problems.html", trial=trial),
            page_html=render_template("authoring/page.html", page=page_view(trial)),
        )

    @blueprint.post("/<topic>/<name>/discard", endpoint="discard")
    def discard(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        workshop.discard(where, _author())
        flash(f"The draft of {where.path} is discarded.")
        there = workshop.files.read(where) is not None
        return redirect(_url(where) if there else url_for("authoring.index"), 303)

    @blueprint.get("/<topic>/<name>/conflict", endpoint="conflict")
    def conflict(topic: str, name: str) -> AnyResponse:
        work = workshop.work(place(topic, name), _author())
        if work.state != "conflict":
            return redirect(_url(work.where), 303)
        return _conflict(work)

    @blueprint.post("/<topic>/<name>/conflict", endpoint="settle")
    def settle(topic: str, name: str) -> AnyResponse:
        where = place(topic, name)
        work = workshop.work(where, _author())
        choice = _field("choice")
        texts = {"theirs": None, "mine": work.text, "merged": _field("text")}
        if choice not in texts:
            abort(400)
        try:
            done = workshop.settle(where, _author(), texts[choice], theirs=_mark(_field("theirs")))
        except RefusedTextError as error:
            return _conflict(work, str(error), _field("text"), 422)
        if not done:
            return _conflict(workshop.work(where, _author()), CHANGED_AGAIN, _field("text"), 409)
        if choice == "theirs":
            flash("Your draft is gone; here is the file as it is.")
            return redirect(_url(where) if work.live is not None else url_for(".index"), 303)
        flash("Your draft now stands on the file as it is. Publish it when you are ready.")
        return redirect(_url(where), 303)

    @blueprint.post("/<topic>/images", endpoint="image")
    def image(topic: str) -> AnyResponse:
        sent, alt = request.files.get("image"), _field("alt")
        where = place(topic, _field("name"))
        try:
            if not is_name(topic) or workshop.work(where, _author()).state == "new":
                abort(404)
            if not alt.strip():
                raise images.ImageError("Say in words what is to be seen in the image.")
            if sent is None or not sent.filename:
                raise images.ImageError("Choose an image.")
            with closing(sent):
                data = sent.read(settings.upload_kb * 1024 + 1)
            if len(data) > settings.upload_kb * 1024:
                raise images.ImageError(f"An image may have {settings.upload_kb:,} KiB.")
            name = images.safe_name(_field("as") or sent.filename, images.suffix(data))
            overwrite = _field("overwrite") == "1"
            images.keep(settings.content, topic, name, data, overwrite=overwrite)
        except images.ImageError as error:
            return _image_answer(where, 422, error=str(error))
        except images.ThereAlreadyError as error:
            told = f"{error} Send it under another name, or tick “Replace”."
            return _image_answer(where, 409, error=told)
        workshop.library.refresh()
        return _image_answer(where, 200, name=name, markdown=images.reference(alt, name))

    def _image_answer(where: Place, status: int, **told: str) -> AnyResponse:
        if request.headers.get("Accept") == "application/json":
            return make_response(jsonify(told), status)
        work = workshop.work(where, _author())
        trial = workshop.check(where, work.text)
        return _editor(work, trial, status=status, image=told)

    add_history(blueprint, database=database, workshop=workshop, author=lambda: _author())
    add_verification(
        blueprint, workshop=workshop, proving=proving, current=current, author=lambda: _author()
    )

    def _author() -> Person:
        account = current.account()
        assert account is not None  # the guard above let nobody else in
        return account

    def _files() -> list[str]:
        try:
            return list(list_folder(settings.content).files)
        except OSError as error:
            told = f"The content folder can't be read: {error.strerror or error}."
            raise ContentError(told) from error

    def _index(faults: Mapping[str, str] | None = None) -> str:
        with database.read() as session:
            drafts, deleted = store.drafts(session), store.deleted_paths(session)
        files = _files()
        rows = topic_rows(workshop.library.snapshot(), files, drafts, _author().id, url_for)
        gone = [path for path in deleted if path not in files and path.count("/") == 1]
        return render_template(
            "authoring/index.html",
            topics=rows,
            deleted=[tuple(path.split("/")) for path in gone],
            faults=faults or {},
        )

    def _begin(where: Place, text: str, form: str) -> AnyResponse:
        if not workshop.begin(where, _author(), text):
            fault = f"There is a page {where.path} already, or a draft of it."
            return make_response(_index({form: fault}), 422)
        return redirect(_url(where), 303)

    def _keep(where: Place, text: str) -> None:
        base, seen = _mark(_field("base")), _mark(_field("seen"))
        workshop.save(where, _author(), text, base=base, seen=seen)

    def _publish(where: Place) -> AnyResponse:
        outcome: Outcome = workshop.publish(where, _author())
        if outcome.how == "conflict":
            return redirect(url_for("authoring.conflict", topic=where.topic, name=where.name), 303)
        if outcome.how == "refused":
            work = workshop.work(where, _author())
            return _editor(work, outcome.trial, refused=NOT_SERVED, status=422)
        flash(
            "Published: learners see it from now on."
            if outcome.how == "published"
            else "There was nothing to publish: the file says just this."
        )
        return redirect(_url(where), 303)

    def _typed(where: Place, text: str) -> Work:
        """The page with a text that is kept nowhere yet."""
        work = workshop.work(where, _author())
        return Work(where, text, work.live, work.base, work.seen, work.saved_at)

    def _other_tab(where: Place, text: str, error: store.OtherTabError) -> AnyResponse:
        lines = merge.diff(error.stored or "", text)
        trial = workshop.check(where, text)
        return _editor(_typed(where, text), trial, refused=OTHER_TAB, lines=lines, status=409)

    def _editor(
        work: Work,
        trial: Trial | None,
        *,
        refused: str | None = None,
        lines: list[merge.DiffLine] | None = None,
        image: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> AnyResponse:
        where = work.where
        config = {
            "check": url_for("authoring.check", topic=where.topic, name=where.name),
            "conflict": url_for("authoring.conflict", topic=where.topic, name=where.name),
            "base": work.base or "",
            "seen": work.seen or "",
            "state": work.state,
        }
        page = render_template(
            "authoring/editor.html",
            work=work,
            where=where,
            trial=trial,
            page=page_view(trial) if trial is not None else None,
            refused=refused,
            lines=lines or [],
            image={"error": "", "markdown": ""} | dict(image or {}),
            upload_kb=settings.upload_kb,
            config=json.dumps(config),
        )
        return make_response(page, status)

    def _conflict(
        work: Work, fault: str | None = None, text: str = "", status: int = 200
    ) -> AnyResponse:
        clash = workshop.clash(work)
        page = render_template(
            "authoring/conflict.html",
            where=work.where,
            clash=clash,
            theirs=digest_of(work.live) or "",
            gone=work.live is None,
            from_theirs=merge.diff(clash.base or "", clash.theirs),
            from_yours=merge.diff(clash.base or "", clash.yours),
            between=merge.diff(clash.theirs, clash.yours),
            text=normal(text) or clash.merged.text,
            fault=fault,
        )
        return make_response(page, status)

    return blueprint


def _url(where: Place) -> str:
    return url_for("authoring.editor", topic=where.topic, name=where.name)


def _field(name: str) -> str:
    return request.form.get(name, "")


def _mark(value: object) -> str | None:
    """The digest that a page was given, None for none; what is no digest is none."""
    given = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value)
    return str(value) if given else None


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400)
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        abort(400)
    return value


def _name_fault(name: str) -> str:
    if is_name(name):
        return ""
    return "Name it with lower-case letters a-z, digits and single hyphens, such as second-run."


def _problem(problem: Any) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
