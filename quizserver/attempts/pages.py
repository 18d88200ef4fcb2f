"""The page of a question, and taking an answer to it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts import store as accounts_store
from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.attempts import store, timing
from quizserver.attempts.grading import SubmissionError, grade_submission
from quizserver.attempts.model import Attempt, Submission
from quizserver.attempts.service import QuestionService
from quizserver.attempts.views import QuestionState, ordered_options
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import image_headers, image_in_topic
from quizserver.topics.model import Question

QUESTION_EDITED = (
    "The question has been edited since you opened it. Your choice is still marked where it can be:"
    " read it again, then submit."
)
SIGNED_IN_MEANWHILE = (
    "You signed in or up meanwhile, perhaps in another tab. Submit once more, and the answer goes"
    " to your account."
)
SESSION_CHANGED = (
    "You signed in or out meanwhile, perhaps in another tab, or this browser keeps no cookies."
    " Your choice is still marked: submit once more."
)
FORM_OUTDATED = "This form belongs to another visit. Your choice is still marked: submit once more."
HINTS_MAX = 100


def create_attempts_blueprint(
    *,
    database: Database,
    question_service: QuestionService,
    current: CurrentUser,
    limiter: Limiter,
    settings: Settings,
) -> Blueprint:
    """The blueprint of questions, answers and the images beside them."""
    blueprint = Blueprint("attempts", __name__)

    @blueprint.get("/questions/<question>", endpoint="question")
    def show_question(question: str) -> str:
        served_question = _question_or_404(question)
        state = QuestionState(
            visitor=current.visitor_token(),
            attempts=question_service.learner_attempts(question),
            again="again" in request.args,
            hints_requested=_parse_count(request.args.get("hints", "0"), HINTS_MAX),
            chosen=request.args.getlist("option"),
        )
        return _render_question(served_question, state)

    @blueprint.post("/questions/<question>/answer")
    @limiter.limit(settings.limit_answers_client, key_func=get_remote_address)
    def answer(question: str) -> AnyResponse:
        served_question = _question_or_404(question)
        chosen = tuple(dict.fromkeys(request.form.getlist("option")))
        number = _parse_count(request.form.get("number", ""), 10**6)
        hints_seen = _parse_count(request.form.get("hints_seen", "0"), HINTS_MAX)
        if number < 1:
            abort(400)
        visitor = current.visitor_token()
        attempts = question_service.learner_attempts(question)
        opened_token = request.form.get("shown", "")
        opened_at = question_service.read_opened_at(
            opened_token, served_question, visitor, len(attempts) + 1
        )
        if opened_at is None:
            opened_token = ""
        if "hint" in request.form:  # asked for without scripts: what is ticked stays ticked
            return make_response(
                _render_question(
                    served_question,
                    QuestionState(
                        visitor, attempts, True, hints_seen + 1, chosen, opened_token=opened_token
                    ),
                )
            )
        if number <= len(attempts):  # sent again: what was kept decides, whatever the text is now
            return _answer_repeated(served_question, attempts, number, chosen, visitor)
        try:
            if not question_service.is_version_code(
                request.form.get("version", ""), served_question, visitor
            ):
                raise SubmissionError(QUESTION_EDITED)
            result = grade_submission(
                served_question.right_ids, [o.id for o in served_question.options], chosen
            )
        except SubmissionError as error:
            state = QuestionState(
                visitor, attempts, True, hints_seen, chosen, str(error), opened_token
            )
            return make_response(_render_question(served_question, state), 422)
        submission = Submission(
            question=served_question.id,
            version=served_question.version,
            source=served_question.source,
            number=number,
            shown=tuple(option.id for option in ordered_options(served_question, visitor)),
            chosen=chosen,
            right=result.right,
            mark=result.mark,
            hints_seen=min(hints_seen, len(served_question.hints_html)),
            seconds=timing.elapsed_seconds(opened_at, time.time()),
        )
        account = current.account()
        try:
            with database.write() as session:
                person = account or accounts_store.ensure_guest(session, visitor)
                store.record_attempt(session, person.id, submission)
        except store.AttemptConflictError:
            return _answer_repeated(
                served_question,
                question_service.learner_attempts(question),
                number,
                chosen,
                visitor,
            )
        except accounts_store.NoGuestError:
            # Signed in or up in another tab while this was on its way: nothing is kept yet.
            state = QuestionState(
                visitor, attempts, True, hints_seen, chosen, SIGNED_IN_MEANWHILE, opened_token
            )
            return make_response(_render_question(served_question, state), 409)
        return redirect(_return_url(served_question), 303)

    def _answer_repeated(
        question: Question,
        attempts: Sequence[Attempt],
        number: int,
        chosen: Sequence[str],
        visitor: str,
    ) -> AnyResponse:
        """The answer to a submission whose number is taken, or leaves some out."""
        if number <= len(attempts) and set(attempts[number - 1].chosen) == set(chosen):
            return redirect(_return_url(question), 303)
        if number <= len(attempts):
            flash(
                "This attempt was answered already, with another choice, perhaps in another tab."
                " That answer stands; you can try again."
            )
            return make_response(_render_question(question, QuestionState(visitor, attempts)), 409)
        state = QuestionState(visitor, attempts, True, 0, chosen, FORM_OUTDATED, "")
        return make_response(_render_question(question, state), 409)

    @blueprint.errorhandler(CSRFError)
    def reopen_question_form(error: CSRFError) -> AnyResponse:
        """The form again, with the choice that was sent: nothing is kept of a forged one."""
        question = _question_or_404((request.view_args or {})["question"])
        state = QuestionState(
            visitor=current.visitor_token(),
            attempts=question_service.learner_attempts(question.id),
            again=True,
            hints_requested=_parse_count(request.form.get("hints_seen", "0"), HINTS_MAX),
            chosen=request.form.getlist("option"),
            error=SESSION_CHANGED,
        )
        return make_response(_render_question(question, state), 400)

    @blueprint.get("/topics/<topic>/files/<path:name>")
    def file(topic: str, name: str) -> Response:
        path = image_in_topic(question_service.library.snapshot(), topic, name)
        if path is None or not (
            question_service.may_see(topic, name) or _is_staff(current.account())
        ):
            abort(404)
        response = send_file(path, conditional=True, max_age=3600)
        response.headers.update(image_headers(path))
        response.cache_control.private = True
        return response

    def _question_or_404(name: str) -> Question:
        question = question_service.library.snapshot().questions.get(name)
        if question is None:
            abort(404)
        return question

    def _render_question(question: Question, state: QuestionState) -> str:
        view = question_service.question_view(question, state, url_for)
        problems = question_service.topic_problems(question.topic) if current.may_write() else ()
        return render_template("attempts/question.html", question=view, problems=problems)

    return blueprint


def _return_url(question: Question) -> str:
    """Where a submission came from: its own page, or the lesson that embeds the question."""
    if request.form.get("from") == "lesson":
        return url_for("progress.topic", topic=question.topic, _anchor=f"q-{question.id}-result")
    return url_for("attempts.question", question=question.id, _anchor="result")


def _is_staff(account: Person | None) -> bool:
    return account is not None and (account.may_write or account.may_teach)


def _parse_count(text: str, maximum: int) -> int:
    return min(int(text), maximum) if text.isdecimal() and len(text) < 10 else 0
