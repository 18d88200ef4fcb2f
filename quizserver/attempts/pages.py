"""The page of a question, the route that takes an answer to it, and the images beside questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

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
from flask_wtf.csrf import CSRFError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.accounts.sessions_store import SessionEndedError
from quizserver.accounts.store import NoGuestError
from quizserver.attempts import reveals_store, store
from quizserver.attempts.access import AccessPolicy
from quizserver.attempts.form_tokens import FormTokens, elapsed_seconds
from quizserver.attempts.grading import SubmissionError, grade_submission
from quizserver.attempts.model import Submission
from quizserver.attempts.reveals import resolve_rule
from quizserver.attempts.service import QuestionService
from quizserver.attempts.views import QuestionState, ordered_option_ids
from quizserver.db.session import Database
from quizserver.hosts.host import OutdatedContentError
from quizserver.settings import Settings
from quizserver.topics.assets import image_headers, image_in_topic
from quizserver.topics.library import Library
from quizserver.topics.model import Question, Topic
from quizserver.translation import N_, gettext
from quizserver.web.numbers import parse_whole_number
from quizserver.web.security_log import refuse_as_missing

QUESTION_EDITED = N_(
    "The question has been edited since you opened it. Your choice is still marked where it can be:"
    " read it again, then submit."
)
SESSION_ENDED = N_(
    "Nothing is recorded yet: the session in which you opened this question has ended. Somebody"
    " signed in, up or out, or changed the password, perhaps in another tab or browser. If you have"
    " an account, sign in in another tab. Your choice is still marked: submit once more."
)
SESSION_CHANGED = N_(
    "You signed in or out meanwhile, perhaps in another tab, or this browser keeps no cookies."
    " Your choice is still marked: submit once more."
)
FORM_OUTDATED = N_(
    "This form belongs to another visit. Your choice is still marked: submit once more."
)
ANSWERED_OTHERWISE = N_(
    "This attempt was answered already, with another choice, perhaps in another tab."
    " That answer stands; you can try again."
)
OTHER_TEXT = N_(
    "This is not the current text of this question, which another machine of this site has. You can"
    " answer once it has arrived here, in a moment perhaps."
)
MACHINE_BEHIND = N_(
    "This is not the current text of this question, which another machine of this site has, so your"
    " answer can't be graded here. Your choice is still marked: submit it again in a moment."
)
NOT_SHOWN = N_(
    "The answer is not shown yet: you signed in or out meanwhile, perhaps in another tab, or this"
    " browser keeps no cookies. Ask for it once more."
)
TRY_FIRST = N_("The answer is shown after a try. Choose an answer first, then submit it.")
HINTS_MAX = 100
ATTEMPT_NUMBER_MAX = 10**6


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The fields of a question's form as they were sent; ``number`` is 0 when it is no number."""

    number: int
    chosen: tuple[str, ...]
    hints_seen: int
    opened_token: str
    version_code: str
    wants_hint: bool


@dataclass(frozen=True, slots=True)
class QuestionPages:
    """The views of questions, answers and images.

    ``require_current(session, question)`` raises OutdatedContentError when another text of the
    question is current by now; ``behind_paths()`` are the files of which this machine knows that
    it has another text than the current one; ``own_reports(question)`` are what the learner has
    reported about it, as its template shows them.
    """

    database: Database
    library: Library
    question_service: QuestionService
    access: AccessPolicy
    tokens: FormTokens
    current: CurrentUser
    require_current: Callable[[Session, Question], None]
    behind_paths: Callable[[], Collection[str]]
    own_reports: Callable[[str], Sequence[object]]

    def show_question(self, question: str) -> str:
        topic, served_question = self._question_or_404(question)
        state = replace(
            self._learner_state(served_question),
            again="again" in request.args,
            hints_requested=parse_whole_number(request.args.get("hints", ""), maximum=HINTS_MAX),
            chosen=request.args.getlist("option"),
            error=gettext(OTHER_TEXT) if served_question.path in self.behind_paths() else None,
        )
        return self._render_question(topic, served_question, state)

    def show_evidence(self, question: str, number: int) -> str:
        """The page of one setting that was trained for the question: all its curves and counts."""
        topic, served_question = self._question_or_404(question)
        state = self._learner_state(served_question)
        setting = self.question_service.shown_setting(topic, served_question, state, number)
        if setting is None:
            refuse_as_missing()
        return render_template(
            "attempts/evidence.html", question=served_question, topic=topic, evidence=setting
        )

    def submit_answer(self, question: str) -> AnyResponse:
        topic, served_question = self._question_or_404(question)
        form = parse_answer_form(request.form)
        if form.number < 1:
            abort(400)
        visitor = self.current.claimed_visitor()
        # Most answers are recorded, which says by itself whether the session has ended and whether
        # this is the next attempt: only for the others that is read beforehand.
        if form.wants_hint or self.current.has_ended():
            return self._answer_refused(topic, served_question, form)
        try:
            submission = self._grade(served_question, form, visitor)
            self._record_by_current_text(served_question, submission)
        except (SubmissionError, OutdatedContentError, store.AttemptConflictError) as error:
            return self._answer_refused(topic, served_question, form, error)
        except (SessionEndedError, NoGuestError):  # perhaps while this was on its way
            self.current.renew_visitor()
            return self._session_ended_page(topic, served_question, form)
        return redirect(result_url(served_question), 303)

    def _answer_refused(
        self,
        topic: Topic,
        question: Question,
        form: AnswerForm,
        error: SubmissionError | OutdatedContentError | store.AttemptConflictError | None = None,
    ) -> AnyResponse:
        """The form again, or the attempt that is recorded, for a submission that is not recorded.

        ``error`` says why; None where a hint was asked for, or the session has ended.
        """
        state = self._learner_state(question)
        if self.current.has_ended():
            return self._session_ended_page(topic, question, form)
        opened_at = self.tokens.read_opened_at(
            state.visitor, question.id, len(state.attempts) + 1, form.opened_token
        )
        retry_state = replace(
            state,
            again=True,
            hints_requested=form.hints_seen,
            chosen=form.chosen,
            opened_token=form.opened_token if opened_at is not None else "",
        )
        if form.wants_hint:  # asked for without scripts: what is ticked stays ticked
            hint_state = replace(retry_state, hints_requested=form.hints_seen + 1)
            return make_response(self._render_question(topic, question, hint_state))
        # The recorded answer decides, whatever the text is.
        if form.number <= len(state.attempts) or isinstance(error, store.AttemptConflictError):
            return self._answer_repeated(topic, question, state, form)
        if isinstance(error, OutdatedContentError):
            return self._answer_outdated(question, retry_state)
        error_state = replace(retry_state, error=str(error))
        return make_response(self._render_question(topic, question, error_state), 422)

    def reveal_answer(self, question: str) -> AnyResponse:
        """Shows a learner who has tried the answer, as they asked for it."""
        _topic, served_question = self._question_or_404(question)
        self.current.claimed_visitor()
        if self.current.has_ended():
            flash(gettext(NOT_SHOWN))
            return redirect(result_url(served_question), 303)
        try:
            with self.database.write() as session:
                person = self.current.ensure_person(session)
                reveals_store.reveal_answer(session, person.id, question)
        except LookupError:
            flash(gettext(TRY_FIRST))
        except (SessionEndedError, NoGuestError):
            self.current.renew_visitor()
            flash(gettext(NOT_SHOWN))
        return redirect(result_url(served_question), 303)

    def reopen_question_form(self, error: CSRFError) -> AnyResponse:
        """The form again, with the choice that was sent: a forged submission is not recorded.

        Nor is a forged wish to see the answer: the page as it stands.
        """
        topic, question = self._question_or_404((request.view_args or {})["question"])
        if request.endpoint == "attempts.reveal":
            flash(gettext(NOT_SHOWN))
            page = self._render_question(topic, question, self._learner_state(question))
            return make_response(page, 400)
        form = parse_answer_form(request.form)
        state = replace(
            self._learner_state(question),
            again=True,
            hints_requested=form.hints_seen,
            chosen=form.chosen,
            error=gettext(SESSION_CHANGED),
        )
        return make_response(self._render_question(topic, question, state), 400)

    def send_topic_file(self, topic: str, name: str) -> Response:
        path = image_in_topic(self.library.snapshot(), topic, name)
        if path is None:
            abort(404)
        if not (self.access.may_see(topic, name) or _is_staff(self.current.account())):
            refuse_as_missing()
        response = send_file(path, conditional=True, max_age=3600)
        response.headers.update(image_headers(path))
        response.cache_control.private = True
        return response

    def _question_or_404(self, question_id: str) -> tuple[Topic, Question]:
        snapshot = self.library.snapshot()
        question = snapshot.questions.get(question_id)
        if question is None:
            abort(404)
        return snapshot.topics[question.topic], question

    def _learner_state(self, question: Question) -> QuestionState:
        """The state of a form that nothing was entered into."""
        return self.question_service.learner_state(question, self.current.visitor_token())

    def _grade(self, question: Question, form: AnswerForm, visitor: str) -> Submission:
        """The submission to be recorded. Raises SubmissionError when it can't be graded."""
        if not self.tokens.is_version_code(form.version_code, question, visitor):
            raise SubmissionError(gettext(QUESTION_EDITED))
        grade = grade_submission(question.right_ids, question.option_ids, form.chosen)
        opened_at = self.tokens.read_opened_at(visitor, question.id, form.number, form.opened_token)
        return Submission(
            question=question.id,
            version=question.version,
            source=question.source,
            number=form.number,
            shown=tuple(ordered_option_ids(question, visitor)),
            chosen=form.chosen,
            right=grade.right,
            mark=grade.mark,
            hints_seen=min(form.hints_seen, question.hint_count),
            seconds=elapsed_seconds(opened_at, time.time()),
        )

    def _record_by_current_text(self, question: Question, submission: Submission) -> None:
        """Records a submission; where this process has an older text of the question, under the
        text on the disk, if that asks and grades the same. Raises what ``_record`` does."""
        try:
            self._record(question, submission)
        except OutdatedContentError:
            self.library.refresh()
            newer = self.library.snapshot().questions.get(question.id)
            if newer is None or newer.graded_version != question.graded_version:
                raise
            self._record(newer, replace(submission, version=newer.version, source=newer.source))

    def _record(self, question: Question, submission: Submission) -> None:
        """Records a submission for the account, or for the guest whom the visitor then becomes.

        Raises AttemptConflictError, OutdatedContentError, and SessionEndedError or NoGuestError
        when the guest's session has ended.
        """
        with self.database.write() as session:
            self.require_current(session, question)
            person = self.current.ensure_person(session)
            reveals_wrong_answers = False
            if not submission.right:
                class_rules = reveals_store.class_rules(session, person.id, question.topic)
                rule = resolve_rule(question.reveal, class_rules)
                reveals_wrong_answers = rule.reveals_wrong_answers
            store.record_attempt(
                session, person.id, submission, reveals_wrong_answers=reveals_wrong_answers
            )

    def _answer_outdated(self, graded: Question, retry_state: QuestionState) -> AnyResponse:
        """The form again: the text that ``graded`` the answer is no longer the current one.

        The text on this machine's disk, which was read meanwhile, may be newer.
        """
        topic, question = self._question_or_404(graded.id)
        is_newer = question.graded_version != graded.graded_version
        message = gettext(QUESTION_EDITED if is_newer else MACHINE_BEHIND)
        error_state = replace(retry_state, error=message)
        return make_response(self._render_question(topic, question, error_state), 409)

    def _session_ended_page(
        self, topic: Topic, question: Question, form: AnswerForm
    ) -> AnyResponse:
        """The form again, with the choice that was sent, for the visitor who the browser is now."""
        state = replace(
            self._learner_state(question),
            again=True,
            hints_requested=form.hints_seen,
            chosen=form.chosen,
            opened_token="",  # how long the answer took is not known of another visitor
            error=gettext(SESSION_ENDED),
        )
        return make_response(self._render_question(topic, question, state), 409)

    def _answer_repeated(
        self, topic: Topic, question: Question, state: QuestionState, form: AnswerForm
    ) -> AnyResponse:
        """The answer to a submission whose number is taken, or leaves some out."""
        if form.number > len(state.attempts):
            error_state = replace(
                state, again=True, chosen=form.chosen, error=gettext(FORM_OUTDATED), opened_token=""
            )
            return make_response(self._render_question(topic, question, error_state), 409)
        if set(state.attempts[form.number - 1].chosen) == set(form.chosen):
            return redirect(result_url(question), 303)
        flash(gettext(ANSWERED_OTHERWISE))
        return make_response(self._render_question(topic, question, state), 409)

    def _render_question(self, topic: Topic, question: Question, state: QuestionState) -> str:
        may_write = self.current.may_write()
        return render_template(
            "attempts/question.html",
            question=self.question_service.question_view(topic, question, state, url_for),
            reports=self.own_reports(question.id) if state.has_reported else (),
            problems=self.library.snapshot().diagnostics_in_folder(topic.id) if may_write else (),
        )


def create_attempts_blueprint(
    pages: QuestionPages, *, limiter: Limiter, settings: Settings
) -> Blueprint:
    """The blueprint ``attempts``: questions, answers and the images beside them."""
    blueprint = Blueprint("attempts", __name__)
    limit_answers = limiter.limit(settings.limit_answers_client, key_func=pages.current.limit_key)
    blueprint.add_url_rule("/questions/<question>", "question", pages.show_question)
    blueprint.add_url_rule(
        "/questions/<question>/answer",
        "answer",
        limit_answers(pages.submit_answer),
        methods=["POST"],
    )
    blueprint.add_url_rule(
        "/questions/<question>/reveal",
        "reveal",
        limit_answers(pages.reveal_answer),
        methods=["POST"],
    )
    blueprint.add_url_rule(
        "/questions/<question>/evidence/<int:number>", "evidence", pages.show_evidence
    )
    blueprint.add_url_rule("/topics/<topic>/files/<path:name>", "file", pages.send_topic_file)
    blueprint.register_error_handler(CSRFError, pages.reopen_question_form)
    return blueprint


def parse_answer_form(fields: MultiDict[str, str]) -> AnswerForm:
    return AnswerForm(
        number=parse_whole_number(fields.get("number", ""), maximum=ATTEMPT_NUMBER_MAX),
        chosen=tuple(dict.fromkeys(fields.getlist("option"))),
        hints_seen=parse_whole_number(fields.get("hints_seen", ""), maximum=HINTS_MAX),
        opened_token=fields.get("shown", ""),
        version_code=fields.get("version", ""),
        wants_hint="hint" in fields,
    )


def question_address_of_request() -> str | None:
    """The question whose form the request sent, with the choice in the address; else None.

    A first answer that was recorded after all shows there instead of the form.
    """
    if request.endpoint != "attempts.answer":
        return None
    form = parse_answer_form(request.form)
    return url_for(
        "attempts.question",
        question=(request.view_args or {})["question"],
        again=1 if form.number > 1 else None,
        hints=form.hints_seen or None,
        option=form.chosen,
    )


def result_url(question: Question) -> str:
    """The result on the page that the form was on: the question's, or the lesson's."""
    if request.form.get("from") == "lesson":
        return url_for("progress.topic", topic=question.topic, _anchor=f"q-{question.id}-result")
    return url_for("attempts.question", question=question.id, _anchor="result")


def _is_staff(account: Person | None) -> bool:
    return account is not None and (account.may_write or account.may_teach)
