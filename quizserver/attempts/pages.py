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

from quizserver.accounts import store as people
from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.attempts import clock, store
from quizserver.attempts.desk import Desk
from quizserver.attempts.grading import SubmissionError, grade
from quizserver.attempts.model import Attempt, Submission
from quizserver.attempts.views import Situation, order
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import asset, asset_headers
from quizserver.topics.model import Question

EDITED = (
    "The question has been edited since you opened it. Your choice is still marked where it can be:"
    " read it again, then submit."
)
MEANWHILE = (
    "You signed in or up meanwhile, perhaps in another tab. Submit once more, and the answer goes"
    " to your account."
)
ANOTHER_SESSION = (
    "You signed in or out meanwhile, perhaps in another tab, or this browser keeps no cookies."
    " Your choice is still marked: submit once more."
)
OUTDATED = "This form belongs to another visit. Your choice is still marked: submit once more."
HINTS_MAX = 100


def pages(
    *, database: Database, desk: Desk, current: Current, limiter: Limiter, settings: Settings
) -> Blueprint:
    """The blueprint of questions, answers and the images beside them."""
    blueprint = Blueprint("attempts", __name__)

    @blueprint.get("/questions/<question>", endpoint="question")
    def show(question: str) -> str:
        found = _question(question)
        situation = Situation(
            visitor=current.visitor(),
            attempts=desk.attempts(question),
            again="again" in request.args,
            hints_asked=_count(request.args.get("hints", "0"), HINTS_MAX),
            chosen=request.args.getlist("option"),
        )
        return _page(found, situation)

    @blueprint.post("/questions/<question>/answer")
    @limiter.limit(settings.limit_answers_client, key_func=get_remote_address)
    def answer(question: str) -> AnyResponse:
        found = _question(question)
        chosen = tuple(dict.fromkeys(request.form.getlist("option")))
        number = _count(request.form.get("number", ""), 10**6)
        hints_seen = _count(request.form.get("hints_seen", "0"), HINTS_MAX)
        if number < 1:
            abort(400)
        visitor = current.visitor()
        before = desk.attempts(question)
        shown = request.form.get("shown", "")
        shown_at = desk.shown_at(shown, found, visitor, len(before) + 1)
        if shown_at is None:
            shown = ""
        if "hint" in request.form:  # asked for without scripts: what is ticked stays ticked
            return make_response(
                _page(found, Situation(visitor, before, True, hints_seen + 1, chosen, shown=shown))
            )
        if number <= len(before):  # sent again: what was kept decides, whatever the text is now
            return _kept(found, before, number, chosen, visitor)
        try:
            if not desk.is_seal(request.form.get("version", ""), found, visitor):
                raise SubmissionError(EDITED)
            graded = grade(found.right_ids, [o.id for o in found.options], chosen)
        except SubmissionError as error:
            situation = Situation(visitor, before, True, hints_seen, chosen, str(error), shown)
            return make_response(_page(found, situation), 422)
        submission = Submission(
            question=found.id,
            version=found.version,
            source=found.source,
            number=number,
            shown=tuple(option.id for option in order(found, visitor)),
            chosen=chosen,
            right=graded.right,
            mark=graded.mark,
            hints_seen=min(hints_seen, len(found.hints_html)),
            seconds=clock.seconds_since(shown_at, time.time()),
        )
        account = current.account()
        try:
            with database.write() as session:
                person = account or people.ensure_guest(session, visitor)
                store.record(session, person.id, submission)
        except store.ConflictError:
            return _kept(found, desk.attempts(question), number, chosen, visitor)
        except people.NoGuestError:
            # Signed in or up in another tab while this was on its way: nothing is kept yet.
            situation = Situation(visitor, before, True, hints_seen, chosen, MEANWHILE, shown)
            return make_response(_page(found, situation), 409)
        return redirect(_back(found), 303)

    def _kept(
        found: Question,
        attempts: Sequence[Attempt],
        number: int,
        chosen: Sequence[str],
        visitor: str,
    ) -> AnyResponse:
        """The answer to a submission whose number is taken, or leaves some out."""
        if number <= len(attempts) and set(attempts[number - 1].chosen) == set(chosen):
            return redirect(_back(found), 303)
        if number <= len(attempts):
            flash(
                "This attempt was answered already, with another choice, perhaps in another tab."
                " That answer stands; you can try again."
            )
            return make_response(_page(found, Situation(visitor, attempts)), 409)
        situation = Situation(visitor, attempts, True, 0, chosen, OUTDATED, "")
        return make_response(_page(found, situation), 409)

    @blueprint.errorhandler(CSRFError)
    def another_session(error: CSRFError) -> AnyResponse:
        """The form again, with the choice that was sent: nothing is kept of a forged one."""
        found = _question((request.view_args or {})["question"])
        situation = Situation(
            visitor=current.visitor(),
            attempts=desk.attempts(found.id),
            again=True,
            hints_asked=_count(request.form.get("hints_seen", "0"), HINTS_MAX),
            chosen=request.form.getlist("option"),
            error=ANOTHER_SESSION,
        )
        return make_response(_page(found, situation), 400)

    @blueprint.get("/topics/<topic>/files/<path:name>")
    def file(topic: str, name: str) -> Response:
        path = asset(desk.library.snapshot(), topic, name)
        if path is None or not (desk.may_see(topic, name) or _is_staff(current.account())):
            abort(404)
        response = send_file(path, conditional=True, max_age=3600)
        response.headers.update(asset_headers(path))
        response.cache_control.private = True
        return response

    def _question(name: str) -> Question:
        found = desk.library.snapshot().questions.get(name)
        if found is None:
            abort(404)
        return found

    def _page(question: Question, situation: Situation) -> str:
        view = desk.question_view(question, situation, url_for)
        problems = desk.problems(question.topic) if current.writes() else ()
        return render_template("attempts/question.html", q=view, problems=problems)

    return blueprint


def _back(question: Question) -> str:
    """Where a submission came from: its own page, or the lesson that embeds the question."""
    if request.form.get("from") == "lesson":
        return url_for("progress.topic", topic=question.topic, _anchor=f"q-{question.id}-result")
    return url_for("attempts.question", question=question.id, _anchor="result")


def _is_staff(account: Person | None) -> bool:
    return account is not None and (account.writes or account.teaches)


def _count(text: str, most: int) -> int:
    return min(int(text), most) if text.isdecimal() and len(text) < 10 else 0
