"""The list of all pages that authors may edit, and the blueprint of every page about one of them.

For everyone but authors there are no such pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring import scaffold, store
from quizserver.authoring.conflict_pages import ConflictPages
from quizserver.authoring.editor_pages import EditorPages, EditorRenderer, editor_url
from quizserver.authoring.files import (
    ContentError,
    PageRef,
    RefusedTextError,
    is_safe_name,
    page_ref,
)
from quizserver.authoring.forms import form_field
from quizserver.authoring.guards import current_author, restrict_to_authors
from quizserver.authoring.history_pages import HistoryPages
from quizserver.authoring.image_pages import ImagePages
from quizserver.authoring.report_pages import QuestionReportsPages
from quizserver.authoring.service import EditingService
from quizserver.authoring.topic_list import editable_topic_rows
from quizserver.authoring.verification import Verifications
from quizserver.authoring.verification_pages import VerificationPages
from quizserver.db.session import Database
from quizserver.reports.store import count_open_reports
from quizserver.settings import Settings
from quizserver.topics.folder import list_folder
from quizserver.visible_text import line_fault, normalise_line

_PAGE = "/<topic>/<name>"
_VERSION = f"{_PAGE}/history/<int:number>"
_VERIFICATION = "/verifications/<string(length=24):run_id>"


def create_authoring_blueprint(
    *,
    database: Database,
    editing: EditingService,
    verifications: Verifications,
    current: CurrentUser,
    settings: Settings,
) -> Blueprint:
    """The blueprint ``authoring``: the addresses of all authors' pages."""
    editor = EditorRenderer(editing, verifications, settings)
    index = IndexPages(database, editing, current, settings)
    editor_pages = EditorPages(editing, editor, current)
    conflict = ConflictPages(editing, current)
    images = ImagePages(editing, editor, settings, current)
    history = HistoryPages(database, editing, current)
    verification = VerificationPages(editing, verifications, current)
    reports = QuestionReportsPages(database, editing.library, current)

    blueprint = Blueprint("authoring", __name__, url_prefix="/write")
    restrict_to_authors(blueprint, current=current, settings=settings)

    def get(rule: str, endpoint: str, view: Callable[..., ResponseReturnValue]) -> None:
        blueprint.add_url_rule(rule, endpoint, view)

    def post(rule: str, endpoint: str, view: Callable[..., ResponseReturnValue]) -> None:
        blueprint.add_url_rule(rule, endpoint, view, methods=["POST"])

    get("", "index", index.list_pages)
    post("/topics", "new_topic", index.create_topic)
    post("/<topic>/files", "new_file", index.create_page)
    get("/reports", "reports", reports.list_reports)
    post("/reports/<int:number>/close", "close_report", reports.close_report)
    post("/reports/<int:number>/reopen", "reopen_report", reports.reopen_report)
    get(_PAGE, "editor", editor_pages.show_editor)
    post(_PAGE, "save", editor_pages.save_page)
    post(f"{_PAGE}/check", "check", editor_pages.check_page_live)
    get(f"{_PAGE}/discard", "discard", editor_pages.confirm_discard)
    post(f"{_PAGE}/discard", "do_discard", editor_pages.discard_draft)
    get(f"{_PAGE}/conflict", "conflict", conflict.show_conflict)
    post(f"{_PAGE}/conflict", "settle", conflict.resolve_conflict)
    get(f"{_PAGE}/history", "history", history.show_history)
    get(_VERSION, "version", history.show_version)
    post(_VERSION, "restore", history.restore_version)
    get(f"{_PAGE}/delete", "delete", history.confirm_delete)
    post(f"{_PAGE}/delete", "do_delete", history.delete_page)
    post("/<topic>/images", "image", images.upload_image)
    get("/<topic>/images/<path:name>", "image_file", images.serve_image)
    post(f"{_PAGE}/verify", "verify", verification.start_verification)
    get(_VERIFICATION, "verification", verification.show_verification)
    get(f"{_VERIFICATION}/events", "verification_events", verification.stream_verification)
    post(f"{_VERIFICATION}/stop", "verification_stop", verification.stop_verification)
    return blueprint


@dataclass(frozen=True, slots=True)
class IndexPages:
    """The views that list all pages and begin a new topic or page."""

    database: Database
    editing: EditingService
    current: CurrentUser
    settings: Settings

    def list_pages(self) -> str:
        return self._render_index()

    def create_topic(self) -> AnyResponse:
        """Begins the lesson of a new topic as a draft; publishing it makes the topic's folder."""
        folder, title = form_field("folder").strip(), normalise_line(form_field("title"))
        title_error = line_fault(title) if title else "Give the topic a title."
        error = _name_error(folder) or title_error
        if not error and any(path.startswith(f"{folder}/") for path in self._list_files()):
            error = f"There is a topic {folder} already."
        if error:
            return make_response(self._render_index({"": error}), 422)
        return self._begin_page(page_ref(folder, "lesson.md"), scaffold.blank_lesson(title), "")

    def create_page(self, topic: str) -> AnyResponse:
        """Begins a page of the topic as a draft."""
        name = form_field("name").strip().removesuffix(".md")
        name_error = _name_error(name)
        if name_error:
            return make_response(self._render_index({topic: name_error}), 422)
        ref = page_ref(topic, f"{name}.md")
        try:
            text = self.editing.initial_text(ref, form_field("simulation"))
        except RefusedTextError as error:
            return make_response(self._render_index({topic: str(error)}), 422)
        return self._begin_page(ref, text, topic)

    def _begin_page(self, ref: PageRef, text: str, form_key: str) -> AnyResponse:
        if not self.editing.begin_draft(ref, current_author(self.current), text):
            error = f"There is a page {ref.path} already, or a draft of it."
            return make_response(self._render_index({form_key: error}), 422)
        return redirect(editor_url(ref), 303)

    def _list_files(self) -> list[str]:
        try:
            return list(list_folder(self.settings.content).files)
        except OSError as error:
            message = f"The content folder can't be read: {error.strerror or error}."
            raise ContentError(message) from error

    def _render_index(self, errors: Mapping[str, str] | None = None) -> str:
        """The list of pages.

        ``errors`` are those of the forms by topic folder ("": the form of a new topic); what was
        typed into the form stays there.
        """
        with self.database.read() as session:
            drafts, deleted = store.list_drafts(session), store.list_deleted_paths(session)
            open_reports = count_open_reports(session)
        files = self._list_files()
        topics = editable_topic_rows(
            self.editing.library.snapshot(),
            files,
            drafts,
            current_author(self.current).id,
            url_for,
            open_reports=open_reports,
        )
        deleted_pages = [path for path in deleted if path not in files and path.count("/") == 1]
        return render_template(
            "authoring/index.html",
            topics=topics,
            open_report_count=sum(open_reports.values()),
            deleted_files=[tuple(path.split("/")) for path in deleted_pages],
            form_errors=errors or {},
            form_values={
                name: form_field(name) for name in ("name", "simulation", "title", "folder")
            },
        )


def _name_error(name: str) -> str:
    if is_safe_name(name):
        return ""
    return "Name it with lower-case letters a-z, digits and single hyphens, such as second-run."
