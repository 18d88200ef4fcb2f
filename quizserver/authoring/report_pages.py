"""What learners have reported about questions, as authors read it, and the forms that close it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring.files import NotEditableError, page_ref
from quizserver.authoring.guards import current_author
from quizserver.db.session import Database
from quizserver.reports import store
from quizserver.reports.model import STATUSES, QuestionReport, ReportFilter
from quizserver.topics.library import Library
from quizserver.topics.model import Snapshot
from quizserver.translation import N_, gettext
from quizserver.visible_text import limit_marks
from quizserver.web.numbers import parse_whole_number
from quizserver.web.paging import Paging

REPORTS_PER_PAGE = 50
STAGE_TEXTS = {
    "open": N_("before an answer"),
    "tried": N_("after a wrong answer, the key not shown"),
    "revealed": N_("with the key shown"),
}
STATUS_TEXTS = {"open": N_("open"), "closed": N_("closed"), "all": N_("open and closed")}
QUESTION_ID_MAX = 128


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report with what its question is by now: addresses are None where there is nothing."""

    report: QuestionReport
    text: str
    title: str
    stage_text: str
    version_note: str | None
    question_url: str | None
    editor_url: str | None


@dataclass(frozen=True, slots=True)
class QuestionReportsPages:
    """The views of all reports, for authors, who are not told whose they are."""

    database: Database
    library: Library
    current: CurrentUser

    def list_reports(self) -> str:
        wanted = _read_filter(request.args.get("question", ""), request.args.get("status", ""))
        with self.database.read() as session:
            total = store.count_reports(session, wanted)
            paging = Paging.from_query(request.args.get("page", ""), total, REPORTS_PER_PAGE)
            found = store.list_reports(session, wanted, offset=paging.offset, limit=paging.per_page)
            questions = store.reported_questions(session)
        snapshot = self.library.snapshot()
        return render_template(
            "authoring/reports.html",
            rows=[_report_row(report, snapshot) for report in found],
            paging=paging,
            wanted=wanted,
            question_choices=[(name, _title_of(name, snapshot)) for name in questions],
            status_choices=[(value, gettext(text)) for value, text in STATUS_TEXTS.items()],
            query={"question": wanted.question, "status": wanted.status},
        )

    def close_report(self, number: int) -> AnyResponse:
        author = current_author(self.current)
        try:
            with self.database.write() as session:
                is_changed = store.close_report(session, number, author.id, datetime.now(UTC))
        except LookupError:
            abort(404)
        if is_changed:
            flash(gettext("The report is closed."))
        else:
            flash(gettext("The report was closed already."))
        return _redirect_to_list()

    def reopen_report(self, number: int) -> AnyResponse:
        try:
            with self.database.write() as session:
                is_changed = store.reopen_report(session, number)
        except LookupError:
            abort(404)
        if is_changed:
            flash(gettext("The report is open again."))
        else:
            flash(gettext("The report was open already."))
        return _redirect_to_list()


def _redirect_to_list() -> AnyResponse:
    """The list with the filter and the page that the form was on."""
    wanted = _read_filter(request.form.get("question", ""), request.form.get("status", ""))
    return redirect(
        url_for(
            "authoring.reports",
            question=wanted.question,
            status=wanted.status,
            page=parse_whole_number(request.form.get("page", ""), default=1),
        ),
        303,
    )


def _read_filter(question: str, status: str) -> ReportFilter:
    """The filter that an address or a form asks for; a status that there is not counts as open."""
    return ReportFilter(
        question=question[:QUESTION_ID_MAX] or None,
        status=next((known for known in STATUSES if known == status), "open"),
    )


def _report_row(report: QuestionReport, snapshot: Snapshot) -> ReportRow:
    question = snapshot.questions.get(report.question)
    editor_url = question_url = version_note = None
    if question is not None:
        question_url = url_for("attempts.question", question=question.id)
        folder, name = question.path.split("/", 1)
        try:
            page_ref(folder, name)
            editor_url = url_for("authoring.editor", topic=folder, name=name)
        except NotEditableError:
            pass  # it is edited on the disk
        if report.version != question.version:
            version_note = gettext("the text has been edited since")
    return ReportRow(
        report=report,
        text=limit_marks(report.text),
        title=_title_of(report.question, snapshot),
        stage_text=gettext(STAGE_TEXTS[report.stage]),
        version_note=version_note,
        question_url=question_url,
        editor_url=editor_url,
    )


def _title_of(question_id: str, snapshot: Snapshot) -> str:
    question = snapshot.questions.get(question_id)
    if question is not None:
        return question.title
    return gettext("%(id)s (not served now)", id=question_id)
