"""Access to the authors' pages: for authors alone, and no submitted text is lost on a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.authoring.files import ContentError, NotEditableError
from quizserver.settings import Settings
from quizserver.web.errors import csrf_error_response, wants_json
from quizserver.web.security_log import log_security_event, refuse_as_missing
from quizserver.web.text_guard import UnstorableTextError

EXTRA_KIB = 64
TEXT_ENDPOINTS = frozenset({"authoring.save", "authoring.settle"})
"""Where a form sends a page's whole text."""
SIGNED_OUT = (
    "You are signed out, or may not write any more. Sign in in another tab, then save it again."
)

UNSTORABLE = (
    "What was sent holds a character that can't be kept. Open the page again, then save the text."
)


@dataclass(frozen=True, slots=True)
class AuthorGuard:
    """Admits authors, with larger requests than others may send; for anyone else there is no page.

    It is called before every request to the blueprint.
    """

    current: CurrentUser
    settings: Settings

    def raise_body_limit(self, endpoint: str | None, _values: dict[str, Any] | None) -> None:
        # Before anything reads the form. An author whose session has ended gets the text back,
        # which takes reading it; others don't need it: require_author refuses them. For texts the
        # database isn't asked: while it is away, its error page gives them back.
        if request.method == "POST" and (
            (endpoint in TEXT_ENDPOINTS and self.current.has_signed_in())
            or self.current.may_write()
        ):
            request.max_content_length = (self.settings.upload_kb + EXTRA_KIB) * 1024
            request.max_form_memory_size = request.max_content_length

    def require_author(self) -> Any:
        if self.current.may_write():
            return None
        if request.method != "POST":
            refuse_as_missing()
        log_security_event("access-refused")
        return _refusal_response(NotFound(), SIGNED_OUT, 404)


def restrict_to_authors(blueprint: Blueprint, *, current: CurrentUser, settings: Settings) -> None:
    """Puts the guard before the blueprint's views, and answers their errors with the sent text."""
    guard = AuthorGuard(current, settings)
    blueprint.url_value_preprocessor(guard.raise_body_limit)
    blueprint.before_request(guard.require_author)
    blueprint.register_error_handler(CSRFError, answer_csrf_error)
    blueprint.register_error_handler(UnstorableTextError, answer_unstorable_text)
    blueprint.register_error_handler(NotEditableError, answer_not_editable)
    blueprint.register_error_handler(ContentError, answer_content_error)


def current_author(current: CurrentUser) -> Person:
    """The author who is signed in, in a view of a blueprint that is restricted to authors."""
    account = current.account()
    assert account is not None, "the guard admits authors alone"
    return account


def answer_csrf_error(error: CSRFError) -> Any:
    # Not the error itself: whoever handles it would come back here.
    return _refusal_response(csrf_error_response(), SIGNED_OUT, 400)


def answer_unstorable_text(error: UnstorableTextError) -> Any:
    # Not the error itself: whoever handles it would come back here.
    refusal = NotFound() if error.code == NotFound.code else BadRequest()
    return _refusal_response(refusal, UNSTORABLE, refusal.code or 400)


def answer_not_editable(error: NotEditableError) -> Any:
    return _refusal_response(NotFound(), str(error), 404)


def answer_content_error(error: ContentError) -> Any:
    html = render_template("authoring/trouble.html", message=str(error))
    return _refusal_response(make_response(html, 409), str(error), 409)


def _refusal_response(fallback: HTTPException | AnyResponse, message: str, status: int) -> Any:
    """The answer to a refused request. It returns a text that was sent: without scripts, the
    author may have no other copy of it."""
    text = request.form.get("text")
    if wants_json():
        return make_response(jsonify(error=message), status)
    if text:
        html = render_template("authoring/given_back.html", message=message, unsaved_text=text)
        return make_response(html, status)
    if isinstance(fallback, HTTPException):
        return current_app.handle_http_exception(fallback)
    return fallback
