"""Who may come in where pages are written, and what becomes of a text that comes too late."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.authoring.files import ContentError, NotEditableError
from quizserver.settings import Settings
from quizserver.web.errors import wants_json

EXTRA_KIB = 64
SIGNED_OUT = (
    "You are signed out, or may not write any more. Sign in in another tab, then save it again."
)


def restrict_to_authors(blueprint: Blueprint, *, current: CurrentUser, settings: Settings) -> None:
    """Lets in those who write, with more room for what they send; nobody else finds a page here."""

    @blueprint.url_value_preprocessor
    def raise_body_limit(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
        # Before anything reads the form. Others have no use for it: they are turned away below.
        if request.method == "POST" and current.may_write():
            request.max_content_length = (settings.upload_kb + EXTRA_KIB) * 1024
            request.max_form_memory_size = request.max_content_length

    @blueprint.before_request
    def require_author() -> Any:
        if current.may_write():
            return None
        if request.method != "POST":
            abort(404)
        return _refusal_response(NotFound(), SIGNED_OUT, 404)

    @blueprint.errorhandler(CSRFError)
    def answer_csrf_error(error: CSRFError) -> Any:
        return _refusal_response(error, SIGNED_OUT, 400)

    @blueprint.errorhandler(NotEditableError)
    def answer_not_editable(error: NotEditableError) -> Any:
        return _refusal_response(NotFound(), str(error), 404)

    @blueprint.errorhandler(ContentError)
    def answer_content_error(error: ContentError) -> Any:
        html = render_template("authoring/trouble.html", message=str(error))
        return _refusal_response(make_response(html, 409), str(error), 409)


def _refusal_response(fallback: HTTPException | AnyResponse, message: str, status: int) -> Any:
    """The answer to what could not be done. A text that was sent is given back in it.

    Without scripts nothing else may hold it any more.
    """
    text = request.form.get("text")
    if wants_json():
        return make_response(jsonify(error=message), status)
    if text:
        html = render_template("authoring/given_back.html", message=message, unsaved_text=text)
        return make_response(html, status)
    if isinstance(fallback, HTTPException):
        return current_app.handle_http_exception(fallback)
    return fallback
