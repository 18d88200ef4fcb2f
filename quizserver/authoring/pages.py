"""The pages on which authors write. For everybody else there are no such pages."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.authoring import blank, store
from quizserver.authoring.deciding.pages import add_conflicts
from quizserver.authoring.editing.pages import EditorPage, add_editor, address
from quizserver.authoring.files import ContentError, Place, is_name, place
from quizserver.authoring.forms import field
from quizserver.authoring.guards import guard
from quizserver.authoring.history.pages import add_history
from quizserver.authoring.listing import topic_rows
from quizserver.authoring.proving import Proving
from quizserver.authoring.uploading.pages import add_uploads
from quizserver.authoring.verifying.pages import add_verification
from quizserver.authoring.work import RefusedTextError
from quizserver.authoring.workshop import Workshop
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.folder import list_folder


def pages(
    *,
    database: Database,
    workshop: Workshop,
    proving: Proving,
    current: Current,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``authoring``: the list of all pages, and every page about one of them."""
    blueprint = Blueprint("authoring", __name__, url_prefix="/write")
    editor = EditorPage(workshop=workshop, proving=proving, settings=settings)

    def author() -> Person:
        account = current.account()
        assert account is not None  # the guard lets nobody else in
        return account

    guard(blueprint, current=current, settings=settings)
    add_editor(blueprint, workshop=workshop, editor=editor, author=author)
    add_conflicts(blueprint, workshop=workshop, author=author)
    add_uploads(blueprint, workshop=workshop, editor=editor, settings=settings, author=author)
    add_history(blueprint, database=database, workshop=workshop, author=author)
    add_verification(blueprint, workshop=workshop, proving=proving, current=current, author=author)

    @blueprint.get("")
    def index() -> str:
        return _index()

    @blueprint.post("/topics")
    def new_topic() -> AnyResponse:
        folder, title = field("folder").strip(), field("title").strip()
        fault = _name_fault(folder) or ("" if title else "Give the topic a title.")
        if not fault and any(path.startswith(f"{folder}/") for path in _files()):
            fault = f"There is a topic {folder} already."
        if fault:
            return make_response(_index({"": fault}), 422)
        return _begin(place(folder, "lesson.md"), blank.lesson(title), "")

    @blueprint.post("/<topic>/files")
    def new_file(topic: str) -> AnyResponse:
        name = field("name").strip().removesuffix(".md")
        fault = _name_fault(name)
        if fault:
            return make_response(_index({topic: fault}), 422)
        where = place(topic, f"{name}.md")
        try:
            text = workshop.first_text(where, field("simulation"))
        except RefusedTextError as error:
            return make_response(_index({topic: str(error)}), 422)
        return _begin(where, text, topic)

    def _begin(where: Place, text: str, form: str) -> AnyResponse:
        if not workshop.begin(where, author(), text):
            fault = f"There is a page {where.path} already, or a draft of it."
            return make_response(_index({form: fault}), 422)
        return redirect(address(where), 303)

    def _files() -> list[str]:
        try:
            return list(list_folder(settings.content).files)
        except OSError as error:
            told = f"The content folder can't be read: {error.strerror or error}."
            raise ContentError(told) from error

    def _index(faults: Mapping[str, str] | None = None) -> str:
        """The list of pages. ``faults`` says by topic's folder ("": a new one) why none was begun;
        what was typed there stays."""
        with database.read() as session:
            drafts, deleted = store.drafts(session), store.deleted_paths(session)
        files = _files()
        rows = topic_rows(workshop.library.snapshot(), files, drafts, author().id, url_for)
        gone = [path for path in deleted if path not in files and path.count("/") == 1]
        return render_template(
            "authoring/index.html",
            topics=rows,
            deleted=[tuple(path.split("/")) for path in gone],
            faults=faults or {},
            typed={name: field(name) for name in ("name", "simulation", "title", "folder")},
        )

    return blueprint


def _name_fault(name: str) -> str:
    if is_name(name):
        return ""
    return "Name it with lower-case letters a-z, digits and single hyphens, such as second-run."
