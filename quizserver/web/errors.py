"""Error pages: what happened, and what to do about it. Programs that ask for JSON get JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    message: str
    what_to_do: str


WORDS = {
    400: Words(
        "That request made no sense here",
        "Something in it was missing or malformed.",
        "Go back, reload the page and try again.",
    ),
    403: Words(
        "This is not open to you",
        "The page exists, but not for you, or not yet.",
        "If it belongs to a question, answer the question first.",
    ),
    404: Words(
        "There is no such page",
        "The address may have a typing error, or the page was taken away.",
        "The list of topics is a good place to start again.",
    ),
    405: Words(
        "That can't be done at this address",
        "The address is right, but it takes another kind of request.",
        "Go back and use the page's own buttons.",
    ),
    413: Words(
        "That was too much at once",
        "The request is larger than this server takes.",
        "Send less, then try again.",
    ),
    429: Words(
        "That was a little fast",
        "Too many requests of this kind came from here within a short time.",
        "Wait a minute, then try again. Nothing was lost.",
    ),
    500: Words(
        "Something broke on our side",
        "The error has been written to the server's log.",
        "Try again in a moment. Answers that were acknowledged are safe.",
    ),
    503: Words(
        "The server is busy",
        "It has more to do at this moment than it can take on.",
        "Try again in a few seconds.",
    ),
}

CSRF_WORDS = Words(
    "This page is too old to be sent",
    "Its safety token does not belong to your session any more, or cookies are blocked.",
    "Go back and send it again: what you wrote is still there. If that does not help,"
    " keep a copy of it and reload the page; cookies must be allowed for this site.",
)


NO_DATA_WORDS = Words(
    "The server can't reach its database",
    "What you sent just now was perhaps not kept. Everything that was acknowledged before is safe.",
    "Wait a moment, then go back and try again. Sending an answer twice counts it once.",
)
NO_DATA_SECONDS = 5


def install(app: Flask, *, unavailable: Callable[[Exception], str | None]) -> None:
    """Answers HTTP errors and unforeseen exceptions with a page or JSON, never a trace.

    ``unavailable`` says why the database can't be used, of an exception that means so.
    """

    @app.errorhandler(CSRFError)
    def csrf_error(error: CSRFError) -> Response:
        return _answer(400, CSRF_WORDS)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:
            return make_response(error.get_response())
        unhandled = getattr(error, "original_exception", None)
        if unhandled is not None:  # the page of another error could not be made
            return unforeseen(unhandled)
        code = error.code or 500
        general = Words(error.name, error.description or "", WORDS[400].what_to_do)
        words = WORDS.get(code, general)
        response = _answer(code, words)
        retry_after = getattr(error, "retry_after", None)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        # The page must not ask again who is signed in: what has just failed would fail once more.
        g.learner_unknown = True
        if (said := unavailable(error)) is not None:
            log.error("%s %s: no database: %s", request.method, request.path, said)
            response = _answer(503, NO_DATA_WORDS)
            response.headers["Retry-After"] = str(NO_DATA_SECONDS)
            return response
        log.exception("%s %s failed", request.method, request.path)
        return _answer(InternalServerError.code, WORDS[500])


def wants_json() -> bool:
    """Whether the client is a program: it sent JSON, or prefers JSON to HTML."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return request.is_json or best == "application/json"


def _answer(code: int, words: Words) -> Response:
    if wants_json():
        body = jsonify(error=f"{words.title}. {words.message} {words.what_to_do}", field=None)
        return make_response(body, code)
    page = render_template(
        "errors/error.html",
        code=code,
        title=words.title,
        message=words.message,
        what_to_do=words.what_to_do,
    )
    return make_response(page, code)
