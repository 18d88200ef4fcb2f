"""The form in which learners say that something is wrong with a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import (
    Blueprint,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.sessions_store import SessionEndedError
from quizserver.accounts.store import NoGuestError
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.service import QuestionService
from quizserver.db.session import Database
from quizserver.locale_formats import spell_number
from quizserver.reports import store
from quizserver.reports.model import (
    REPORTS_MAX,
    TEXT_MAX,
    NewReport,
    OwnReport,
    normalise_report,
    report_fault,
)
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from quizserver.translation import N_, gettext, ngettext

SESSION_ENDED = N_(
    "Nothing is kept yet: the session in which you opened the question has ended. Somebody signed"
    " in, up or out, or changed the password, perhaps in another tab or browser. What you wrote is"
    " still here: send it once more."
)
SESSION_CHANGED = N_(
    "You signed in or out meanwhile, perhaps in another tab, or this browser keeps no cookies. What"
    " you wrote is still here: send it once more."
)


@dataclass(frozen=True, slots=True)
class ReportPages:
    """The views of a learner's own reports about a question."""

    database: Database
    library: Library
    question_service: QuestionService
    tokens: FormTokens
    current: CurrentUser

    def show_form(self, question: str) -> str:
        served_question = self._question_or_404(question)
        visitor = self.current.visitor_token()
        return _render_form(
            served_question, version_code=self.tokens.version_code(served_question, visitor)
        )

    def send_report(self, question: str) -> AnyResponse:
        served_question = self._question_or_404(question)
        text = normalise_report(request.form.get("report", ""))
        state = self.question_service.learner_state(served_question, self.current.visitor_token())
        if self.current.has_ended():
            return _refused_form(served_question, gettext(SESSION_ENDED), 409)
        fault = report_fault(text)
        if fault is not None:
            return _refused_form(served_question, fault, 422)
        is_current = self.tokens.is_version_code(_sent_version(), served_question, state.visitor)
        version = served_question.version if is_current else None
        report = NewReport(served_question.id, version, state.stage, text)
        try:
            with self.database.write() as session:
                person = self.current.ensure_person(session)
                is_new = store.record_report(session, person.id, report, datetime.now(UTC))
        except store.TooManyReportsError as error:
            response = _refused_form(served_question, _too_many_text(error.seconds), 429)
            response.headers["Retry-After"] = str(error.seconds)
            return response
        except (SessionEndedError, NoGuestError):  # while this was on its way
            self.current.renew_visitor()
            return _refused_form(served_question, gettext(SESSION_ENDED), 409)
        if is_new:
            flash(gettext("Thank you. It is kept, and the authors of the question read it."))
        else:
            flash(gettext("You have reported that already, in these words. It is kept."))
        return redirect(_reports_url(served_question), 303)

    def reopen_form(self, error: CSRFError) -> AnyResponse:
        """The form again, with what was sent: a forged report is not kept."""
        question = self._question_or_404((request.view_args or {})["question"])
        return _refused_form(question, gettext(SESSION_CHANGED), 400)

    def own_reports(self, question: str) -> Sequence[OwnReport]:
        """The learner's own reports about a question, oldest first."""
        person_id = self.current.learner_id()
        if person_id is None:
            return ()
        with self.database.read() as session:
            return store.own_reports(session, person_id, question)

    def _question_or_404(self, question_id: str) -> Question:
        question = self.library.snapshot().questions.get(question_id)
        if question is None:
            abort(404)
        return question


def create_reports_blueprint(
    pages: ReportPages, *, limiter: Limiter, settings: Settings
) -> Blueprint:
    """The blueprint ``reports``: a learner's report about a question."""
    blueprint = Blueprint("reports", __name__)
    limit_reports = limiter.limit(settings.limit_reports_client, key_func=pages.current.limit_key)
    rule = "/questions/<question>/report"
    blueprint.add_url_rule(rule, "form", pages.show_form)
    blueprint.add_url_rule(rule, "send", limit_reports(pages.send_report), methods=["POST"])
    blueprint.register_error_handler(CSRFError, pages.reopen_form)
    blueprint.add_app_template_global(lambda: TEXT_MAX, "report_text_max")
    return blueprint


def _reports_url(question: Question) -> str:
    return url_for("attempts.question", question=question.id, _anchor="reports")


def _sent_version() -> str:
    return request.form.get("version", "")


def _render_form(
    question: Question, *, version_code: str, text: str = "", error: str | None = None
) -> str:
    return render_template(
        "reports/form.html",
        question=question,
        version_code=version_code,
        text=text,
        error=error,
    )


def _refused_form(question: Question, error: str, status: int) -> AnyResponse:
    """The form with what was sent, word for word, and why it was refused."""
    page = _render_form(
        question,
        version_code=_sent_version(),
        text=request.form.get("report", ""),
        error=error,
    )
    return make_response(page, status)


def _too_many_text(seconds: int) -> str:
    kept = ngettext(
        "You have reported %(count)s thing about this question within a day, which is kept. What"
        " you wrote now is not: it is still here.",
        "You have reported %(count)s things about this question within a day, which are kept."
        " What you wrote now is not: it is still here.",
        REPORTS_MAX,
        count=spell_number(REPORTS_MAX),
    )
    hours = -(-seconds // 3600)
    wait = ngettext("Send it in an hour.", "Send it in %(num)s hours.", hours)
    return f"{kept} {wait}"
