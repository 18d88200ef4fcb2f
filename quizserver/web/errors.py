"""Error pages that say what happened and what to do. Clients that ask for JSON get JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from quizserver.translation import N_, gettext
from quizserver.web.sent_forms import SentForm, sent_form

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The sentences of an error page."""

    title: str
    message: str
    what_to_do: str


ERROR_TEXTS = {
    400: ErrorText(
        N_("That request made no sense here"),
        N_("Something in it was missing or malformed."),
        N_("Go back, reload the page and try again."),
    ),
    403: ErrorText(
        N_("This is not open to you"),
        N_("The page exists, but not for you, or not yet."),
        N_("If it belongs to a question, answer the question first."),
    ),
    404: ErrorText(
        N_("There is no such page"),
        N_("The address may have a typing error, or the page was taken away."),
        N_("The list of topics is a good place to start again."),
    ),
    405: ErrorText(
        N_("That can't be done at this address"),
        N_("The address is right, but it takes another kind of request."),
        N_("Go back and use the page's own buttons."),
    ),
    413: ErrorText(
        N_("That was too much at once"),
        N_("The request is larger than this server takes."),
        N_("Send less, then try again."),
    ),
    429: ErrorText(
        N_("That was a little fast"),
        N_("Too many requests of this kind came from here within a short time."),
        N_("Wait a minute, then try again. Nothing was lost."),
    ),
    500: ErrorText(
        N_("Something broke on our side"),
        N_("The error has been written to the server's log."),
        N_("Try again in a moment. Answers that were acknowledged are safe."),
    ),
    503: ErrorText(
        N_("The server is busy"),
        N_("It has more to do at this moment than it can take on."),
        N_("Try again in a few seconds."),
    ),
}

CSRF_ERROR_TEXT = ErrorText(
    N_("This page is too old to be sent"),
    N_("Its safety token does not belong to your session any more, or cookies are blocked."),
    N_(
        "Go back and send it again: what you wrote is still there. If that does not help,"
        " keep a copy of it and reload the page; cookies must be allowed for this site."
    ),
)


DATABASE_ERROR_TEXT = ErrorText(
    N_("The server can't reach its database"),
    N_(
        "What you sent just now was perhaps not kept. Everything that was acknowledged before is"
        " safe."
    ),
    N_("Wait a moment, then go back and try again. Sending an answer twice counts it once."),
)
UNRECORDED_ANSWER_TEXT = ErrorText(
    DATABASE_ERROR_TEXT.title,
    N_(
        "Your answer is not recorded, as far as this server knows. Everything that was acknowledged"
        " before is safe."
    ),
    N_(
        "Wait a moment, then go back to the question: your choice is still marked there. Submit it"
        " once more."
    ),
)
UNKEPT_FORM_TEXT = ErrorText(
    DATABASE_ERROR_TEXT.title,
    DATABASE_ERROR_TEXT.message,
    N_("What you entered is still in this page. Wait a moment, then send it again."),
)
DATABASE_RETRY_SECONDS = 5
_RETRIED = (429, 500, 503)
"""What may pass when the same is sent again. Of the other refusals some mean that there is no such
question, or can't read the form."""


@dataclass(frozen=True, slots=True)
class ErrorPages:
    """The handlers of HTTP errors and of unforeseen exceptions: a page or JSON, never a trace.

    ``outage_reason`` returns why the database can't be used, for an exception that means so, else
    None. ``question_address`` returns the address of the question, with the choice that was sent,
    when the request is the form of an answer, else None.
    """

    outage_reason: Callable[[Exception], str | None]
    question_address: Callable[[], str | None] = lambda: None

    def handle_csrf_error(self, error: CSRFError) -> Response:
        return csrf_error_response()

    def handle_http_error(self, error: HTTPException) -> Response:
        if error.response is not None:
            return make_response(error.get_response())
        original_error = getattr(error, "original_exception", None)
        if original_error is not None:  # the page of another error could not be rendered
            return self.handle_exception(original_error)
        code = error.code or 500
        fallback = ErrorText(error.name, error.description or "", ERROR_TEXTS[400].what_to_do)
        text = ERROR_TEXTS.get(code, fallback)
        response = self._respond(code, text)
        retry_after = getattr(error, "retry_after", None)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    def handle_exception(self, error: Exception) -> Response:
        # The page must not look up the signed-in person: the query that failed would fail again.
        g.learner_unknown = True
        reason = self.outage_reason(error)
        if reason is None:
            log.error("%s %s failed", request.method, request.path, exc_info=error)
            return self._respond(InternalServerError.code, ERROR_TEXTS[500])
        log.error("%s %s: no database: %s", request.method, request.path, reason)
        response = self._respond(503, DATABASE_ERROR_TEXT, UNRECORDED_ANSWER_TEXT, UNKEPT_FORM_TEXT)
        response.headers["Retry-After"] = str(DATABASE_RETRY_SECONDS)
        return response

    def _respond(
        self,
        code: int,
        text: ErrorText,
        answer_text: ErrorText | None = None,
        form_text: ErrorText | None = None,
    ) -> Response:
        """The page, with the way back to an answer's question, or any other form to be sent again:
        then in the words of ``answer_text`` or ``form_text``, if given."""
        if code not in _RETRIED:
            return _error_response(code, text)
        address = self.question_address()
        if address is not None:
            return _error_response(code, answer_text or text, question_address=address)
        form = sent_form()
        if form is not None:
            return _error_response(code, form_text or text, form=form)
        return _error_response(code, text)


def install_error_pages(app: Flask, pages: ErrorPages) -> None:
    app.register_error_handler(CSRFError, pages.handle_csrf_error)
    app.register_error_handler(HTTPException, pages.handle_http_error)
    app.register_error_handler(Exception, pages.handle_exception)
    _answer_errors_of_handlers(app)


def _answer_errors_of_handlers(app: Flask) -> None:
    """Makes what an error handler raises an error like any other: a 404 in it is the page of 404.

    By itself Flask answers 500 then, whatever was raised.
    """
    answer_error = app.handle_user_exception

    def answer_error_of_handler(e: Exception) -> HTTPException | ResponseReturnValue:
        try:
            return answer_error(e)
        except Exception as raised:  # what is raised here again is Flask's: no handler loops
            return answer_error(raised)

    app.handle_user_exception = answer_error_of_handler  # type: ignore[method-assign]


def csrf_error_response() -> Response:
    """The answer to a form without the token of its session."""
    return _error_response(400, CSRF_ERROR_TEXT)


def wants_json() -> bool:
    """Whether the client sent JSON or prefers JSON to HTML."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return request.is_json or best == "application/json"


def _error_response(
    code: int,
    text: ErrorText,
    *,
    question_address: str | None = None,
    form: SentForm | None = None,
) -> Response:
    text = ErrorText(gettext(text.title), gettext(text.message), gettext(text.what_to_do))
    if wants_json():
        body = jsonify(error=f"{text.title}. {text.message} {text.what_to_do}", field=None)
        return make_response(body, code)
    page = render_template(
        "errors/error.html",
        code=code,
        title=text.title,
        message=text.message,
        what_to_do=text.what_to_do,
        question_address=question_address,
        form=form,
    )
    return make_response(page, code)
