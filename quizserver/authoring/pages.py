"""The pages on which authors write. For everybody else there are no such pages."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.authoring import scaffold, store
from quizserver.authoring.conflict_pages import add_conflict_routes
from quizserver.authoring.editor_pages import EditorPage, add_editor_routes, editor_url
from quizserver.authoring.files import ContentError, PageRef, is_safe_name, page_ref
from quizserver.authoring.forms import form_field
from quizserver.authoring.guards import restrict_to_authors
from quizserver.authoring.history_pages import add_history_routes
from quizserver.authoring.image_pages import add_image_routes
from quizserver.authoring.page_state import RefusedTextError
from quizserver.authoring.service import EditingService
from quizserver.authoring.topic_list import editable_topic_rows
from quizserver.authoring.verification import Verifications
from quizserver.authoring.verification_pages import add_verification_routes
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.folder import list_folder


def create_authoring_blueprint(
    *,
    database: Database,
    editing: EditingService,
    verifications: Verifications,
    current: CurrentUser,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``authoring``: the list of all pages, and every page about one of them."""
    blueprint = Blueprint("authoring", __name__, url_prefix="/write")
    editor = EditorPage(editing=editing, verifications=verifications, settings=settings)

    def current_author() -> Person:
        account = current.account()
        assert account is not None  # the guard lets nobody else in
        return account

    restrict_to_authors(blueprint, current=current, settings=settings)
    add_editor_routes(blueprint, editing=editing, editor=editor, current_author=current_author)
    add_conflict_routes(blueprint, editing=editing, current_author=current_author)
    add_image_routes(
        blueprint, editing=editing, editor=editor, settings=settings, current_author=current_author
    )
    add_history_routes(blueprint, database=database, editing=editing, current_author=current_author)
    add_verification_routes(
        blueprint,
        editing=editing,
        verifications=verifications,
        current=current,
        current_author=current_author,
    )

    @blueprint.get("")
    def index() -> str:
        return _render_index()

    @blueprint.post("/topics")
    def new_topic() -> AnyResponse:
        folder, title = form_field("folder").strip(), form_field("title").strip()
        error = _name_error(folder) or ("" if title else "Give the topic a title.")
        if not error and any(path.startswith(f"{folder}/") for path in _list_files()):
            error = f"There is a topic {folder} already."
        if error:
            return make_response(_render_index({"": error}), 422)
        return _begin_page(page_ref(folder, "lesson.md"), scaffold.blank_lesson(title), "")

    @blueprint.post("/<topic>/files")
    def new_file(topic: str) -> AnyResponse:
        name = form_field("name").strip().removesuffix(".md")
        name_error = _name_error(name)
        if name_error:
            return make_response(_render_index({topic: name_error}), 422)
        ref = page_ref(topic, f"{name}.md")
        try:
            text = editing.initial_text(ref, form_field("simulation"))
        except RefusedTextError as error:
            return make_response(_render_index({topic: str(error)}), 422)
        return _begin_page(ref, text, topic)

    def _begin_page(ref: PageRef, text: str, form_key: str) -> AnyResponse:
        if not editing.begin_draft(ref, current_author(), text):
            error = f"There is a page {ref.path} already, or a draft of it."
            return make_response(_render_index({form_key: error}), 422)
        return redirect(editor_url(ref), 303)

    def _list_files() -> list[str]:
        try:
            return list(list_folder(settings.content).files)
        except OSError as error:
            message = f"The content folder can't be read: {error.strerror or error}."
            raise ContentError(message) from error

    def _render_index(errors: Mapping[str, str] | None = None) -> str:
        """The list of pages. ``faults`` says by topic's folder ("": a new one) why none was begun;
        what was typed there stays."""
        with database.read() as session:
            drafts, deleted = store.list_drafts(session), store.list_deleted_paths(session)
        files = _list_files()
        topics = editable_topic_rows(
            editing.library.snapshot(), files, drafts, current_author().id, url_for
        )
        deleted_pages = [path for path in deleted if path not in files and path.count("/") == 1]
        return render_template(
            "authoring/index.html",
            topics=topics,
            deleted=[tuple(path.split("/")) for path in deleted_pages],
            errors=errors or {},
            typed={name: form_field(name) for name in ("name", "simulation", "title", "folder")},
        )

    return blueprint


def _name_error(name: str) -> str:
    if is_safe_name(name):
        return ""
    return "Name it with lower-case letters a-z, digits and single hyphens, such as second-run."
